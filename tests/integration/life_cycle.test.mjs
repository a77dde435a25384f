// readyState, the watchdog's deadlines and the end of the process.
import assert from 'node:assert/strict';
import { CLOSED, CLOSING, KINDS, OPEN } from './lib/clients.mjs';
import { CLOSE, TEXT, closeBody, handshake } from './lib/raw_socket.mjs';
import { Scene, it } from './lib/scene.mjs';
import { until } from './lib/wait.mjs';

const TICK_MS = 100;
const SCHEDULING_MS = 1500; // what a busy machine and the sanitizers may add
const scene = new Scene();
const bounds = { ping: 300, pong: 300, pongGrace: 100, handshake: 600, linger: 700 };
const node = await scene.barker([
  '--access-publish', 'anyone', '--watchdog-ping', `${bounds.ping}ms`, '--watchdog-pong', `${bounds.pong}ms`,
  '--watchdog-pong-grace', `${bounds.pongGrace}ms`, '--watchdog-handshake', `${bounds.handshake}ms`,
  '--watchdog-linger', `${bounds.linger}ms`,
]);

const elapsed = async (wait) => {
  const start = performance.now();
  await wait();
  return performance.now() - start;
};
const assertWithin = (ms, leastMs, mostMs) => {
  assert.ok(ms >= leastMs, `${Math.round(ms)} ms is before ${leastMs} ms`);
  assert.ok(ms <= mostMs + TICK_MS + SCHEDULING_MS, `${Math.round(ms)} ms is long after ${mostMs} ms`);
};

for (const kind of Object.keys(KINDS)) {
  it(`the client ${kind}, which answers pings, stays OPEN`, async () => {
    const client = await scene.connectV1(node.url('/ws'), { kind });
    await new Promise((resolve) => setTimeout(resolve, 2 * (bounds.ping + bounds.pong + bounds.pongGrace)));
    assert.equal(client.readyState, OPEN);
    assert.equal((await client.ask({ type: 'ping' })).type, 'ok');
  });
}

it('pings arrive at a quiet client, again and again', async () => {
  const client = await scene.connectV1(node.url('/ws'));
  await until(() => client.pings.length >= 3, 'three pings');
});

it('a client that sends all the time is not taken for dead without pongs', async () => {
  const raw = await scene.raw(node.address, '/ws');
  raw.answersPings = false;
  const end = performance.now() + 2 * (bounds.ping + bounds.pong + bounds.pongGrace);
  for (let id = 1; performance.now() < end; id++) {
    raw.send(TEXT, `{"type":"ping","id":${id}}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.equal(raw.isEnded, false);
  raw.destroy();
});

it('a silent peer is gone within ping, pong, grace and a tick', async () => {
  const raw = await scene.raw(node.address, '/ws');
  raw.answersPings = false;
  const ms = await elapsed(() => raw.ended());
  assertWithin(ms, bounds.ping * 0.8 + bounds.pong - 50, bounds.ping + bounds.pong + bounds.pongGrace);
});

it('half a handshake is gone within the handshake deadline and a tick', async () => {
  const raw = await scene.raw(node.address);
  raw.write(handshake('/ws').slice(0, 60));
  assertWithin(await elapsed(() => raw.ended()), bounds.handshake - 50, bounds.handshake);
});

it('a handshake that drips is gone within the handshake deadline all the same', async () => {
  const raw = await scene.raw(node.address);
  const drip = setInterval(() => !raw.isEnded && raw.write('x'), 50);
  try {
    raw.write('GET /ws HTTP/1.1\r\nX: ');
    assertWithin(await elapsed(() => raw.ended()), bounds.handshake - 50, bounds.handshake);
  } finally {
    clearInterval(drip);
  }
});

it('a connection that never says a word is gone within the handshake deadline', async () => {
  const raw = await scene.raw(node.address);
  assertWithin(await elapsed(() => raw.ended()), bounds.handshake - 50, bounds.handshake);
});

it('a peer that never answers our close is gone within the linger deadline', async () => {
  const raw = await scene.raw(node.address, '/raw/linger?channel=other');
  raw.send(TEXT, 'a message to two channels is refused with 1008');
  assert.equal(await raw.closeCode(), 1008);
  assertWithin(await elapsed(() => raw.ended()), 0, bounds.linger);
});

it('a peer that answers our close is gone at once', async () => {
  const raw = await scene.raw(node.address, '/raw/linger?channel=other');
  raw.send(TEXT, 'refused');
  assert.equal(await raw.closeCode(), 1008);
  raw.send(CLOSE, closeBody(1008));
  assertWithin(await elapsed(() => raw.ended()), 0, 0);
});

it('nothing is sent after the close frame', async () => {
  const publisher = scene.ioredis(node.embedded.port);
  const raw = await scene.raw(node.address, '/raw/mute?channel=other');
  raw.send(TEXT, 'refused');
  assert.equal(await raw.closeCode(), 1008);
  await publisher.publish('barker:mute', 'unheard');
  await raw.ended();
  assert.deepEqual(raw.frames.values, []);
});

it('a client that closes sees its own readyState go through CLOSING to CLOSED', async () => {
  const client = await scene.connectV1(node.url('/ws'));
  client.close(1000);
  assert.equal(client.readyState, CLOSING);
  assert.equal((await client.end()).code, 1000);
  assert.equal(client.readyState, CLOSED);
});

it('a slow reader over the outbox limit is closed while others keep receiving', async () => {
  const small = await scene.barker(['--outbox-limit', '64KiB', '--watchdog-linger', '1s']);
  const publisher = scene.ioredis(small.embedded.port);
  const reader = await scene.connectV1(small.url('/ws'));
  await reader.ask({ type: 'subscribe', channel: 'flood' });
  const slow = await scene.raw(small.address, '/ws?channel=flood');
  slow.socket.pause();
  const payload = 'x'.repeat(16 * 1024), N = 2000;
  for (let index = 0; index < N; index++) {
    await publisher.publish('barker:flood', `${index}:${payload}`);
    assert.equal((await reader.nextJson()).text.split(':')[0], String(index));
  }
  slow.socket.resume();
  assert.ok([1013, null].includes(await slow.closeCode()));
  await slow.ended();
  const texts = slow.frames.values.length;
  assert.ok(texts < N, 'the slow reader did not get everything');
  assert.equal(reader.readyState, OPEN);
  await small.stop();
  assert.equal(small.causes().slow_consumer.closed, 1);
});

for (const signal of ['SIGTERM', 'SIGINT']) {
  it(`${signal} closes every client with 1012 and ends with exit code 0`, async () => {
    const brief = await scene.barker(['--listen-workers', '2']);
    const clients = [];
    for (const kind of ['ws', 'websocket', 'ws', 'ws']) clients.push(await scene.connectV1(brief.url('/ws'), { kind }));
    brief.child.kill(signal);
    for (const client of clients) {
      assert.equal((await client.end()).code, 1012);
      assert.equal(client.readyState, CLOSED);
    }
    await brief.stop({ isSignalled: true });
  });
}

it('clients that never answer delay the end by no more than the linger deadline', async () => {
  const brief = await scene.barker(['--watchdog-linger', '1s']);
  const deaf = await scene.raw(brief.address, '/ws');
  await deaf.nextText();
  const ms = await elapsed(() => brief.stop());
  assertWithin(ms, 0, 1000);
});

it('a stopping node accepts no new connection', async () => {
  const brief = await scene.barker(['--watchdog-linger', '3s']);
  const deaf = await scene.raw(brief.address, '/ws');
  await deaf.nextText();
  brief.child.kill('SIGTERM');
  await deaf.closeCode();
  await assert.rejects(scene.connect(brief.url('/ws')));
  deaf.destroy();
  await brief.stop({ isSignalled: true });
});

it('where nothing but the answers of clients is waited for, a second signal ends the wait', async () => {
  const brief = await scene.barker(['--watchdog-linger', '30s']);
  const deaf = await scene.raw(brief.address, '/ws');
  await deaf.nextText();
  brief.child.kill('SIGTERM');
  await deaf.closeCode();
  brief.child.kill('SIGTERM');
  const ms = await elapsed(() => brief.stop({ isSignalled: true }));
  assertWithin(ms, 0, 0);
  brief.assertSane();
});

it('SIGPIPE does not end the process', async () => {
  const client = await scene.connectV1(node.url('/ws'));
  node.child.kill('SIGPIPE');
  assert.equal((await client.ask({ type: 'ping' })).type, 'ok');
});

it('the causes of all ends are counted and told at the end of the process', async () => {
  await node.stop();
  const causes = node.causes();
  assert.equal(causes.pong_timeout.terminated, 1, JSON.stringify(causes));
  assert.equal(causes.handshake_timeout.terminated, 3, JSON.stringify(causes));
  assert.ok(causes.linger_timeout.terminated >= 1, JSON.stringify(causes));
  assert.ok(causes.forbidden.closed >= 3, JSON.stringify(causes));
});

scene.endsClean();
