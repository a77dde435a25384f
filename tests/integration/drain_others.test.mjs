// The end of a node beside what else goes on: TLS, handshakes under way, SIGHUP, commands of the backend.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { makeCertificates } from './lib/certificates.mjs';
import { OPEN } from './lib/clients.mjs';
import { Scene, it } from './lib/scene.mjs';
import { until } from './lib/wait.mjs';

const SCHEDULING_MS = 1500; // what a busy machine and the sanitizers may add
const scene = new Scene();
const files = await makeCertificates(scene.folder, 'node');
const trusting = { rejectUnauthorized: false };
const drains = (notice, window) => ['--drain-notice', notice, '--drain-window', window];
const tls = ['--listen-tls-address', '127.0.0.1:0', '--tls-certificate', files.certificate, '--tls-key', files.key];
const start = (...flags) => scene.barker([...tls, '--listen-workers', '2', ...flags]);
const secure = (node) => scene.connectV1(node.url('/ws', node.secure, 'wss'), trusting);
const crowd = (open, n) => Promise.all(Array.from({ length: n }, open));

async function farewell(client) {
  let frame;
  do frame = await client.nextJson(30_000); while (frame.type !== 'closing');
  assert.ok(frame.reconnect_after_ms >= 1, JSON.stringify(frame));
  assert.equal((await client.end()).code, 1012);
}

it('wss connections are told to go over the window like all others', async () => {
  const N = 40;
  const node = await start(...drains('0', '1500ms'));
  const clients = [...await crowd(() => secure(node), N), ...await crowd(() => scene.connectV1(node.url('/ws')), N)];
  node.child.kill('SIGTERM');
  await Promise.all(clients.map(farewell));
  await node.stop({ isSignalled: true });
  assert.equal(node.causes().shutdown.closed, 2 * N);
});

it('a TLS handshake under way does not hold the end up', async () => {
  const node = await start(...drains('0', '500ms'), '--watchdog-handshake', '1m');
  const before = await secure(node);
  const half = connect(node.secure.port, '127.0.0.1');
  half.on('error', () => {});
  half.write(Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3])); // the first bytes of a ClientHello
  const silent = connect(node.secure.port, '127.0.0.1');
  silent.on('error', () => {});
  await delay(200);
  const since = performance.now();
  const [told] = await Promise.all([farewell(before), node.stop()]);
  assert.equal(told, undefined);
  assert.ok(performance.now() - since < 500 + SCHEDULING_MS * 2);
  await until(() => half.destroyed && silent.destroyed, 'their ends');
});

it('handshakes that come while the node drains are served or refused, none is left hanging', async () => {
  const node = await start(...drains('300ms', '700ms'));
  let isOver = false, n = 0;
  const comers = crowd(async () => {
    for (; !isOver; n++) {
      const client = await (n % 2 ? secure(node) : scene.connectV1(node.url('/ws'))).catch(() => null);
      if (!client) await delay(20);
      else if (n % 5) client.terminate();
    }
  }, 8);
  await delay(300);
  await node.stop();
  isOver = true;
  await comers;
  assert.ok(n > 10);
});

for (const [first, second] of [['SIGHUP', 'SIGTERM'], ['SIGTERM', 'SIGHUP']]) {
  it(`${first} and ${second} at once: the node drains`, async () => {
    const node = await start(...drains('200ms', '600ms'));
    const clients = await crowd(() => secure(node), 10);
    node.child.process.kill(first);
    node.child.kill(second);
    await node.nextEvent('draining', 0);
    for (let i = 0; i < 5; i++) {
      node.child.process.kill('SIGHUP');
      await delay(50);
    }
    await Promise.all(clients.map(farewell));
    await node.stop({ isSignalled: true });
    assert.equal(node.events('hurried').length, 0, 'SIGHUP hurries nobody');
  });
}

it('commands are carried out until the end', async () => {
  const node = await start(...drains('0', '2s'), '--access-identity', 'anyone');
  const publisher = scene.ioredis(node.embedded.port);
  const say = (command) => publisher.publish('barker/control', JSON.stringify(command));
  const clients = await crowd(() => secure(node), 20);
  const ada = await scene.connectV1(node.url('/ws?user=ada'));
  node.child.kill('SIGTERM');
  await node.nextEvent('draining', 0);
  await say({ type: 'disconnect', user: 'ada', code: 4321 });
  const { code } = await ada.end();
  assert.ok(code === 4321 || code === 1012, `${code}`);
  while (clients.some((client) => client.readyState === OPEN) && node.isRunning()) {
    for (const { welcome } of clients) // nobody may be there to answer
      say({ type: 'subscribe', connection: welcome.connection, channel: 'given' }).catch(() => {});
    await delay(20);
  }
  await node.stop({ isSignalled: true });
});

it('a signal while the broker is waited for, which is to take the users out of presence, ends the wait', async () => {
  const redis = await scene.redis();
  const threads = (node) => readdirSync(`/proc/${node.child.process.pid}/task`).length;
  const isHurried = async () => {
    const node = await start('--redis-url', redis.url, '--namespace-room-presence', 'yes', '--redis-canary-deadline', '1m');
    const client = await scene.connectV1(node.url('/ws'));
    assert.equal((await client.ask({ type: 'subscribe', channel: 'room:x' })).type, 'ok');
    await until(async () => (await client.ask({ type: 'presence', channel: 'room:x' })).members?.length === 1, 'its presence');
    redis.pause();
    const n = threads(node);
    node.child.kill('SIGTERM');
    await until(() => !node.isRunning() || threads(node) <= n - 3, 'the end of two workers and of the desk');
    node.child.kill('SIGTERM');
    await node.stop({ isSignalled: true });
    redis.resume();
    return node.events('hurried').length === 1;
  };
  // The wait is 1 s: a machine that is busier than that is asked again.
  for (let i = 0; i < 5; i++) if (await isHurried()) return;
  assert.fail('no signal was looked at');
});

scene.endsClean();
