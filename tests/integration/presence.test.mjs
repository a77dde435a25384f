// Presence: who is in a channel, over all nodes; each user comes once and goes once, whatever happens to nodes and Redis.
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { DURABLE } from './lib/redis.mjs';
import { Scene, it } from './lib/scene.mjs';
import { until } from './lib/wait.mjs';

const LEASE_MS = 10_000;
const BOUND_MS = LEASE_MS + 2_000;
const SLACK_MS = 500; // of this test's own processes

const scene = new Scene();
const redis = await scene.redis(DURABLE);
const flagsOf = (url) => [
  '--redis-url', url, '--namespace-room-presence', 'yes', '--access-identity', 'anyone', '--access-publish', 'anyone',
  '--broker-linger', '200ms', '--listen-workers', '2',
];
const start = (id, url = redis.url) => scene.barker([...flagsOf(url), '--node-id', id]);
const a = await start('a');
const b = await start('b');
let n = 0;
const fresh = () => `room:${++n}`;

async function enter(node, channel, user, info) {
  const query = `user=${encodeURIComponent(user)}${info ? `&info=${encodeURIComponent(JSON.stringify(info))}` : ''}`;
  const client = await scene.connectV1(node.url(`/ws?${query}`));
  assert.equal((await client.ask({ type: 'subscribe', channel })).type, 'ok');
  return client;
}

// A subscriber that only looks: what it saw of the others, as "join ann".
async function watch(node, channel, name) {
  const follower = scene.follower(node.url(`/ws?user=${name}`), { live: [channel] });
  await follower.subscribed();
  follower.saw = (isOf = (user) => !user.startsWith('watcher')) =>
    follower.presence.filter(({ user }) => isOf(user)).map(({ type, user }) => `${type} ${user}`);
  follower.count = (type, prefix) => follower.saw().filter((event) => event.startsWith(`${type} ${prefix}`)).length;
  return follower;
}

const watchBoth = async (channel) => [await watch(a, channel, 'watcher-a'), await watch(b, channel, 'watcher-b')];
const allSaw = (watchers, expected, deadlineMs) =>
  until(() => watchers.every((watcher) => JSON.stringify(watcher.saw()) === JSON.stringify(expected)),
    `${expected}; saw ${watchers.map((watcher) => watcher.saw())}`, deadlineMs);

// {user: connections}, without the watchers.
async function listOf(node, channel) {
  const client = await scene.connectV1(node.url('/ws'));
  const answer = await client.ask({ type: 'presence', channel });
  client.terminate();
  if (answer.type !== 'presence') return answer;
  return Object.fromEntries(answer.members.filter(({ user }) => !user.startsWith('watcher'))
    .map(({ user, connections }) => [user, connections]).sort());
}

const untilListed = (nodes, channel, expected, deadlineMs) => until(async () => {
  const lists = await Promise.all(nodes.map((node) => listOf(node, channel)));
  return lists.every((list) => JSON.stringify(list) === JSON.stringify(expected));
}, `the list ${JSON.stringify(expected)}`, deadlineMs, 100);

// No join without a leave before it, and the other way round.
function assertAlternates(watcher) {
  const here = new Map();
  for (const { type, user } of watcher.presence) {
    if (here.has(user)) assert.equal(type === 'join', !here.get(user), `${type} of ${user} twice`);
    here.set(user, type === 'join');
  }
}

it('a user comes once and goes once, over connections and nodes', async () => {
  const channel = fresh();
  const watchers = await watchBoth(channel);
  const ann = [await enter(a, channel, 'ann', { a: 1 })];
  await allSaw(watchers, ['join ann']);
  ann.push(await enter(a, channel, 'ann', { a: 2 }), await enter(b, channel, 'ann'), await enter(b, channel, 'ann'));
  const bob = await enter(b, channel, 'bob');
  await allSaw(watchers, ['join ann', 'join bob']);
  await untilListed([a, b], channel, { ann: 4, bob: 1 });
  for (const client of ann.splice(0, 3)) client.terminate();
  await untilListed([a, b], channel, { ann: 1, bob: 1 });
  ann[0].close(1000);
  await allSaw(watchers, ['join ann', 'join bob', 'leave ann']);
  await bob.ask({ type: 'unsubscribe', channel });
  await allSaw(watchers, ['join ann', 'join bob', 'leave ann', 'leave bob']);
  assert.deepEqual(await listOf(a, channel), {});
});

it('join, leave and the list tell the user and the info of the first connection', async () => {
  const channel = fresh();
  const [watcher] = await watchBoth(channel);
  const client = await enter(b, channel, 'ann "ü"', { a: [1, null] });
  await until(() => watcher.count('join', 'ann') === 1, 'the join');
  const isAnn = ({ user }) => user === 'ann "ü"';
  assert.deepEqual(watcher.presence.find(isAnn), { type: 'join', channel, user: 'ann "ü"', info: { a: [1, null] } });
  const asker = await scene.connectV1(a.url('/ws'));
  const { members } = await asker.ask({ type: 'presence', channel });
  assert.deepEqual(members.find(isAnn), { user: 'ann "ü"', info: { a: [1, null] }, connections: 1 });
  client.terminate();
  await until(() => watcher.count('leave', 'ann') === 1, 'the leave');
  assert.deepEqual(watcher.presence.filter(isAnn)[1], { type: 'leave', channel, user: 'ann "ü"', info: { a: [1, null] } });
});

it('presence of a namespace without it is not_kept', async () => {
  const answer = await listOf(a, 'plain:1');
  assert.deepEqual([answer.type, answer.code, answer.retry], ['error', 'not_kept', false]);
});

it('a user that comes and goes quickly never shows twice', async () => {
  const channel = fresh();
  const watchers = await watchBoth(channel);
  for (let round = 0; round < 20; round++) {
    const client = await enter(round % 2 ? a : b, channel, 'hasty');
    if (round % 3) client.terminate();
    else await client.ask({ type: 'unsubscribe', channel });
  }
  await untilListed([a, b], channel, {});
  await delay(500);
  watchers.forEach(assertAlternates);
  for (const watcher of watchers) assert.equal(watcher.count('join', 'hasty'), watcher.count('leave', 'hasty'));
});

it('the members of a node that is killed leave once on the survivors, within the bound', async () => {
  const channel = fresh();
  const doomed = await start('doomed');
  const watchers = await watchBoth(channel);
  for (let index = 0; index < 20; index++) await enter(doomed, channel, `user-${index}`);
  await enter(doomed, channel, 'both');
  await enter(a, channel, 'both');
  await until(() => watchers.every((watcher) => watcher.saw().length === 21), 'every join');
  await doomed.kill();
  const killed = Date.now();
  await until(() => watchers.every((watcher) => watcher.count('leave', 'user-') === 20), 'every leave', BOUND_MS + SLACK_MS);
  console.log(`the members of a killed node left after ${Date.now() - killed} ms`);
  await delay(2_000);
  for (const watcher of watchers) {
    assert.equal(watcher.count('leave', 'user-'), 20);
    assert.equal(watcher.count('leave', 'both'), 0);
    assertAlternates(watcher);
  }
  await untilListed([a, b], channel, { both: 1 });
});

it('a node that stops in order takes its members along at once', async () => {
  const channel = fresh();
  const brief = await start('brief');
  const watchers = await watchBoth(channel);
  for (const user of ['ann', 'bob']) await enter(brief, channel, user);
  await until(() => watchers.every((watcher) => watcher.saw().length === 2), 'the joins');
  const stopped = Date.now();
  const end = brief.stop();
  await until(() => watchers.every((watcher) => watcher.count('leave', '') === 2), 'the leaves', 6_000);
  await end;
  assert.ok(Date.now() - stopped < 8_000);
  watchers.forEach(assertAlternates);
});

it('a node that hangs longer than its lease is buried; when it goes on its members come back, once', async () => {
  const channel = fresh();
  const hung = await start('hung');
  const watchers = await watchBoth(channel);
  await enter(hung, channel, 'ann');
  await allSaw(watchers, ['join ann']);
  hung.child.kill('SIGSTOP');
  try {
    await allSaw(watchers, ['join ann', 'leave ann'], BOUND_MS + SLACK_MS);
  } finally {
    hung.child.kill('SIGCONT');
  }
  await allSaw(watchers, ['join ann', 'leave ann', 'join ann']);
  await untilListed([a, b, hung], channel, { ann: 1 });
  await delay(LEASE_MS / 2);
  await allSaw(watchers, ['join ann', 'leave ann', 'join ann']);
}, { timeout: 90_000 });

it('links that break for a moment are not seen by anybody', async () => {
  const channel = fresh();
  const watchers = await watchBoth(channel);
  await enter(a, channel, 'ann');
  await enter(b, channel, 'bob');
  await allSaw(watchers, ['join ann', 'join bob']);
  const admin = scene.ioredis(redis.port);
  for (const type of ['pubsub', 'normal', 'pubsub']) {
    await admin.call('CLIENT', 'KILL', 'TYPE', type, 'SKIPME', 'yes');
    await delay(500);
  }
  const cem = await enter(a, channel, 'cem');
  await allSaw(watchers, ['join ann', 'join bob', 'join cem']);
  cem.terminate();
  await allSaw(watchers, ['join ann', 'join bob', 'join cem', 'leave cem']);
});

// An outage of the server that is as long as it takes; then everybody is there as before, and nobody was told otherwise.
async function assertOutageIsUnseen(server, outage) {
  const nodes = [await start('c', server.url), await start('d', server.url)];
  const channel = fresh();
  const watchers = [await watch(nodes[0], channel, 'watcher-c'), await watch(nodes[1], channel, 'watcher-d')];
  await enter(nodes[0], channel, 'ann');
  const bob = await enter(nodes[1], channel, 'bob');
  await enter(nodes[1], channel, 'cem');
  await until(() => watchers.every((watcher) => watcher.saw().length === 3), 'the joins');
  await outage(() => bob.terminate());
  await untilListed(nodes, channel, { ann: 1, cem: 1 }, 30_000);
  await delay(3_000);
  for (const watcher of watchers) {
    assertAlternates(watcher);
    assert.deepEqual(watcher.saw().slice(3), ['leave bob']);
  }
  await untilListed(nodes, channel, { ann: 1, cem: 1 });
}

it('a Redis that restarts with its data: who stayed stays, who left meanwhile leaves', async () => {
  const server = await scene.redis(DURABLE);
  await assertOutageIsUnseen(server, async (meanwhile) => {
    await server.kill();
    meanwhile();
    await delay(1_000);
    await server.restart();
  });
}, { timeout: 90_000 });

it('a Redis that restarts without its data is told everything again', async () => {
  const server = await scene.redis();
  await assertOutageIsUnseen(server, async (meanwhile) => {
    await server.kill();
    meanwhile();
    await server.restartEmpty();
  });
}, { timeout: 90_000 });

it('a Redis that hangs for longer than a lease buries nobody', async () => {
  const server = await scene.redis();
  await assertOutageIsUnseen(server, async (meanwhile) => {
    server.pause();
    meanwhile();
    await delay(LEASE_MS + 2_000);
    server.resume();
  });
}, { timeout: 90_000 });

it('with the embedded broker presence is the same, of one node', async () => {
  const single = await scene.barker(flagsOf('').slice(2));
  const channel = fresh();
  const watcher = await watch(single, channel, 'watcher');
  const ann = [await enter(single, channel, 'ann', { a: 1 }), await enter(single, channel, 'ann')];
  await allSaw([watcher], ['join ann']);
  await untilListed([single], channel, { ann: 2 });
  for (const client of ann) client.terminate();
  await allSaw([watcher], ['join ann', 'leave ann']);
  assert.deepEqual(await listOf(single, channel), {});
});

scene.endsClean();
