// More than one Redis: Sentinel, several servers sharded by channel, a Cluster; and Redis over TLS.
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { makeCertificates } from './lib/certificates.mjs';
import { keySlot } from './lib/cluster.mjs';
import { Functions, library } from './lib/functions.mjs';
import { DURABLE } from './lib/redis.mjs';
import { Scene, it } from './lib/scene.mjs';
import { fnv1a64, shardOf } from './lib/shards.mjs';
import { until } from './lib/wait.mjs';

const CANARY_BOUND_MS = 3_200; // sent every second, heard within two, and ticks

const scene = new Scene();
const FLAGS = ['--access-publish', 'anyone', '--namespace-kept-history', '1000'];
const start = (urls, ...flags) => scene.barker([...[urls].flat().flatMap((url) => ['--redis-url', url]), ...FLAGS, ...flags]);

async function join(node, channel) {
  const client = await scene.connectV1(node.url('/ws'));
  const answer = await client.ask({ type: 'subscribe', channel });
  assert.equal(answer.type, 'ok', JSON.stringify(answer));
  return client;
}

const heard = (client, value) => client.messages.values.some(({ text }) => JSON.parse(text).data === value);

// Says it again and again until the client hears it.
async function assertHears(client, say, deadlineMs) {
  const marker = `marker ${Math.random()}`;
  await until(async () => {
    await Promise.resolve(say(JSON.stringify(marker))).catch(() => {});
    return heard(client, marker);
  }, 'the marker', deadlineMs, 50);
}

it('Sentinel: the node finds the master, and follows it when it moves or dies', async () => {
  const group = await scene.sentinels();
  const node = await start(group.url);
  const client = await join(node, 'news');
  const publish = async (payload) => scene.ioredis((await group.master()).port).publish('barker:news', payload);
  await assertHears(client, publish);
  for (const change of ['failover', 'killMaster']) {
    const moved = Date.now();
    await group[change]();
    const found = Date.now();
    await assertHears(client, publish, 20_000);
    console.log(`${change}: Sentinel took ${found - moved} ms, the node ${Date.now() - found} ms more`);
    assert.ok(client.messages.values.some(({ text }) => JSON.parse(text).type === 'gap'), 'the gap is told');
    client.messages.values.length = 0;
  }
  assert.equal((await client.ask({ type: 'publish', channel: 'news', data: 'by the node' })).type, 'ok');
  await until(() => heard(client, 'by the node'), 'what the node publishes itself');
}, { timeout: 120_000 });

it('Sentinel: a sentinel that is not there is passed over', async () => {
  const group = await scene.sentinels([], { nSentinels: 1 });
  const node = await start(`redis-sentinel://127.0.0.1:1,127.0.0.1:${group.sentinels[0].port}/mymaster`);
  const client = await join(node, 'news');
  await assertHears(client, (payload) => scene.ioredis(group.servers[0].port).publish('barker:news', payload));
});

it('Sentinel: a master that no sentinel knows is said in the log, once', async () => {
  const group = await scene.sentinels([], { nSentinels: 1 });
  const node = await start(group.url.replace('mymaster', 'unknown-master'));
  await node.child.line(/event=broker_down.*no master of that name/);
  await delay(2_000);
  assert.equal(node.events('broker_down').length, 1);
});

it('the hash by which backends find a shard is the published one', () => {
  assert.equal(fnv1a64(''), 0xcbf29ce484222325n);
  assert.equal(fnv1a64('foobar'), 0x85944171f73967e8n);
});

it('several servers: each channel lives on the one that its hash names, and on no other', async () => {
  const servers = [await scene.redis(), await scene.redis(), await scene.redis()];
  const nodes = [await start(servers.map(({ url }) => url)), await start(servers.map(({ url }) => url))];
  const publishers = servers.map(({ port }) => scene.ioredis(port));
  const used = new Set();
  for (let index = 0; index < 12; index++) {
    const channel = `spread:${index}`;
    const shard = shardOf(`barker:${channel}`, 3);
    used.add(shard);
    const client = await join(nodes[0], channel);
    for (const [other, publisher] of publishers.entries())
      assert.equal(await publisher.publish(`barker:${channel}`, `"from ${other}"`), other === shard ? 1 : 0);
    assert.equal((await client.nextJson()).data, `from ${shard}`);
    const speaker = await scene.connectV1(nodes[1].url('/ws'));
    assert.equal((await speaker.ask({ type: 'publish', channel, data: 'from the other node' })).type, 'ok');
    assert.equal((await client.nextJson()).data, 'from the other node');
  }
  assert.equal(used.size, 3);
});

it('several servers: when one is lost the channels of the others go on, and only its own tell of a gap', async () => {
  const servers = [await scene.redis(), await scene.redis()];
  const node = await start(servers.map(({ url }) => url));
  const channels = [0, 1].map((shard) => [...'abcdefghij'].find((name) => shardOf(`barker:${name}`, 2) === shard));
  const clients = await Promise.all(channels.map((channel) => join(node, channel)));
  const publish = (shard) => (payload) => scene.ioredis(servers[shard].port).publish(`barker:${channels[shard]}`, payload);
  await servers[1].kill();
  await node.nextEvent('broker_down', 0);
  await assertHears(clients[0], publish(0));
  const answer = await clients[0].ask({ type: 'publish', channel: channels[1], data: 1 });
  assert.deepEqual([answer.code, answer.retry], ['unavailable', true]);
  assert.equal((await clients[0].ask({ type: 'publish', channel: channels[0], data: 1 })).type, 'ok');
  await servers[1].restart();
  await assertHears(clients[1], publish(1));
  const gaps = clients.map((client) => client.messages.values.filter(({ text }) => JSON.parse(text).type === 'gap').length);
  assert.deepEqual(gaps, [0, 1]);
});

it('Cluster: SPUBLISH from a backend reaches clients, whichever master has the channel', async () => {
  const cluster = await scene.cluster();
  const node = await start(cluster.masters[0].url.replace('redis:', 'redis-cluster:'));
  const owners = new Set();
  for (let index = 0; index < 10; index++) {
    const channel = `spread:${index}`;
    const master = await cluster.ownerOf(keySlot(`barker:${channel}`));
    owners.add(master);
    const client = await join(node, channel);
    assert.equal(await scene.ioredis(master.port).call('SPUBLISH', `barker:${channel}`, '"sharded"'), 1);
    assert.equal((await client.nextJson()).data, 'sharded');
    assert.equal((await client.ask({ type: 'publish', channel, data: 'by the node' })).type, 'ok');
    assert.equal((await client.nextJson()).data, 'by the node');
  }
  assert.equal(owners.size, 3);
});

// Publishes until it is told to stop, each message until it is acknowledged, at whichever master has the channel then.
async function publishDurably(cluster, channel, isDone) {
  const functions = new Map();
  for (const master of cluster.masters) functions.set(master, await Functions.over('FCALL', scene.ioredis(master.port)));
  let place = null;
  for (let n = 1; !isDone(n); n++) {
    await until(async () => {
      for (const f of functions.values()) {
        place = await f.publish(`barker:${channel}`, `{"n":${n}}`, 'ID', `id-${n}`).catch(() => null);
        if (place) return true;
      }
      return false;
    }, `message ${n} to be taken`, undefined, 5);
  }
  return place;
}

it('Cluster: a slot that moves while messages are published loses none of them', async () => {
  const cluster = await scene.cluster(DURABLE);
  const node = await start(cluster.url, '--listen-workers', '2');
  const channel = 'kept:moving';
  const slot = keySlot(`barker:${channel}`);
  const f = await Functions.over('FCALL', scene.ioredis((await cluster.ownerOf(slot)).port));
  await f.publish(`barker:${channel}`, '{"n":0}');
  const followers = Array.from({ length: 5 }, () => scene.follower(node.url('/ws'), { durable: [channel] }));
  await Promise.all(followers.map((follower) => follower.subscribed()));
  let isDone = false;
  const publishing = publishDurably(cluster, channel, () => isDone);
  for (let round = 0; round < 4; round++) {
    await delay(500);
    const owner = await cluster.ownerOf(slot);
    await cluster.moveSlot(slot, cluster.masters.find((master) => master !== owner));
  }
  await delay(500);
  isDone = true;
  const last = await publishing;
  const isThere = (follower) => follower.book(channel).position?.seq === last.seq;
  await until(() => followers.every(isThere), 'the last message', 20_000);
  for (const follower of followers) {
    assert.deepEqual(follower.allProblems(), []);
    assert.equal(follower.book(channel).n_gaps, 0);
    assert.equal(new Set(follower.book(channel).places).size, follower.book(channel).places.length);
  }
}, { timeout: 90_000 });

it('Cluster: the live channels of a slot that moves tell of a gap and are heard at the new master', async () => {
  const cluster = await scene.cluster();
  const node = await start(cluster.url);
  const channel = 'live:moving';
  const client = await join(node, channel);
  const slot = keySlot(`barker:${channel}`);
  const to = cluster.masters.find((master) => master !== cluster.masters[0] && master.port);
  const owner = await cluster.ownerOf(slot);
  const target = owner === to ? cluster.masters[0] : to;
  await cluster.moveSlot(slot, target);
  await assertHears(client, (payload) => scene.ioredis(target.port).call('SPUBLISH', `barker:${channel}`, payload));
  assert.ok(client.messages.values.some(({ text }) => JSON.parse(text).type === 'gap'));
});

it("Cluster: when the slot of a master's canary moves its channels do not notice, and its silence is still found", async () => {
  const cluster = await scene.cluster(DURABLE);
  const node = await start(cluster.url);
  const channel = 'live:staying';
  const client = await join(node, channel);
  const owner = await cluster.ownerOf(keySlot(`barker:${channel}`));
  const target = cluster.masters.find((master) => master !== owner);
  const canaries = async () => (await owner.cli('PUBSUB', 'SHARDCHANNELS', 'barker/canary/*')).split('\n').filter(Boolean);
  const downs = node.events('broker_down').length;
  for (let round = 0; round < 2; round++) {
    const [canary] = await canaries();
    await cluster.moveSlot(keySlot(canary), target);
    await until(async () => (await canaries()).some((name) => name !== canary), 'another canary');
  }
  await delay(CANARY_BOUND_MS);
  await assertHears(client, (payload) => scene.ioredis(owner.port).call('SPUBLISH', `barker:${channel}`, payload));
  assert.deepEqual(client.messages.values.filter(({ text }) => JSON.parse(text).type === 'gap'), []);
  assert.equal(node.events('broker_down').length, downs);
  owner.pause();
  await node.nextEvent('broker_down', downs, CANARY_BOUND_MS + 1_500).finally(() => owner.resume());
});

it('Cluster: a master that dies and returns is heard again', async () => {
  const cluster = await scene.cluster(DURABLE);
  const node = await start(cluster.url);
  const channel = 'live:dying';
  const client = await join(node, channel);
  const owner = await cluster.ownerOf(keySlot(`barker:${channel}`));
  const downs = node.events('broker_down').length;
  await owner.kill();
  await node.nextEvent('broker_down', downs);
  await owner.restart();
  const publish = (payload) => scene.ioredis(owner.port).call('SPUBLISH', `barker:${channel}`, payload);
  await assertHears(client, publish, 20_000);
});

it('rediss: Redis over TLS, its certificate checked', async () => {
  const certificates = await makeCertificates(scene.folder);
  const redis = await scene.redis([], { certificates });
  const node = await start(redis.tlsUrl);
  const client = await join(node, 'secret');
  await scene.ioredis(redis.port).publish('barker:secret', '"over TLS"');
  assert.equal((await client.nextJson()).data, 'over TLS');
  await scene.ioredis(redis.port).call('CLIENT', 'KILL', 'TYPE', 'pubsub');
  await assertHears(client, (payload) => scene.ioredis(redis.port).publish('barker:secret', payload));
  const stranger = await makeCertificates(scene.folder, 'stranger');
  const wary = await start(`rediss://127.0.0.1:${redis.tlsPort}?ca=${encodeURIComponent(stranger.ca)}`);
  await wary.child.line(/event=broker_down.*certificate/i);
  const careless = await start(`rediss://127.0.0.1:${redis.tlsPort}?verify=no`);
  const trusting = await join(careless, 'open');
  await assertHears(trusting, (payload) => scene.ioredis(redis.port).publish('barker:open', payload));
});

it('a Redis where functions are not allowed serves history by scripts', async () => {
  const redis = await scene.redis();
  await redis.cli('ACL', 'SETUSER', 'plain', 'on', '>secret', '~*', '&*', '+@all', '-fcall', '-fcall_ro', '-function');
  const node = await start(redis.url.replace('//', '//plain:secret@'));
  const client = await join(node, 'kept:scripted');
  const ok = await client.ask({ type: 'publish', channel: 'kept:scripted', data: 1 });
  assert.deepEqual([ok.type, ok.seq], ['ok', 1]);
  assert.equal((await client.nextJson()).seq, 1);
  assert.equal(await redis.cli('FUNCTION', 'LIST'), '');
});

it('the node loads the library that is in its tree, and again when Redis lost it', async () => {
  const redis = await scene.redis();
  const node = await start(redis.url);
  const client = await join(node, 'kept:loaded');
  const publish = () => client.ask({ type: 'publish', channel: 'kept:loaded', data: 1 });
  assert.equal((await publish()).type, 'ok');
  assert.ok((await redis.cli('FUNCTION', 'LIST', 'WITHCODE')).includes(library().split('\n').find((line) => /\w/.test(line))));
  await redis.cli('FUNCTION', 'FLUSH');
  await until(async () => (await publish()).type === 'ok', 'the library to be back');
});

scene.endsClean();
