// What happens to a reader that is slower than its channels, by the slow policy of their namespace.
import assert from 'node:assert/strict';
import { CLOSE, TEXT } from './lib/raw_socket.mjs';
import { Scene, it } from './lib/scene.mjs';
import { until } from './lib/wait.mjs';

const N = 2000; // messages of 4 KiB: more than the buffers of two kernels and the outbox hold together
const PAD = 'x'.repeat(4096);
const scene = new Scene();
const node = await scene.barker([
  '--namespace-ticks-slow', 'drop-oldest', '--namespace-prices-slow', 'latest', '--outbox-limit', '512KiB',
  '--watchdog-stall', '30s', '--watchdog-ping', '30s', '--watchdog-linger', '1s', '--listen-workers', '1',
]);
const publisher = scene.ioredis(node.embedded.port);
const publish = (channel, index) => publisher.publish(`barker:${channel}`, JSON.stringify({ index, pad: PAD }));

// A barker.v1 client of the channels that has stopped reading.
async function stopped(channels) {
  const query = channels.map((channel) => `channel=${encodeURIComponent(channel)}`).join('&');
  const raw = await scene.raw(node.address, `/ws?${query}`);
  const heard = new Set();
  await until(async () => {
    for (const channel of channels) await publisher.publish(`barker:${channel}`, '"probe"');
    for (const { payload } of raw.frames.values.splice(0)) {
      const { channel, data } = JSON.parse(payload);
      if (data === 'probe') heard.add(channel);
    }
    return heard.size === channels.length;
  }, 'every channel', undefined, 20);
  raw.socket.pause();
  return raw;
}

// N messages to each of the channels in turn.
async function publishAll(channels) {
  for (let index = 0; index < N; index += 50) {
    const batch = Array.from({ length: 50 }, (_, offset) => channels.map((channel) => publish(channel, index + offset)));
    await Promise.all(batch.flat());
  }
}

// Everything that a client hears of its channels until the last message of each of them.
async function readAll(raw, channels) {
  const heard = {};
  raw.socket.resume();
  const isDone = (channel) => heard[channel]?.at(-1)?.index === N - 1;
  while (!channels.every(isDone)) {
    const frame = JSON.parse(await raw.nextText());
    const list = (heard[frame.channel] ??= []);
    if (frame.type === 'gap') list.push({ gap: frame.reason });
    else if (frame.data?.index !== undefined) list.push({ index: frame.data.index });
  }
  return heard;
}

const indices = (heard) => heard.filter(({ index }) => index !== undefined).map(({ index }) => index);

function assertConsecutive(list) {
  for (let at = 1; at < list.length; at++) assert.equal(list[at], list[at - 1] + 1, `position ${at} of ${list.length}`);
}

it('drop-oldest: the first messages, one gap notice, then the newest without a hole, for each channel', async () => {
  const channels = ['ticks:a', 'ticks:b'];
  const raw = await stopped(channels);
  await publishAll(channels);
  const all = await readAll(raw, channels);
  for (const heard of Object.values(all)) {
    const at = heard.findIndex(({ gap }) => gap);
    assert.ok(at > 0, 'messages came before the gap');
    assert.equal(heard[at].gap, 'slow_consumer');
    assert.equal(heard.filter(({ gap }) => gap).length, 1);
    const before = indices(heard.slice(0, at)), after = indices(heard.slice(at));
    assert.equal(before[0], 0);
    assertConsecutive(before);
    assertConsecutive(after);
    assert.ok(after[0] > before.at(-1) + 1, 'the gap is one');
  }
  assert.equal(raw.isEnded, false);
});

it('drop-oldest: a client that reads again hears everything again', async () => {
  const raw = await stopped(['ticks:c']);
  await publishAll(['ticks:c']);
  await readAll(raw, ['ticks:c']);
  for (let index = 0; index < 100; index++) {
    await publish('ticks:c', N + index);
    const frame = JSON.parse(await raw.nextText());
    assert.equal(frame.data?.index, N + index);
  }
});

it('drop-oldest: what waits of a channel with another policy is not dropped', async () => {
  const channels = ['ticks:d', 'orders'];
  const raw = await stopped(channels);
  for (let index = 0; index < 10; index++) { // more than the kernel takes, and less than the outbox
    await publish('orders', index);
    for (let tick = 0; tick < 10; tick++) await publish('ticks:d', tick);
  }
  await publishAll(['ticks:d']);
  const { 'ticks:d': ticks, orders } = await readAll(raw, ['ticks:d']);
  assert.ok(ticks.some(({ gap }) => gap));
  assert.deepEqual(orders, Array.from({ length: 10 }, (_, index) => ({ index })));
});

it('drop-oldest: a raw client, which cannot be told of a gap, gets the newest in order', async () => {
  const raw = await scene.raw(node.address, '/raw/ticks:e');
  await until(async () => {
    await publisher.publish('barker:ticks:e', '"probe"');
    return raw.frames.values.length > 0;
  }, 'the channel', undefined, 20);
  raw.socket.pause();
  await publishAll(['ticks:e']);
  raw.socket.resume();
  const heard = [];
  while (heard.at(-1) !== N - 1) {
    const { index } = JSON.parse(await raw.nextText());
    if (index !== undefined) heard.push(index);
  }
  assert.ok(heard.length < N);
  for (let at = 1; at < heard.length; at++) assert.ok(heard[at] > heard[at - 1]);
});

it('latest: after the pause comes the newest message of each channel, nothing twice, no gap notice', async () => {
  const channels = ['prices:a', 'prices:b', 'prices:c'];
  const raw = await stopped(channels);
  await publishAll(channels);
  const all = await readAll(raw, channels);
  for (const heard of Object.values(all)) {
    assert.ok(heard.every(({ gap }) => !gap));
    const list = indices(heard);
    assert.ok(list.length < N);
    for (let at = 1; at < list.length; at++) assert.ok(list[at] > list[at - 1]);
    assert.equal(list.at(-1), N - 1);
  }
  assert.equal(raw.isEnded, false);
});

it('close, the default: the client is told 1013 and nothing behind it', async () => {
  const raw = await stopped(['news']);
  await publishAll(['news']);
  raw.socket.resume();
  assert.ok([1013, null].includes(await raw.closeCode()), 'null: terminated while it did not read');
  await raw.ended();
  assert.ok(raw.frames.values.every(({ opcode }) => opcode !== TEXT && opcode !== CLOSE));
});

it('the policy of the fallback namespace is the option outbox.slow', async () => {
  const other = await scene.barker([
    '--outbox-slow', 'drop-oldest', '--namespace-news-slow', 'close', '--outbox-limit', '256KiB', '--watchdog-stall', '30s',
  ]);
  const raw = await scene.raw(other.address, '/raw/plain');
  const backend = scene.ioredis(other.embedded.port);
  await until(async () => {
    await backend.publish('barker:plain', '{}');
    return raw.frames.values.length > 0;
  }, 'the channel', undefined, 20);
  raw.socket.pause();
  for (let index = 0; index < N; index++) await backend.publish('barker:plain', JSON.stringify({ index, pad: PAD }));
  raw.socket.resume();
  while (JSON.parse(await raw.nextText()).index !== N - 1);
  assert.equal(raw.isEnded, false);
});

it('the node closed one slow consumer and no other', async () => {
  scene.closeClients();
  await node.stop();
  assert.equal(node.causes().slow_consumer.closed, 1);
});

scene.endsClean();
