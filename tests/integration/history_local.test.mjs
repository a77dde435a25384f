// The node's own ring: a client that drops for a moment and returns to the same node resumes, with plain PUBLISH and nothing in
// Redis.
import assert from 'node:assert/strict';
import { Scene, it } from './lib/scene.mjs';
import { setTimeout as delay } from 'node:timers/promises';

const scene = new Scene();
const redis = await scene.redis();
const FLAGS = [
  '--redis-url', redis.url, '--namespace-ring-history-local', '50', '--namespace-ring-history-local-linger', '60s',
  '--namespace-short-history-local', '50', '--namespace-short-history-local-linger', '300ms', '--broker-linger', '200ms',
  '--listen-workers', '2',
];
const node = await scene.barker(FLAGS);
const publisher = scene.ioredis(redis.port);
let n = 0;
const fresh = (namespace = 'ring') => `${namespace}:${++n}`;

async function join(channel, resume, to = node) {
  const client = await scene.connectV1(to.url('/ws'));
  const ok = await client.ask({ type: 'subscribe', channel, resume });
  assert.equal(ok.type, 'ok', JSON.stringify(ok));
  return { client, ok };
}

async function publishMany(channel, from, to) {
  for (let index = from; index <= to; index++) await publisher.publish(`barker:${channel}`, String(index));
}

// A client that has heard some messages and then drops: where it was.
async function heardUpTo(channel, last, to = node) {
  const { client, ok } = await join(channel, undefined, to);
  assert.equal(typeof ok.epoch, 'string', 'the ring has places');
  await publishMany(channel, 1, last);
  let place = null;
  for (let index = 1; index <= last; index++) {
    const { epoch, seq, data } = await client.nextJson();
    assert.equal(data, index);
    place = { epoch, seq };
  }
  client.terminate();
  await client.end();
  return place;
}

async function assertRefused(channel, place, to = node) {
  const { client, ok } = await join(channel, place, to);
  assert.equal(ok.recovered, false);
  assert.equal(client.messages.values.length, 0);
}

it('a client that drops and returns to the node gets what it missed', async () => {
  const channel = fresh();
  const place = await heardUpTo(channel, 5);
  await publishMany(channel, 6, 20);
  const { client, ok } = await join(channel, place);
  assert.deepEqual([ok.recovered, ok.epoch, ok.seq], [true, place.epoch, place.seq]);
  for (let index = 6; index <= 20; index++) {
    const { epoch, seq, data } = await client.nextJson();
    assert.deepEqual([epoch, seq, data], [place.epoch, place.seq + index - 5, index]);
  }
  await publishMany(channel, 21, 21);
  assert.equal((await client.nextJson()).data, 21);
});

it('Redis keeps nothing for it', async () => {
  assert.equal(await publisher.dbsize(), 0);
});

it('history reads the ring', async () => {
  const channel = fresh();
  const place = await heardUpTo(channel, 5);
  const client = await scene.connectV1(node.url('/ws'));
  const { messages, epoch, seq } = await client.ask({ type: 'history', channel, limit: 3 });
  assert.deepEqual([messages.map(({ data }) => data), epoch, seq], [[3, 4, 5], place.epoch, place.seq]);
});

it('more than the ring holds is refused', async () => {
  const channel = fresh();
  const place = await heardUpTo(channel, 5);
  await publishMany(channel, 6, 56);
  await assertRefused(channel, place);
});

it('exactly what the ring holds is recovered', async () => {
  const channel = fresh();
  const place = await heardUpTo(channel, 5);
  await publishMany(channel, 6, 55);
  const { client, ok } = await join(channel, place);
  assert.equal(ok.recovered, true);
  for (let index = 6; index <= 55; index++) assert.equal((await client.nextJson()).data, index);
});

it('after the linger the ring is gone, and so is what it could resume', async () => {
  const channel = fresh('short');
  const place = await heardUpTo(channel, 5);
  await delay(1_000);
  await assertRefused(channel, place);
});

it('another node has another ring', async () => {
  const channel = fresh();
  const other = await scene.barker(FLAGS);
  await join(channel, undefined, other);
  const place = await heardUpTo(channel, 5);
  await assertRefused(channel, place, other);
});

it('a lost link to Redis ends the ring\'s epoch', async () => {
  const channel = fresh();
  const { client: witness } = await join(channel);
  const place = await heardUpTo(channel, 5);
  for (let index = 1; index <= 5; index++) await witness.nextJson();
  await publisher.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
  const gap = await witness.nextJson();
  assert.deepEqual([gap.type, gap.channel, gap.reason], ['gap', channel, 'broker_reconnected']);
  assert.notEqual(gap.epoch, place.epoch);
  await assertRefused(channel, place);
});

it('followers that drop at random hear every number once', async () => {
  const channel = fresh();
  const { client } = await join(channel); // so that the channel is never forgotten
  client.hear = () => {};
  const followers = Array.from({ length: 10 }, () => scene.follower(node.url('/ws'), { durable: [channel] }));
  await Promise.all(followers.map((follower) => follower.subscribed()));
  for (let index = 1; index <= 400; index++) {
    await publishMany(channel, index, index);
    if (index % 10 === 0) followers[(index / 10) % 10].drop();
    await delay(5);
  }
  await Promise.all(followers.map((follower) => follower.subscribed()));
  await publishMany(channel, 401, 401);
  await delay(300);
  assert.deepEqual(followers.flatMap((follower) => follower.allProblems()), []);
  assert.deepEqual(new Set(followers.map((follower) => follower.book(channel).position.seq)).size, 1);
});

scene.endsClean();
