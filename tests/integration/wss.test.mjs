// Clients by TLS: versions, names, tickets, certificates of clients, and the same dialects and bounds as without it.
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect as connectTls } from 'node:tls';
import { barker } from './lib/barker.mjs';
import { makeCertificates } from './lib/certificates.mjs';
import { CLOSE } from './lib/raw_socket.mjs';
import { Scene, it } from './lib/scene.mjs';
import { until, within } from './lib/wait.mjs';

const scene = new Scene();
const local = await makeCertificates(scene.folder, 'local');
const other = await makeCertificates(scene.folder, 'other', 'DNS:chat.example, DNS:*.wild.example');
const guest = await makeCertificates(scene.folder, 'guest', 'DNS:guest');
const flags = ['--listen-tls-address', '127.0.0.1:0', '--listen-workers', '2', '--access-publish', 'anyone',
  '--tls-certificate', `${local.certificate} ${other.certificate}`, '--tls-key', `${local.key} ${other.key}`];
const node = await scene.barker([...flags, '--outbox-limit', '64MiB', '--watchdog-stall', '30s']);
const publisher = scene.ioredis(node.embedded.port);
const ca = readFileSync(local.ca);
const url = (path, of = node) => of.url(path, of.secure, 'wss');
const rawAddress = (of = node) => ({ ...of.secure, tls: { ca } });

// The TLS connection as the client sees it once the handshake is over.
function shake(options = {}, of = node) {
  const socket = connectTls({ ...of.secure, ca, ALPNProtocols: ['http/1.1'], checkServerIdentity: () => undefined, ...options });
  return within(new Promise((resolve, reject) => {
    socket.once('secureConnect', () => resolve(socket));
    socket.once('error', reject);
  }), 'a TLS handshake').finally(() => socket.on('error', () => {}));
}

async function shown(options) {
  const socket = await shake(options);
  const { fingerprint256 } = socket.getPeerCertificate();
  socket.destroy();
  return fingerprint256;
}

const fingerprint = (files) => new X509Certificate(readFileSync(files.certificate)).fingerprint256;

it('barker.v1 works by wss as it does by ws', async () => {
  const client = await scene.connectV1(url('/ws'), { ca });
  assert.equal((await client.ask({ type: 'subscribe', channel: 'news' })).type, 'ok');
  await publisher.publish('barker:news', '{"hello":1}');
  assert.deepEqual((await client.nextJson()).data, { hello: 1 });
  client.close(1000);
  assert.equal((await client.end()).code, 1000);
});

it('raw works by wss, with a message of 64 KiB in both directions', async () => {
  const client = await scene.connect(url('/raw/big'), { ca });
  await client.heard((probe) => publisher.publish('barker:big', probe));
  const payload = 'x'.repeat(65_000);
  client.send(payload);
  assert.equal(await client.nextText(), payload);
  await publisher.publish('barker:big', payload.repeat(8));
  assert.equal(await client.nextText(), payload.repeat(8));
});

it('clients by ws and by wss share a channel', async () => {
  const clients = [await scene.connectV1(url('/ws'), { ca }), await scene.connectV1(node.url('/ws'))];
  for (const client of clients) await client.ask({ type: 'subscribe', channel: 'shared' });
  await publisher.publish('barker:shared', '1');
  for (const client of clients) assert.equal((await client.nextJson()).data, 1);
});

it('an ordinary request is answered by https', async () => {
  const raw = await scene.raw(rawAddress());
  raw.write('GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n');
  assert.equal(await raw.answered(), 404);
  await raw.ended();
});

for (const version of ['TLSv1.2', 'TLSv1.3']) {
  it(`${version} is spoken, with http/1.1 as its protocol`, async () => {
    const socket = await shake({ minVersion: version, maxVersion: version });
    assert.equal(socket.getProtocol(), version);
    assert.equal(socket.alpnProtocol, 'http/1.1');
    socket.destroy();
  });

  it(`a ticket of ${version} is good with every worker`, async () => {
    const options = { minVersion: version, maxVersion: version };
    const first = await shake(options);
    const session = await within(new Promise((resolve) => {
      if (version === 'TLSv1.2') resolve(first.getSession());
      else first.once('session', resolve);
    }), 'a ticket');
    first.destroy();
    for (let i = 0; i < 12; i++) {
      const again = await shake({ ...options, session });
      assert.ok(again.isSessionReused());
      again.destroy();
    }
  });
}

it('TLS 1.1 is refused', async () => {
  const old = { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' };
  await assert.rejects(shake(old), /protocol version/);
});

it('a client that speaks HTTP/2 only is refused', async () => {
  await assert.rejects(shake({ ALPNProtocols: ['h2'] }), /no application protocol/);
});

it('the certificate is the one that bears the name asked for, or the first', async () => {
  const ask = (servername) => shown({ servername, rejectUnauthorized: false });
  assert.equal(await ask('localhost'), fingerprint(local));
  assert.equal(await ask('chat.example'), fingerprint(other));
  assert.equal(await ask('a.wild.example'), fingerprint(other));
  assert.equal(await ask('unknown.example'), fingerprint(local));
  assert.equal(await ask(undefined), fingerprint(local));
});

it('10,000 messages reach each of 5 clients by wss, in order and once', async () => {
  const clients = [];
  for (let i = 0; i < 5; i++) {
    const client = await scene.connect(url('/raw/many'), { ca });
    clients.push(await client.heard((probe) => publisher.publish('barker:many', probe)));
  }
  const n = 10_000;
  for (let at = 0; at < n; at += 500)
    await Promise.all(Array.from({ length: 500 }, (_, i) => publisher.publish('barker:many', String(at + i))));
  for (const client of clients) {
    for (let at = 0; at < n; at++) assert.equal(await client.nextText(), String(at));
    client.terminate();
  }
}, { timeout: 120_000 });

it('a reader that pauses gets everything that waited, in order', async () => {
  const raw = await scene.raw(rawAddress(), '/raw/paused');
  await until(async () => {
    await publisher.publish('barker:paused', 'probe');
    return raw.frames.values.length > 0;
  }, 'the channel', undefined, 20);
  raw.socket.pause();
  const n = 3000, pad = 'x'.repeat(8000);
  for (let at = 0; at < n; at += 50)
    await Promise.all(Array.from({ length: 50 }, (_, i) => publisher.publish('barker:paused', `${at + i} ${pad}`)));
  raw.socket.resume();
  for (let at = 0; at < n;) {
    const text = await raw.nextText();
    if (text === 'probe') continue;
    assert.equal(text, `${at} ${pad}`);
    at++;
  }
});

it('a reader over its limit of 1 MiB is closed with 1013', async () => {
  const strict = await scene.barker([...flags, '--outbox-limit', '1MiB', '--watchdog-stall', '1s']);
  const backend = scene.ioredis(strict.embedded.port);
  const raw = await scene.raw(rawAddress(strict), '/raw/slow');
  await until(async () => {
    await backend.publish('barker:slow', 'probe');
    return raw.frames.values.length > 0;
  }, 'the channel', undefined, 20);
  raw.socket.pause();
  for (let at = 0; at < 40; at++)
    await Promise.all(Array.from({ length: 50 }, () => backend.publish('barker:slow', 'x'.repeat(8000))));
  raw.socket.resume();
  assert.ok([1013, null].includes(await raw.closeCode()), 'null: terminated while it did not read');
  await raw.ended();
  assert.ok(raw.frames.values.every(({ opcode }) => opcode !== CLOSE));
  await strict.stop();
  assert.equal(strict.causes().slow_consumer.closed, 1);
});

it('with an authority for clients, only those with its certificate are let in', async () => {
  const guarded = await scene.barker([...flags, '--tls-client-ca', guest.ca]);
  const show = (files) => ({ ca, cert: readFileSync(files.certificate), key: readFileSync(files.key) });
  const client = await scene.connectV1(url('/ws', guarded), show(guest));
  assert.equal((await client.ask({ type: 'ping' })).type, 'ok');
  for (const version of ['TLSv1.2', 'TLSv1.3']) {
    const limits = { minVersion: version, maxVersion: version };
    await assert.rejects(scene.connectV1(url('/ws', guarded), { ca, ...limits }));
    await assert.rejects(scene.connectV1(url('/ws', guarded), { ...show(other), ...limits }));
  }
  client.terminate();
  await guarded.stop();
  assert.equal(guarded.total('tls_failed'), 4);
});

const refuse = async (args, expected, errors) => {
  const result = await barker(['run', '--access-subscribe', 'anyone', '--listen-address', '127.0.0.1:0', '--embedded-address', '',
    '--listen-tls-address', '127.0.0.1:0', ...args]);
  assert.equal(result.code, expected);
  assert.match(result.errors, errors);
};

it('what does not fit together is refused at the start', async () => {
  await refuse([], 78, /listen\.tls_address: it wants tls\.certificate and tls\.key/);
  await refuse(['--tls-certificate', local.certificate], 78, /tls\.key: it takes as many files/);
  await refuse(['--tls-certificate', local.certificate, '--tls-key', '/nowhere'], 78, /event=bad_certificates .*\/nowhere/);
  await refuse(['--tls-certificate', local.certificate, '--tls-key', other.key], 78, /event=bad_certificates .*mismatch/);
});

scene.endsClean();
