// Where clients connect: IPv4, IPv6 and unix sockets, several at once.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { barker } from './lib/barker.mjs';
import { Scene, it } from './lib/scene.mjs';
import { until } from './lib/wait.mjs';

const scene = new Scene();
const hasIpv6 = Object.values(networkInterfaces()).flat().some(({ address }) => address === '::1');
const skip = hasIpv6 ? false : 'this machine has no IPv6 loopback';
const path = join(scene.folder, 'clients.sock');
const wanted = ['127.0.0.1:0', `unix:${path}`, ...(hasIpv6 ? ['[::1]:0'] : [])];
const flags = ['--listen-address', wanted.join(','), '--embedded-address', '127.0.0.1:0', '--listen-workers', '2'];
const node = await scene.barker(flags, { defaults: false });
const publisher = scene.ioredis(node.embedded.port);

async function assertDelivers(address) {
  assert.ok(address, 'the node logged that address');
  const clients = [];
  for (let index = 0; index < 4; index++) {
    const client = await scene.connectV1(node.url('/ws', address));
    await client.ask({ type: 'subscribe', channel: 'where' });
    clients.push(client);
  }
  await publisher.publish('barker:where', '"heard"');
  for (const client of clients) assert.equal((await client.nextJson()).data, 'heard');
}

it('every address is logged with the port that the kernel chose', () => {
  assert.equal(node.listeners.length, wanted.length, JSON.stringify(node.listeners));
  assert.ok(node.listeners.every(({ port, path: at }) => port > 0 || at));
});

it('clients connect by IPv4', () => assertDelivers(node.listeners.find(({ host }) => host === '127.0.0.1')));

it('clients connect by unix socket', () => assertDelivers(node.listeners.find((address) => address.path)));

it('clients connect by IPv6', () => assertDelivers(node.listeners.find(({ host }) => host === '::1')), { skip });

it('clients of different listeners share a channel', async () => {
  const clients = await Promise.all(node.listeners.map((address) => scene.connectV1(node.url('/ws', address))));
  for (const client of clients) await client.ask({ type: 'subscribe', channel: 'shared' });
  await publisher.publish('barker:shared', '1');
  for (const client of clients) assert.equal((await client.nextJson()).data, 1);
});

it('a port without a host is open by IPv4 and IPv6', async () => {
  const open = await scene.barker(['--listen-address', ':0', '--embedded-address', ''], { defaults: false });
  const { port } = open.address;
  for (const host of ['127.0.0.1', ...(hasIpv6 ? ['::1'] : [])]) {
    const client = await scene.connectV1(open.url('/ws', { host, port }));
    assert.equal((await client.ask({ type: 'ping' })).type, 'ok');
  }
});

it('a unix socket is removed at the end, and one left behind is no obstacle', async () => {
  const left = join(scene.folder, 'left.sock');
  const flags = ['--listen-address', `unix:${left}`, '--embedded-address', ''];
  const killed = await scene.barker(flags, { defaults: false });
  killed.isSettled = true;
  await killed.child.stop('SIGKILL');
  assert.ok(existsSync(left));
  const next = await scene.barker(flags, { defaults: false });
  const client = await scene.connectV1(next.url('/ws', next.address));
  assert.equal((await client.ask({ type: 'ping' })).type, 'ok');
  await next.stop();
  assert.ok(!existsSync(left));
});

it('a unix socket that the next node has opened, while this one drains, is not removed', async () => {
  const handed = join(scene.folder, 'handed.sock');
  const flags = ['--listen-address', `unix:${handed}`, '--embedded-address', '', '--drain-window', '1m'];
  const before = await scene.barker(flags, { defaults: false });
  await scene.connectV1(before.url('/ws')); // holds the window open
  before.child.kill('SIGTERM');
  await until(() => scene.connect(before.url('/ws')).then((client) => client.terminate(), () => true), 'its listener closed');
  const next = await scene.barker([...flags, '--drain-window', '0'], { defaults: false });
  before.child.kill('SIGTERM');
  await before.stop({ isSignalled: true });
  assert.equal((await (await scene.connectV1(next.url('/ws'))).ask({ type: 'ping' })).type, 'ok');
  await next.stop();
  assert.ok(!existsSync(handed));
});

it('a connection over limits.connections is refused and counted, and those that are open stay', async () => {
  const small = await scene.barker(['--limits-connections', '1', '--listen-workers', '1']);
  const client = await scene.connectV1(small.url('/ws'));
  await assert.rejects(scene.connectV1(small.url('/ws')));
  assert.equal((await client.ask({ type: 'ping' })).type, 'ok');
  await small.stop();
  assert.ok(small.child.errors.some((line) => /event=totals .* accepted=1 refused=1 /.test(line)), small.child.tail());
});

it('an address that a node serves stays its own when another one wants it', async () => {
  const shared = join(scene.folder, 'shared.sock');
  const here = ['--listen-address', `unix:${shared},127.0.0.1:0`, '--listen-workers', '2', '--embedded-address', ''];
  const first = await scene.barker(here, { defaults: false });
  const { port } = first.listeners.find((address) => address.port);
  for (const address of [`unix:${shared}`, `127.0.0.1:${port}`]) {
    const { code, errors } = await barker(['--access-subscribe', 'anyone', '--listen-address', address, '--embedded-address', '']);
    assert.equal(code, 69);
    assert.match(errors, /in use/i);
  }
  for (const address of first.listeners) {
    const client = await scene.connectV1(first.url('/ws', address));
    assert.equal((await client.ask({ type: 'ping' })).type, 'ok');
  }
});

scene.endsClean();
