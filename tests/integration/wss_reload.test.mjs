// Certificates that change while clients are connected, and peers that only pretend to speak TLS.
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { makeCertificates } from './lib/certificates.mjs';
import { Deadlines, descriptors, judge } from './lib/hostile.mjs';
import { Scene, it } from './lib/scene.mjs';
import { until, within } from './lib/wait.mjs';

const scene = new Scene();
const first = await makeCertificates(scene.folder, 'first');
const second = await makeCertificates(scene.folder, 'second');
const certificate = join(scene.folder, 'served.crt'), key = join(scene.folder, 'served.key');
const fingerprint = (files) => new X509Certificate(readFileSync(files.certificate)).fingerprint256;

function serve(files, keyFiles = files) {
  copyFileSync(keyFiles.key, key);
  copyFileSync(files.certificate, certificate);
}

serve(first);
const flags = ['--listen-tls-address', '127.0.0.1:0', '--tls-certificate', certificate, '--tls-key', key];
const node = await scene.barker([...flags, '--listen-workers', '2', '--tls-look', '1h', '--outbox-limit', '64MiB']);
const publisher = scene.ioredis(node.embedded.port);
const url = (path, of = node) => of.url(path, of.secure, 'wss');
const trusting = { rejectUnauthorized: false };

function shake(of, options = {}) {
  const socket = connectTls({ ...of.secure, ...trusting, ...options });
  return within(new Promise((resolve, reject) => {
    socket.once('secureConnect', () => resolve(socket));
    socket.once('error', reject);
  }), 'a TLS handshake').finally(() => socket.on('error', () => {}));
}

async function shown(of = node) {
  const socket = await shake(of);
  const { fingerprint256 } = socket.getPeerCertificate();
  socket.destroy();
  return fingerprint256;
}

// Every worker has to show it: the kernel spreads the connections.
const allShow = (files) => until(async () => {
  for (let i = 0; i < 8; i++) if (await shown() !== fingerprint(files)) return false;
  return true;
}, 'the new certificate');

it('under load, new certificates are shown and no connection or message is lost', async () => {
  const clients = [];
  for (let i = 0; i < 20; i++) {
    const client = await scene.connect(url('/raw/load'), trusting);
    clients.push(await client.heard((probe) => publisher.publish('barker:load', probe)));
  }
  let n = 0, isOver = false;
  const load = (async () => {
    while (!isOver || n < 500) await publisher.publish('barker:load', String(n++));
  })();
  for (const files of [second, first, second]) {
    serve(files);
    node.child.process.kill('SIGHUP');
    await allShow(files);
  }
  isOver = true;
  await load;
  for (const client of clients) {
    for (let at = 0; at < n; at++) assert.equal(await client.nextText(), String(at));
    assert.equal(client.closed, null);
    client.terminate();
  }
});

it('a key that does not fit is refused, the old certificate stays, and the right pair ends that', async () => {
  const nBefore = node.events('certificates_refused').length;
  serve(first, second);
  node.child.process.kill('SIGHUP');
  assert.match((await node.nextEvent('certificates_refused', nBefore)).line, /mismatch/);
  assert.equal(await shown(), fingerprint(second));
  serve(first);
  node.child.process.kill('SIGHUP');
  await allShow(first);
});

it('a ticket does not outlive the certificates under which it was given', async () => {
  const options = { maxVersion: 'TLSv1.2' };
  const before = await shake(node, options);
  const session = before.getSession();
  before.destroy();
  const n = node.events('certificates_loaded').length;
  node.child.process.kill('SIGHUP');
  await node.nextEvent('certificates_loaded', n);
  await until(async () => {
    const again = await shake(node, { ...options, session });
    const isReused = again.isSessionReused();
    again.destroy();
    return !isReused;
  }, 'a whole handshake');
});

it('a changed file is seen without a signal', async () => {
  const watching = await scene.barker([...flags, '--tls-look', '100ms']);
  assert.equal(await shown(watching), fingerprint(first));
  serve(second);
  await until(async () => await shown(watching) === fingerprint(second), 'the new certificate');
  await watching.stop();
  assert.equal(watching.total('reloads', 'certificates_totals') >= 1, true);
});

it('without certificates SIGHUP ends nothing either', async () => {
  const plain = await scene.barker();
  plain.child.process.kill('SIGHUP');
  await plain.nextEvent('configuration_loaded', 0);
  await plain.stop();
});

// The head of a ClientHello's record, and too little behind it.
const HALF_HELLO = Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03]);

for (const [name, act] of Object.entries({
  'completes TCP on the TLS port and sends nothing': () => {},
  'sends half a ClientHello': (raw) => raw.write(HALF_HELLO),
  'sends a plain HTTP request to the TLS port': (raw) => raw.write('GET /ws HTTP/1.1\r\nHost: localhost\r\n\r\n'),
})) {
  it(`a peer that ${name} is gone within the handshake's bound`, async () => {
    const deadlines = new Deadlines();
    const strict = await scene.barker([...flags, ...deadlines.flags(), '--listen-workers', '1']);
    const { pid } = strict.child.process;
    const nAtStart = descriptors(pid), N = 10, sinceMs = performance.now();
    const peers = [];
    for (let i = 0; i < N; i++) peers.push(await scene.raw(strict.secure));
    peers.forEach(act);
    await until(() => descriptors(pid) <= nAtStart, 'their descriptors');
    judge(name, deadlines.bound('handshake'), performance.now() - sinceMs, N);
    await strict.stop();
    assert.equal(strict.total('tls_failed'), N);
  });
}

it('a peer that finishes the TLS handshake and says nothing more is gone within the same bound', async () => {
  const deadlines = new Deadlines();
  const strict = await scene.barker([...flags, ...deadlines.flags(), '--listen-workers', '1']);
  const sinceMs = performance.now();
  const socket = await shake(strict);
  await until(() => socket.closed || socket.destroyed, 'the end of the connection');
  judge('finishes the TLS handshake and sends nothing', deadlines.bound('handshake'), performance.now() - sinceMs, 1);
  await strict.stop();
  assert.equal(strict.causes().handshake_timeout.terminated, 1);
});

it('a peer by TLS that goes silent, or reads nothing of what waits, is gone within its bound', async () => {
  const deadlines = new Deadlines();
  const strict = await scene.barker([...flags, ...deadlines.flags(), '--listen-workers', '1', '--outbox-limit', '64MiB']);
  const backend = scene.ioredis(strict.embedded.port);
  const { pid } = strict.child.process;
  await backend.ping();
  const nAtStart = descriptors(pid);
  const silent = await scene.raw({ ...strict.secure, tls: trusting }, '/raw/quiet');
  silent.answersPings = false;
  const sinceMs = performance.now();
  await silent.ended();
  judge('by TLS, never answers pings', deadlines.bound('silence'), performance.now() - sinceMs, 1);
  const stalled = await scene.raw({ ...strict.secure, tls: trusting }, '/raw/flood');
  stalled.socket.pause();
  for (let i = 0; i < 400; i++) await backend.publish('barker:flood', 'x'.repeat(50_000));
  await until(() => descriptors(pid) <= nAtStart, 'its descriptor');
  await strict.stop();
  const { pong_timeout: quiet, stalled: stall } = strict.causes();
  assert.equal((quiet?.terminated ?? 0) + (stall?.terminated ?? 0), 2);
});

it('TLS 1.2 is not renegotiated', async () => {
  const strict = await scene.barker([...flags, ...new Deadlines().flags()]);
  const socket = await shake(strict, { maxVersion: 'TLSv1.2' });
  let isRenegotiated = false;
  socket.renegotiate({}, (error) => { isRenegotiated = !error; });
  await until(() => socket.destroyed, 'the end of the connection');
  assert.equal(isRenegotiated, false);
});

scene.endsClean();
