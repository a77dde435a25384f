// Behind a proxy: PROXY protocol 1 and 2, and X-Forwarded-For, from trusted addresses only.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { join } from 'node:path';
import { barker } from './lib/barker.mjs';
import { handshake } from './lib/raw_socket.mjs';
import { Scene, it } from './lib/scene.mjs';
import { until } from './lib/wait.mjs';

const EX_CONFIG = 78;
const scene = new Scene();
const single = ['--limits-connections-per-address', '1'];
const trusting = (networks) => ['--access-trusted-proxies', networks];
const proxied = ['--listen-proxy-protocol', 'yes', ...trusting('127.0.0.0/8'), ...single];

const line = (source) => Buffer.from(`PROXY TCP4 ${source} 198.51.100.1 5000 443\r\n`);
function binary(source, { command = 0x21, tlvs = 0 } = {}) {
  const addresses = Buffer.from([...source.split('.').map(Number), 198, 51, 100, 1, 0x13, 0x88, 0x01, 0xbb]);
  const head = Buffer.from([0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a, command, 0x11, 0, 0]);
  head.writeUInt16BE(addresses.length + tlvs, 14);
  return Buffer.concat([head, addresses, Buffer.alloc(tlvs, 4)]);
}

// The HTTP status behind such a header; null when the connection ended without an answer.
async function behind(node, header, { isSlow = false } = {}) {
  const raw = await scene.raw(node.address);
  if (isSlow) await raw.dribble(header);
  else raw.write(Buffer.concat([header, Buffer.from(handshake('/ws'))]));
  if (isSlow) raw.write(handshake('/ws'));
  return { raw, status: await raw.answered() };
}

const node = await scene.barker([...proxied, '--watchdog-handshake', '1s', '--listen-workers', '2']);

for (const [name, header] of [['1', line], ['2', binary]]) {
  it(`PROXY protocol ${name}: each client is counted by its own address`, async () => {
    const first = await behind(node, header('203.0.113.1'));
    assert.equal(first.status, 101);
    assert.equal((await behind(node, header('203.0.113.1'))).status, null);
    const other = await behind(node, header('203.0.113.2'), { isSlow: true });
    assert.equal(other.status, 101);
    first.raw.destroy();
    await until(async () => (await behind(node, header('203.0.113.1'))).status === 101, 'its place', undefined, 50);
    scene.closeClients();
  });
}

it('what follows the header in the same segment is the client\'s', async () => {
  const raw = await scene.raw(node.address);
  raw.write(Buffer.concat([binary('203.0.113.9', { tlvs: 300 }), Buffer.from('GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n')]));
  assert.equal(await raw.answered(), 404);
});

it('a proxy that speaks for itself is let in and counted under no address', async () => {
  for (let index = 0; index < 3; index++)
    assert.equal((await behind(node, binary('203.0.113.4', { command: 0x20 }))).status, 101);
});

it('without a header, with a bad one, or with one that never ends a connection is closed and counted', async () => {
  const own = await scene.barker([...proxied, '--watchdog-handshake', '500ms']);
  assert.equal((await behind(own, Buffer.alloc(0))).status, null);
  assert.equal((await behind(own, Buffer.from('PROXY TCP4 here there 1 2\r\n'))).status, null);
  assert.equal((await behind(own, binary('203.0.113.1', { tlvs: 600 }))).status, null);
  const silent = await scene.raw(own.address);
  const began = performance.now();
  silent.write('PROXY TCP4 203.0.');
  await silent.ended();
  assert.ok(performance.now() - began >= 400, 'it had its time');
  const left = connect(own.address); // gone again before it says a word
  left.on('connect', () => left.end());
  left.on('error', () => {});
  left.resume();
  await until(() => left.destroyed, 'its end');
  await own.stop();
  assert.equal(own.total('refused_proxies', 'limits'), 5, own.child.tail());
});

it('a header from who is not trusted is not read', async () => {
  const strict = await scene.barker(['--listen-proxy-protocol', 'yes', ...trusting('10.0.0.0/8,::1')]);
  assert.equal((await behind(strict, line('203.0.113.1'))).status, null);
  await strict.stop();
  assert.equal(strict.total('refused_proxies', 'limits'), 1);
});

it('a proxy may come by a unix socket', async () => {
  const path = join(scene.folder, 'proxy.sock');
  const local = await scene.barker([
    '--listen-proxy-protocol', 'yes', ...trusting('unix'), ...single, '--listen-address', `unix:${path}`, '--embedded-address', '',
  ], { defaults: false });
  assert.equal((await behind(local, line('203.0.113.1'))).status, 101);
  assert.equal((await behind(local, binary('203.0.113.1'))).status, null);
  assert.equal((await behind(local, binary('203.0.113.2'))).status, 101);
});

it('a node that stops closes those whose header has not come', async () => {
  const stopping = await scene.barker(proxied);
  const silent = await scene.raw(stopping.address);
  silent.write('PROXY');
  await behind(stopping, line('203.0.113.1')); // by then the silent one has been accepted too
  await stopping.stop();
  await silent.ended();
});

it('PROXY protocol without trusted proxies is refused with what to set', async () => {
  const { code, errors } = await barker(['run', '--listen-proxy-protocol', 'yes']);
  assert.equal(code, EX_CONFIG);
  assert.match(errors, /access\.trusted_proxies/);
});

async function forwarded(from, headers) {
  const raw = await scene.raw(from.address);
  raw.write(handshake('/ws', headers));
  return { raw, status: await raw.answered() };
}

it('X-Forwarded-For of a trusted proxy says whom to count: the last hop that is not trusted', async () => {
  const front = await scene.barker([...trusting('127.0.0.1,10.0.0.0/8'), ...single]);
  const client = await forwarded(front, { 'X-Forwarded-For': '203.0.113.1' });
  assert.equal(client.status, 101);
  for (const value of ['203.0.113.1', 'lies, 203.0.113.1', '198.51.100.9, 203.0.113.1, 10.0.0.3'])
    assert.equal((await forwarded(front, { 'X-Forwarded-For': value })).status, 429, value);
  assert.equal((await forwarded(front, { 'X-Forwarded-For': '203.0.113.2', 'x-forwarded-for': '203.0.113.1' })).status, 429);
  assert.equal((await forwarded(front, { 'X-Forwarded-For': '203.0.113.1, 203.0.113.2' })).status, 101);
  assert.equal((await forwarded(front, { 'X-Forwarded-For': 'unknown' })).status, 400);
  assert.equal((await forwarded(front, {})).status, 101);
  client.raw.destroy();
  await until(async () => (await forwarded(front, { 'X-Forwarded-For': '203.0.113.1' })).status === 101, 'its place', undefined, 50);
  await front.stop();
  assert.ok(front.total('refused_addresses', 'limits') >= 4);
});

it('X-Forwarded-For of anybody else is nothing', async () => {
  const open = await scene.barker(single);
  assert.equal((await forwarded(open, { 'X-Forwarded-For': '203.0.113.1' })).status, 101);
  assert.equal((await forwarded(open, { 'X-Forwarded-For': '203.0.113.2' })).status, null);
});

it('behind PROXY protocol a trusted source may speak for others by X-Forwarded-For', async () => {
  const both = await scene.barker(['--listen-proxy-protocol', 'yes', ...trusting('127.0.0.1,10.0.0.1'), ...single]);
  const ask = async (client) => {
    const raw = await scene.raw(both.address);
    raw.write(Buffer.concat([line('10.0.0.1'), Buffer.from(handshake('/ws', { 'X-Forwarded-For': client }))]));
    return raw.answered();
  };
  assert.equal(await ask('203.0.113.1'), 101);
  assert.equal(await ask('203.0.113.1'), 429);
  assert.equal(await ask('203.0.113.2'), 101);
});

scene.endsClean();
