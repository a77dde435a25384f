// What changes while a node runs: SIGHUP reads configuration, keys and certificates again, under load and without a connection
// lost; files of keys are looked at; what is wrong changes nothing, and what needs a restart is named.
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { copyFileSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { barker } from './lib/barker.mjs';
import { makeCertificates } from './lib/certificates.mjs';
import { run } from './lib/child.mjs';
import { CLOSE, CONTINUATION, PING, PONG, TEXT, frame } from './lib/raw_socket.mjs';
import { Scene, it } from './lib/scene.mjs';
import { Signer } from './lib/tokens.mjs';
import { until, within } from './lib/wait.mjs';

const EX_CONFIG = 78;
const N_CLIENTS = 300;
const scene = new Scene();
const trusting = { rejectUnauthorized: false };
const [first, second] = [await makeCertificates(scene.folder, 'first'), await makeCertificates(scene.folder, 'second')];
const fingerprint = (files) => new X509Certificate(readFileSync(files.certificate)).fingerprint256;

// A file of its own for each node: sections as an object of objects.
let nFiles = 0;
class Sources {
  constructor(sections) {
    const n = nFiles++;
    this.path = join(scene.folder, `barker-${n}.ini`);
    this.certificate = join(scene.folder, `served-${n}.crt`);
    this.key = join(scene.folder, `served-${n}.key`);
    this.keys = join(scene.folder, `keys-${n}`);
    this.sections = sections;
    this.write({});
  }

  write(changes) {
    for (const [section, options] of Object.entries(changes)) {
      this.sections[section] = { ...this.sections[section], ...options };
      for (const [name, value] of Object.entries(options)) if (value === null) delete this.sections[section][name];
    }
    writeFileSync(this.path, Object.entries(this.sections).map(([section, options]) => [
      `[${section}]`, ...Object.entries(options).map(([name, value]) => `${name} = ${value}`),
    ].join('\n')).join('\n\n'));
  }

  serve(files) {
    copyFileSync(files.key, this.key);
    copyFileSync(files.certificate, this.certificate);
  }

  // As secret stores do it: the file is another one at once.
  writeKeys(text) {
    writeFileSync(`${this.keys}.new`, text);
    renameSync(`${this.keys}.new`, this.keys);
  }
}

const hangUp = (node) => node.child.process.kill('SIGHUP');

// What the SIGHUP comes to: the line of the log that says so.
async function reload(node, event = 'configuration_loaded') {
  const n = node.events(event).length;
  hangUp(node);
  return (await node.nextEvent(event, n)).line;
}

async function shown(node) {
  const socket = connectTls({ ...node.secure, ...trusting });
  await within(new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject)), 'a handshake');
  const { fingerprint256 } = socket.getPeerCertificate();
  socket.destroy();
  return fingerprint256;
}

async function statusOf(url, options) {
  try {
    const client = await scene.connect(url, options);
    client.terminate();
    return 101;
  } catch (error) {
    return error.status;
  }
}

const bearer = (token) => ({ headers: { Authorization: `Bearer ${token}` } });

it('under load, another certificate, key and namespace: nobody is dropped, nothing is lost, all of it holds', async () => {
  const [before, after] = [new Signer(), new Signer()];
  const sources = new Sources({ 'namespace.open': { subscribe: 'anyone' }, 'namespace.room': { subscribe: 'nobody' } });
  sources.serve(first);
  sources.writeKeys(before.key);
  const node = await scene.barker([
    '--config', sources.path, '--listen-workers', '2', '--listen-tls-address', '127.0.0.1:0', '--tls-look', '1h',
    '--auth-look', '1h', '--tls-certificate', sources.certificate, '--tls-key', sources.key,
    '--auth-key-files', sources.keys, '--access-subscribe', 'nobody', '--outbox-limit', '64MiB',
  ]);
  const publisher = scene.ioredis(node.embedded.port);
  const clients = await Promise.all(Array.from({ length: N_CLIENTS }, async (_, i) => {
    const client = i % 3 === 0
      ? await scene.connect(node.url('/raw/open:load', node.secure, 'wss'), trusting)
      : await scene.connect(node.url('/raw/open:load'));
    return client.heard((probe) => publisher.publish('barker:open:load', probe));
  }));
  const token = (signer) => signer.sign({ sub: 'ada', subscribe: ['*'] });
  const held = await scene.connectV1(node.url('/ws'), bearer(token(before)));
  const stranger = await scene.connectV1(node.url('/ws'));
  const ask = (client, channel) => client.ask({ type: 'subscribe', channel });
  assert.equal((await ask(stranger, 'room:x')).code, 'forbidden');
  assert.equal(await statusOf(node.url('/ws'), bearer(token(after))), 401);

  let n = 0, isOver = false;
  const load = (async () => {
    while (!isOver) {
      await publisher.publish('barker:open:load', String(n++));
    }
  })();
  sources.serve(second);
  sources.writeKeys(after.key);
  sources.write({ 'namespace.room': { subscribe: 'user' }, log: { level: 'debug' } });
  const began = performance.now();
  assert.match(await reload(node), / changed=2$/);
  await until(async () => await statusOf(node.url('/ws'), bearer(token(after))) === 101, 'the new key');
  for (let i = 0; i < 8; i++) assert.equal(await shown(node), fingerprint(second));
  for (let i = 0; i < 8; i++) assert.equal(await statusOf(node.url('/ws'), bearer(token(before))), 401);
  // Who is connected keeps what its token gave, and the namespace's new rule counts at once.
  assert.equal((await ask(held, 'room:x')).type, 'ok');
  assert.equal((await ask(stranger, 'room:x')).code, 'unauthorized');
  const newcomer = await scene.connectV1(node.url('/ws'), bearer(token(after)));
  assert.equal((await ask(newcomer, 'room:y')).type, 'ok');
  for (let i = 0; i < 5; i++) await reload(node);
  isOver = true;
  await load;
  const tookMs = performance.now() - began;
  assert.ok(n > 20);
  for (const client of clients) {
    for (let at = 0; at < n; at++) assert.equal(await client.nextText(), String(at));
    assert.equal(client.closed, null);
    client.terminate();
  }
  for (const client of [held, stranger, newcomer]) assert.equal(client.closed, null);
  console.log(`SIGHUP 6 times in ${(tookMs / 1000).toFixed(1)} s under load, with another certificate, key and namespace: `
    + `${clients.length + 3} clients, none dropped; ${n} messages to ${clients.length} each, none lost`);
  assert.equal(node.events('restart_needed').length, 0);
  for (const secret of [before.secret, after.secret, ...before.made, ...after.made])
    assert.ok(!node.child.errors.join('\n').includes(secret));
});

it('limits, origins and the log change for who is there and who comes', async () => {
  const sources = new Sources({ limits: { message_size: '1KiB' }, log: { level: 'info' } });
  const node = await scene.barker(['--config', sources.path, '--access-publish', 'anyone']);
  const client = await scene.connectV1(node.url('/ws'));
  await client.ask({ type: 'subscribe', channel: 'x' });
  sources.write({
    limits: { message_size: '8KiB', connections_per_address: 1, subscriptions: 1 },
    access: { origins: 'https://good.example' }, log: { format: 'json' },
  });
  const n = node.child.errors.length;
  hangUp(node);
  await until(() => node.child.errors.slice(n).some((line) => line.includes('"event":"configuration_loaded","changed":5')),
    'the reading in the new form');
  await until(async () => (await client.ask({ type: 'subscribe', channel: 'y' })).code === 'too_many_subscriptions', 'the new limit');
  assert.equal((await client.ask({ type: 'publish', channel: 'x', data: 'x'.repeat(4000) })).type, 'ok');
  assert.equal(await statusOf(node.url('/raw/x'), { origin: 'https://evil.example' }), 403);
  // The one that was there before the limit does not count.
  const counted = await scene.connect(node.url('/raw/x'), { origin: 'https://good.example' });
  await assert.rejects(scene.connect(node.url('/raw/x')));
  assert.equal(counted.closed, null);
  sources.write({ log: { format: 'logfmt' } });
  assert.match(await reload(node), / changed=1$/);
});

it('a message under way when the limit is lowered is refused like any that is too big', async () => {
  const sources = new Sources({ limits: { message_size: '64KiB' } });
  const node = await scene.barker(['--config', sources.path]);
  const raw = await scene.raw(node.address, '/raw/x');
  raw.write(frame(TEXT, 'x'.repeat(8000), { isFinal: false }));
  raw.write(frame(PING)); // what answers it has taken the first part
  assert.equal((await raw.frames.next('a pong')).opcode, PONG);
  sources.write({ limits: { message_size: '1KiB' } });
  await reload(node);
  raw.write(frame(CONTINUATION, 'x'));
  const { opcode, payload } = await raw.frames.next('a close');
  assert.deepEqual([opcode, payload.readUInt16BE(0)], [CLOSE, 1009]);
});

for (const broker of ['embedded', 'redis']) it(`history and presence change with the namespace, ${broker}`, async () => {
  const sources = new Sources({ 'namespace.room': { subscribe: 'anyone' } });
  const redis = broker === 'redis' ? ['--redis-url', (await scene.redis()).url] : [];
  const node = await scene.barker([
    '--config', sources.path, '--broker-linger', '100ms', '--access-publish', 'anyone', ...redis,
  ]);
  const [client, other] = [await scene.connectV1(node.url('/ws')), await scene.connectV1(node.url('/ws'))];
  const ask = (type, channel = 'room:x') => client.ask({ type, channel });
  for (const at of [client, other]) assert.equal((await at.ask({ type: 'subscribe', channel: 'room:x' })).type, 'ok');
  assert.equal((await ask('presence')).code, 'not_kept');
  assert.equal((await ask('history')).code, 'not_kept');
  sources.write({ 'namespace.room': { presence: 'yes', history: 10 } });
  await reload(node);
  await until(async () => (await ask('presence')).members?.length === 2, 'both of them');
  // A channel that is wanted stays as it was; the history begins with the next message.
  const said = await client.ask({ type: 'publish', channel: 'room:x', data: 'one' });
  assert.equal(said.type, 'ok');
  assert.deepEqual((await ask('history')).messages.map((message) => message.data), ['one']);
  assert.equal((await other.ask({ type: 'unsubscribe', channel: 'room:x' })).type, 'ok');
  await until(async () => (await ask('presence')).members?.length === 1, 'one of them');
  sources.write({ 'namespace.room': { presence: null, history: null, history_local: 5 } });
  await reload(node);
  await until(async () => (await ask('presence')).code === 'not_kept', 'no presence');
  assert.notEqual((await ask('history')).code, 'not_kept');
  await ask('unsubscribe');
  sources.write({ 'namespace.room': { presence: 'yes', history_local: 3, history: 4 } });
  await reload(node);
  assert.equal((await ask('subscribe')).type, 'ok');
  await until(async () => (await ask('presence')).members?.length === 1, 'the one that is there');
});

it('what is wrong changes nothing, and is told line by line', async () => {
  const signer = new Signer();
  const sources = new Sources({ limits: { subscriptions: 5 } });
  sources.serve(first);
  sources.writeKeys(signer.key);
  const node = await scene.barker([
    '--config', sources.path, '--auth-key-files', sources.keys, '--auth-look', '1h', '--tls-look', '1h',
    '--listen-tls-address', '127.0.0.1:0', '--tls-certificate', sources.certificate, '--tls-key', sources.key,
  ]);
  const stands = async () => {
    const client = await scene.connectV1(node.url('/ws'), bearer(signer.sign({ sub: 'ada' })));
    const answers = [];
    for (let i = 0; i < 6; i++) answers.push((await client.ask({ type: 'subscribe', channel: `x${i}` })).type);
    client.terminate();
    assert.deepEqual(answers, ['ok', 'ok', 'ok', 'ok', 'ok', 'error']);
    assert.equal(await shown(node), fingerprint(first));
  };
  sources.write({ limits: { subscriptions: 1, handshakes: 'many' }, watchdog: { ping: 'soon' } });
  assert.match(await reload(node, 'configuration_refused'), /handshakes/);
  await until(() => node.events('configuration_refused').length === 2, 'both lines');
  await stands();
  sources.write({ limits: { handshakes: null }, watchdog: { ping: null } });
  sources.writeKeys('hs256:short');
  assert.match(await reload(node, 'keys_refused'), /keys-/);
  await stands();
  sources.writeKeys(signer.key);
  copyFileSync(second.key, sources.key);
  assert.match(await reload(node, 'certificates_refused'), /mismatch/);
  await stands();
  assert.equal(node.events('configuration_loaded').length, 0);
  sources.serve(first);
  assert.match(await reload(node), / changed=1$/);
  await node.stop();
  assert.equal(node.total('refused', 'reload_totals'), 1);
  assert.equal(node.total('keys_refused', 'reload_totals'), 1);
});

it('what needs a restart is named each time, and the rest is taken', async () => {
  const sources = new Sources({ listen: { workers: 1 }, redis: { canary: '1s' }, limits: { subscriptions: 9 } });
  const node = await scene.barker(['--config', sources.path]);
  sources.write({ listen: { workers: 2 }, redis: { canary: '3s' }, limits: { subscriptions: 8 } });
  for (let round = 1; round <= 2; round++) {
    assert.match(await reload(node), round === 1 ? / changed=1$/ : / changed=0$/);
    const named = node.events('restart_needed').map(({ line }) => line.match(/option=(\S+)/)[1]);
    assert.deepEqual(named, Array(round).fill(['listen.workers', 'redis.canary']).flat());
  }
});

it('the keys of the HTTP API change: on SIGHUP, and their file without one', async () => {
  const [before, after, written] = ['0123456789abcdef', 'fedcba9876543210', 'abcdefabcdefabcdef'];
  const sources = new Sources({ admin: { token: before } });
  sources.writeKeys(`read:${written}`);
  const node = await scene.barker(['--config', sources.path, '--api-key-file', sources.keys, '--auth-look', '100ms']);
  const asks = async (key) => {
    const headers = key ? { Authorization: `Bearer ${key}` } : {};
    const answer = await fetch(node.adminUrl('/api/v1/info'), { headers });
    await answer.arrayBuffer();
    return answer.status;
  };
  assert.deepEqual([await asks(before), await asks(written), await asks(after), await asks(null)], [200, 200, 401, 401]);
  sources.write({ admin: { token: after } });
  await reload(node);
  await until(async () => await asks(after) === 200, 'the new token');
  assert.deepEqual([await asks(before), await asks(written), await asks(null)], [401, 200, 401]);
  sources.writeKeys(`read:${before}`);
  await until(async () => await asks(before) === 200, 'the new key');
  assert.deepEqual([await asks(written), await asks(after)], [401, 200]);
  sources.write({ admin: { token: null } });
  await reload(node);
  await until(async () => await asks(null) === 200, 'no need of one');
});

it('a changed JWKS is taken without a signal, and a bad one is not', async () => {
  const signers = [new Signer(), new Signer()];
  const sources = new Sources({});
  const jwks = (signer) => JSON.stringify({
    keys: [{ kty: 'oct', alg: 'HS256', k: Buffer.from(signer.secret).toString('base64url') }],
  });
  sources.writeKeys(jwks(signers[0]));
  const node = await scene.barker(['--auth-jwks-file', sources.keys, '--auth-look', '100ms']);
  const enters = (signer) => statusOf(node.url('/ws'), bearer(signer.sign({ sub: 'ada' })));
  assert.deepEqual([await enters(signers[0]), await enters(signers[1])], [101, 401]);
  sources.writeKeys(jwks(signers[1]));
  await until(async () => await enters(signers[1]) === 101, 'the new key');
  assert.equal(await enters(signers[0]), 401);
  const n = node.events('keys_refused').length;
  sources.writeKeys('{"keys":');
  await node.nextEvent('keys_refused', n);
  assert.equal(await enters(signers[1]), 101);
  sources.writeKeys(jwks(signers[0]));
  await until(async () => await enters(signers[0]) === 101, 'the first key again');
  assert.equal(node.events('keys_refused').length, 1);
});

it('a pipe in the place of a file is refused, and nobody waits for who would write to it', async () => {
  const sources = new Sources({});
  sources.serve(first);
  sources.writeKeys(new Signer().key);
  const node = await scene.barker([
    '--config', sources.path, '--auth-key-files', sources.keys, '--auth-look', '100ms', '--listen-tls-address', '127.0.0.1:0',
    '--tls-certificate', sources.certificate, '--tls-key', sources.key, '--tls-look', '100ms',
  ]);
  const asPipe = async (path, event) => {
    const n = node.events(event).length;
    copyFileSync(path, `${path}.kept`);
    assert.equal((await run('mkfifo', [`${path}.pipe`])).code, 0);
    renameSync(`${path}.pipe`, path);
    if (path === sources.path) hangUp(node);
    assert.match((await node.nextEvent(event, n)).line, /pipe/);
    renameSync(`${path}.kept`, path);
  };
  await asPipe(sources.keys, 'keys_refused');
  await node.nextEvent('keys_loaded', 0);
  await asPipe(sources.certificate, 'certificates_refused');
  await node.nextEvent('certificates_loaded', 0);
  await asPipe(sources.path, 'configuration_refused');
  await reload(node);
  await node.stop();
});

it('what could not be read for want of descriptors is read later', async () => {
  const sources = new Sources({});
  sources.serve(first);
  sources.writeKeys(new Signer().key);
  const node = await scene.barker([
    '--config', sources.path, '--auth-key-files', sources.keys, '--auth-look', '100ms', '--listen-tls-address', '127.0.0.1:0',
    '--tls-certificate', sources.certificate, '--tls-key', sources.key, '--tls-look', '100ms',
  ]);
  const limit = async (n) => assert.equal((await run('prlimit', ['--pid', `${node.child.process.pid}`, `--nofile=${n}:`])).code, 0);
  await limit(4);
  sources.serve(second);
  sources.writeKeys(new Signer().key);
  for (const event of ['keys_refused', 'certificates_refused']) await node.nextEvent(event, 0);
  await delay(300);
  assert.equal(node.events('keys_refused').length, 1, 'it is complained of once');
  await limit(1024);
  await node.nextEvent('keys_loaded', 0);
  await until(async () => await shown(node) === fingerprint(second), 'the new certificate');
});

it('keys that came with a certificate that does not fit are taken by themselves', async () => {
  const signers = [new Signer(), new Signer()];
  const sources = new Sources({ tls: { look: '1h' } });
  sources.serve(first);
  sources.writeKeys(signers[0].key);
  const node = await scene.barker([
    '--config', sources.path, '--auth-key-files', sources.keys, '--auth-look', '1s', '--listen-tls-address', '127.0.0.1:0',
    '--tls-certificate', sources.certificate, '--tls-key', sources.key,
  ]);
  copyFileSync(second.certificate, sources.certificate);
  sources.writeKeys(signers[1].key);
  await reload(node, 'certificates_refused');
  await until(async () => await statusOf(node.url('/ws'), bearer(signers[1].sign({ sub: 'ada' }))) === 101, 'the new key');
});

it('TLS that the configuration no longer asks for stays until the next start, and the rest is taken', async () => {
  const tls = { certificate: first.certificate, key: first.key, look: '100ms' };
  const sources = new Sources({ listen: { tls_address: '127.0.0.1:0' }, tls, limits: { subscriptions: 9 } });
  const node = await scene.barker(['--config', sources.path]);
  sources.write({ listen: { tls_address: null }, tls: { certificate: null, key: null }, limits: { subscriptions: 8 } });
  await reload(node);
  assert.match(node.events('restart_needed')[0].line, /option=listen\.tls_address$/);
  await delay(300);
  assert.equal(await shown(node), fingerprint(first));
  assert.equal(node.events('certificates_refused').length, 0);
  sources.write({ listen: { tls_address: '127.0.0.1:0' }, tls: { certificate: second.certificate, key: second.key } });
  await reload(node);
  await until(async () => await shown(node) === fingerprint(second), 'the other certificate');
});

it('check-config reads the files of keys and certificates', async () => {
  const sources = new Sources({});
  const open = ['check-config', '--access-subscribe', 'anyone'];
  const missing = await barker([...open, '--auth-key-files', join(scene.folder, 'none.pem')]);
  assert.equal(missing.code, EX_CONFIG);
  assert.match(missing.errors, /none\.pem/);
  sources.serve(first);
  copyFileSync(second.key, sources.key);
  const tls = ['--listen-tls-address', '127.0.0.1:0', '--tls-certificate', sources.certificate, '--tls-key', sources.key];
  const unfit = await barker([...open, ...tls]);
  assert.equal(unfit.code, EX_CONFIG);
  assert.match(unfit.errors, /mismatch/);
  sources.serve(first);
  assert.equal((await barker([...open, ...tls])).code, 0);
});

scene.endsClean();
