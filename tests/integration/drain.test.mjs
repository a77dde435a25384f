// The end of a node: it says so, serves on, then tells its connections to go over a window.
import assert from 'node:assert/strict';
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { CLOSED, OPEN } from './lib/clients.mjs';
import { Scene, it } from './lib/scene.mjs';
import { Signer } from './lib/tokens.mjs';
import { until } from './lib/wait.mjs';

const SCHEDULING_MS = 1500; // what a busy machine and the sanitizers may add
const scene = new Scene();
const drains = (notice, window) => ['--drain-notice', notice, '--drain-window', window];

// What a client of barker.v1 is told at its end, and when, from a moment on.
async function farewell(client, since) {
  for (;;) {
    const frame = await client.nextJson(30_000);
    if (frame.type !== 'closing') continue;
    const atMs = performance.now() - since;
    return { atMs, frame, code: (await client.end()).code };
  }
}

const crowd = (node, n) => Promise.all(Array.from({ length: n }, () => scene.connectV1(node.url('/ws'))));

it('in the notice connections are still taken and served, and drained with the others afterwards', async () => {
  const node = await scene.barker(drains('1500ms', '500ms'));
  const before = await scene.connectV1(node.url('/ws'));
  node.child.kill('SIGTERM');
  await node.nextEvent('draining', 0);
  const during = await scene.connectV1(node.url('/ws'));
  const publisher = scene.ioredis(node.embedded.port);
  await during.ask({ type: 'subscribe', channel: 'late' });
  await publisher.publish('barker:late', 'still here');
  assert.equal((await during.nextJson()).text, 'still here');
  assert.equal(before.readyState, OPEN);
  for (const client of [before, during]) assert.equal((await farewell(client, 0)).code, 1012);
  await assert.rejects(scene.connect(node.url('/ws')));
  await node.stop({ isSignalled: true });
  assert.equal(node.causes().shutdown.closed, 2);
});

it('in the notice files of keys are looked at as before', async () => {
  const signers = [new Signer(), new Signer()], file = join(scene.folder, 'keys');
  writeFileSync(file, signers[0].key);
  const node = await scene.barker([...drains('1m', '0'), '--auth-key-files', file, '--auth-look', '100ms']);
  const token = (signer) => ({ headers: { Authorization: `Bearer ${signer.sign({ sub: 'ada' })}` } });
  await scene.connectV1(node.url('/ws'), token(signers[0]));
  node.child.kill('SIGTERM');
  await node.nextEvent('draining', 0);
  writeFileSync(`${file}.new`, signers[1].key);
  renameSync(`${file}.new`, file);
  await node.nextEvent('keys_loaded', 0);
  const enters = (signer) => scene.connectV1(node.url('/ws'), token(signer)).then(() => true, () => false);
  await until(() => enters(signers[1]), 'the new key');
  await assert.rejects(scene.connect(node.url('/ws'), token(signers[0])), { status: 401 });
  node.child.kill('SIGTERM');
  await node.stop({ isSignalled: true });
});

async function ask(url) {
  const response = await fetch(url);
  return { status: response.status, text: (await response.text()).trim() };
}

it('from the first moment on the node is not ready, on either listener, and healthy to its end', async () => {
  const node = await scene.barker(drains('1s', '2s'));
  await until(async () => (await ask(node.adminUrl('/readyz'))).status === 200, 'readiness');
  const client = await scene.connectV1(node.url('/ws')); // holds the window open
  node.child.kill('SIGTERM');
  await node.nextEvent('draining', 0);
  for (const url of [node.adminUrl('/readyz'), node.httpUrl('/readyz')]) {
    const { status, text } = await ask(url);
    assert.equal(status, 503, url);
    assert.match(text, /draining/);
  }
  assert.match((await ask(node.adminUrl('/metrics'))).text, /^barker_draining 1$/m);
  assert.equal((await ask(node.httpUrl('/healthz'))).status, 200);
  while (client.readyState === OPEN) {
    assert.equal((await ask(node.adminUrl('/healthz'))).status, 200);
    assert.equal((await ask(node.adminUrl('/readyz'))).status, 503);
    await delay(100);
  }
  await node.stop({ isSignalled: true });
});

it('connections go evenly over the window, each with a time to stay away', async () => {
  const N = 200, WINDOW_MS = 4000, TENTHS = 10;
  const node = await scene.barker([...drains('0', `${WINDOW_MS}ms`), '--listen-workers', '2']);
  const clients = await crowd(node, N);
  const since = performance.now();
  node.child.kill('SIGTERM');
  const told = await Promise.all(clients.map((client) => farewell(client, since)));
  await node.stop({ isSignalled: true });
  const tenths = Array(TENTHS).fill(0);
  told.sort((a, b) => a.atMs - b.atMs).forEach(({ atMs, frame, code }, index) => {
    assert.equal(code, 1012);
    assert.equal(frame.code, 1012);
    assert.ok(frame.reconnect_after_ms >= 1 && frame.reconnect_after_ms <= 2000, JSON.stringify(frame));
    // A busy machine makes any of them late, after which those that are due come together; nothing makes them early.
    const dueMs = WINDOW_MS * index / N;
    assert.ok(atMs > dueMs - WINDOW_MS / TENTHS, `number ${index} came early: ${atMs} ms`);
    assert.ok(atMs < dueMs + SCHEDULING_MS, `number ${index} came late: ${atMs} ms`);
    tenths[Math.min(TENTHS - 1, Math.floor(atMs * TENTHS / WINDOW_MS))]++;
  });
  console.log(`of ${N} connections were told to go, in each tenth of the window: ${tenths.join(' ')}`);
  const waits = told.map(({ frame }) => frame.reconnect_after_ms).sort((a, b) => a - b);
  assert.ok(waits[N / 4] < 800 && waits[N * 3 / 4] > 1200, `the times to stay away are spread: ${waits}`);
  for (const client of clients) assert.equal(client.readyState, CLOSED);
});

it('raw is closed with 1012 and says why', async () => {
  const node = await scene.barker(drains('0', '300ms'));
  const client = await scene.connect(node.url('/raw/x'));
  node.child.kill('SIGTERM');
  const { code, reason } = await client.end();
  assert.equal(code, 1012);
  assert.match(reason, /restarts/);
  await node.stop({ isSignalled: true });
});

it('messages reach a client until it is told to go', async () => {
  const node = await scene.barker(drains('0', '2s'));
  const publisher = scene.ioredis(node.embedded.port);
  const client = await scene.connectV1(node.url('/ws'));
  await client.ask({ type: 'subscribe', channel: 'c' });
  node.child.kill('SIGTERM');
  let n = 0, heard = 0;
  const publishing = (async () => {
    while (node.isRunning() && client.readyState === OPEN) {
      await publisher.publish('barker:c', String(n++)).catch(() => {});
      await delay(5);
    }
  })();
  for (;;) {
    const frame = await client.nextJson();
    if (frame.type === 'closing') break;
    assert.equal(frame.data, heard++);
  }
  await publishing;
  assert.ok(heard > 0, 'the window did not begin with its end');
  await node.stop({ isSignalled: true });
});

it('a node without connections ends without waiting for its window', async () => {
  const node = await scene.barker(drains('0', '1m'));
  const since = performance.now();
  await node.stop();
  assert.ok(performance.now() - since < SCHEDULING_MS * 2);
});

for (const [phase, flags] of [['notice', drains('1m', '1m')], ['window', drains('0', '1m')]]) {
  it(`a second signal in the ${phase} closes everything at once, and the exit code is 0`, async () => {
    const node = await scene.barker(flags);
    const clients = await crowd(node, 20);
    node.child.kill('SIGTERM');
    await node.nextEvent('draining', 0);
    const since = performance.now();
    node.child.kill('SIGTERM');
    const told = await Promise.all(clients.map((client) => farewell(client, since)));
    for (const { atMs } of told) assert.ok(atMs < SCHEDULING_MS, `${atMs} ms`);
    const most = Math.max(...told.map(({ frame }) => frame.reconnect_after_ms));
    assert.ok(most > 10_000, `they come back over the window that was cut short: ${most}`);
    await node.stop({ isSignalled: true });
    assert.equal(node.events('hurried').length, 1);
  });
}

it('a third signal waits for nobody, and the exit code is 0', async () => {
  const node = await scene.barker([...drains('1m', '1m'), '--watchdog-linger', '30s']);
  const deaf = await scene.raw(node.address, '/ws');
  await deaf.nextText();
  node.child.kill('SIGTERM');
  await node.nextEvent('draining', 0);
  node.child.kill('SIGTERM');
  assert.equal(await deaf.closeCode(), 1012);
  const since = performance.now();
  node.child.kill('SIGTERM');
  await node.stop({ isSignalled: true });
  assert.ok(performance.now() - since < SCHEDULING_MS * 2); // a thread sanitizer sleeps for a second at the end
  assert.equal(node.events('hurried').length, 2);
  assert.equal(node.causes().shutdown.terminated, 1);
});

it('who does not answer is terminated, at the latest a linger behind the window', async () => {
  const node = await scene.barker([...drains('0', '1s'), '--watchdog-linger', '700ms']);
  const deaf = await Promise.all(Array.from({ length: 10 }, () => scene.raw(node.address, '/ws')));
  const since = performance.now();
  await node.stop();
  assert.ok(performance.now() - since < 1700 + SCHEDULING_MS);
  assert.equal(node.causes().shutdown.closed, deaf.length);
  assert.equal(node.causes().linger_timeout.terminated, deaf.length);
});

it('half a handshake does not hold the end up', async () => {
  const node = await scene.barker([...drains('0', '500ms'), '--watchdog-handshake', '1m']);
  const raw = await scene.raw(node.address);
  raw.write('GET /ws HTTP/1.1\r\n');
  await delay(200);
  const since = performance.now();
  await node.stop();
  assert.ok(performance.now() - since < 500 + SCHEDULING_MS * 2);
  await until(() => raw.isEnded, 'its end');
});

scene.endsClean();
