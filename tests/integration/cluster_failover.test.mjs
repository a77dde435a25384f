// A master of a Cluster dies while messages are published, and its replica is promoted: who hears its channels has each durable
// message once, or is told where some may be missing; the channels of the other masters notice nothing.
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { keySlot } from './lib/cluster.mjs';
import { DURABLE } from './lib/redis.mjs';
import { Scene, it } from './lib/scene.mjs';
import { DurablePublisher, IMPATIENT } from './lib/storm.mjs';
import { until } from './lib/wait.mjs';

const EVERY_MS = 20;
const FOLLOWERS = 5;
const scene = new Scene();

// Calls whichever server has the channel's slot, as far as is known; after an error another one.
function connectAnywhere(cluster) {
  const connections = cluster.servers.map(({ port }) => scene.ioredis(port, IMPATIENT));
  let at = 0;
  return {
    call: async (...words) => {
      const chosen = at;
      try {
        return await connections[chosen].call(...words);
      } catch (error) {
        if (at === chosen) at = (at + 1) % connections.length;
        throw error;
      }
    },
  };
}

// The first name of a durable channel that the master has.
async function channelOf(cluster, master) {
  for (let n = 0; ; n++) {
    const channel = `kept:${n}`;
    if (await cluster.ownerOf(keySlot(`barker:${channel}`)) === master) return channel;
  }
}

// A book without problems has holes only where it was told so.
function assertTold(follower, publisher) {
  const book = follower.book(publisher.channel);
  assert.equal(new Set(book.places).size, book.places.length, 'each message once');
  const heard = new Set(book.places);
  const expected = publisher.acknowledged.slice(publisher.acknowledged.indexOf(book.places[0]));
  assert.ok(book.n_gaps + book.epochs > 0, 'the end of the epoch is told, by a gap or by its first message');
  return expected.filter((place) => !heard.has(place)).length;
}

function assertUnharmed(follower, publisher) {
  const book = follower.book(publisher.channel);
  assert.deepEqual(book.places, publisher.acknowledged.slice(publisher.acknowledged.indexOf(book.places[0])));
  assert.deepEqual([book.n_gaps, book.epochs, book.resumes.refused], [0, 0, 0], publisher.channel);
}

it('a master dies and its replica is promoted: each durable message once, or the gap is told', async () => {
  const cluster = await scene.cluster(DURABLE, { hasReplicas: true });
  const node = await scene.barker(['--redis-url', cluster.url, '--namespace-kept-history', '5000', '--listen-workers', '2']);
  const channels = [];
  for (const master of cluster.masters) channels.push(await channelOf(cluster, master));
  for (const { port } of cluster.masters) await DurablePublisher.load(scene.ioredis(port));
  const publishers = channels.map((channel) => new DurablePublisher(connectAnywhere(cluster), channel, EVERY_MS));
  const running = publishers.map((publisher) => publisher.run());
  await until(() => publishers.every(({ last }) => last > 0), 'the first messages');
  const followers = Array.from({ length: FOLLOWERS }, () => scene.follower(node.url('/ws'), { durable: channels }));
  await Promise.all(followers.map((follower) => follower.subscribed()));
  await delay(500);
  const [lost] = cluster.masters;
  const killed = Date.now();
  await lost.kill();
  await until(async () => /role:master/.test(await cluster.replicas[0].cli('INFO', 'replication')), 'the promotion', 30_000, 50);
  const promoted = Date.now();
  const marks = publishers.map(({ last }) => last);
  const isAt = (numbers) => (follower) => channels.every((channel, at) => follower.book(channel).last >= numbers[at]);
  const areAll = (numbers) => followers.every(isAt(numbers));
  await until(() => publishers.every(({ last }, at) => last > marks[at]), 'a message that the promoted one takes');
  await until(() => areAll(marks.map((mark) => mark + 1)), 'what is published now', 20_000);
  console.log(`the replica was promoted after ${promoted - killed} ms, and heard ${Date.now() - promoted} ms later`);
  await lost.restart();
  await until(async () => /link_status:up/.test(await lost.cli('INFO', 'replication')), 'the dead one as a replica', 20_000);
  for (const publisher of publishers) publisher.stop();
  await Promise.all(running);
  await until(() => areAll(publishers.map(({ last }) => last)), 'the last message');
  for (const follower of followers) {
    assert.deepEqual(follower.allProblems(), []);
    assert.equal(follower.connections, 1);
  }
  const missed = followers.map((follower) => assertTold(follower, publishers[0]));
  for (const follower of followers) for (const publisher of publishers.slice(1)) assertUnharmed(follower, publisher);
  console.log(`${publishers[0].last} messages, missed in the gap that was told: ${missed.join(', ')}`);
}, { timeout: 90_000 });

scene.endsClean();
