// A history's epoch ends exactly where Redis may have lost what it had said last: real servers that die and come back.
import assert from 'node:assert/strict';
import { Functions, listen } from './lib/functions.mjs';
import { keySlot } from './lib/cluster.mjs';
import { DURABLE } from './lib/redis.mjs';
import { Scene, it } from './lib/scene.mjs';
import { until } from './lib/wait.mjs';

const scene = new Scene();
const over = (redis, way = 'FCALL') => Functions.over(way, scene.ioredis(redis.port));
const KEY = 'barker:kept:1';

// The functions over a new connection, for a server that has just come back.
async function again(redis, way) {
  await until(async () => (await redis.cli('PING').catch(() => '')) === 'PONG', 'the server');
  return over(redis, way);
}

async function assertEnded(f, since) {
  for (const order of ['RESUME', 'FORWARD', 'REVERSE']) {
    const answer = await f.history(KEY, order, { since });
    assert.deepEqual([answer.recovered, answer.messages], [0, []], order);
  }
  const next = await f.publish(KEY, 'anew');
  assert.ok(BigInt(next.epoch) > BigInt(since.epoch), `${next.epoch} after ${since.epoch}`);
  assert.equal(next.seq, 1);
  const answer = await f.history(KEY, 'RESUME', { since });
  assert.deepEqual([answer.recovered, answer.epoch, answer.seq], [0, next.epoch, 1]);
}

async function assertGoesOn(f, since) {
  assert.deepEqual(await f.history(KEY, 'RESUME', { since }),
    { recovered: 1, epoch: since.epoch, seq: since.seq, more: 0, messages: [] });
  assert.deepEqual(await f.publish(KEY, 'more'), { epoch: since.epoch, seq: since.seq + 1, duplicate: 0 });
  assert.deepEqual((await f.history(KEY, 'RESUME', { since })).messages.map(({ payload }) => payload), ['more']);
}

for (const way of ['FCALL', 'EVAL']) {
  it(`${way}: with AOF the epoch goes on over SIGKILL, also twice without a publish between`, async () => {
    const redis = await scene.redis(DURABLE);
    await (await over(redis, way)).publish(KEY, 'one');
    let last = await (await over(redis, way)).publish(KEY, 'two');
    for (let round = 0; round < 2; round++) {
      await redis.kill();
      await redis.restart();
    }
    await assertGoesOn(await again(redis, way), last);
    last = { epoch: last.epoch, seq: last.seq + 1 };
    await redis.stop('SIGTERM');
    await redis.restart();
    await assertGoesOn(await again(redis, way), last);
  });

  it(`${way}: restarted from an RDB file the epoch ends`, async () => {
    const redis = await scene.redis();
    const f = await over(redis, way);
    await f.publish(KEY, 'saved');
    await f.publisher.call('SAVE');
    const last = await f.publish(KEY, 'lost');
    await redis.kill();
    await redis.restart();
    await assertEnded(await again(redis, way), last);
  });
}

it('restarted from an RDB file without having lost anything the epoch ends all the same', async () => {
  const redis = await scene.redis();
  const f = await over(redis);
  const last = await f.publish(KEY, 'saved');
  await f.publisher.call('SAVE');
  await redis.kill();
  await redis.restart();
  await assertEnded(await again(redis), last);
});

it('FLUSHALL and a restart without any persistence end the epoch', async () => {
  const redis = await scene.redis();
  const f = await over(redis);
  let last = await f.publish(KEY, 'gone');
  await f.publisher.flushall();
  await assertEnded(f, last);
  last = await f.publish(KEY, 'gone too');
  await redis.kill();
  await redis.restart();
  await assertEnded(await again(redis), last);
});

it('a replica that is promoted ends the epoch', async () => {
  const master = await scene.redis(DURABLE);
  const replica = await scene.redis([...DURABLE, '--replicaof', `127.0.0.1 ${master.port}`, '--repl-diskless-sync-delay', '0']);
  await until(async () => /link_status:up/.test(await replica.cli('INFO', 'replication')), 'the replica in sync');
  const f = await over(master);
  const last = await f.publish(KEY, 'one');
  await until(async () => await replica.cli('EXISTS', KEY) === '1', 'replication');
  await master.kill();
  await replica.cli('REPLICAOF', 'NO', 'ONE');
  await assertEnded(await again(replica), last);
});

it('a replica answers history, from a connection that may only read', async () => {
  const master = await scene.redis();
  const replica = await scene.redis(['--replicaof', `127.0.0.1 ${master.port}`, '--repl-diskless-sync-delay', '0']);
  const f = await over(master);
  const last = await f.publish(KEY, 'one');
  await until(async () => await replica.cli('EXISTS', KEY).catch(() => '') === '1', 'replication');
  const reader = scene.ioredis(replica.port);
  const [recovered, epoch, seq] = await reader.call('FCALL_RO', 'barker_history', '1', KEY, last.epoch, '1', '10', 'RESUME');
  assert.deepEqual([recovered, epoch, seq], [1, last.epoch, 1]);
});

it('in a Cluster the functions publish by SPUBLISH, and a channel keeps all its keys in its own slot', async () => {
  const cluster = await scene.cluster();
  for (const key of ['barker:chat:1', 'barker:{tag}:2', 'barker:a{b']) {
    const master = await cluster.ownerOf(keySlot(key));
    const f = await over(master);
    const heard = await listen(scene.ioredis(master.port), key, 'ssubscribe');
    const { epoch } = await f.publish(key, 'x', 'ID', 'once');
    assert.deepEqual(await heard.next(), { kind: 'm', epoch, seq: 1, payload: Buffer.from('x') });
    assert.equal((await f.publish(key, 'x', 'ID', 'once')).duplicate, 1);
    assert.equal((await f.presenceSet(key, 'node', 'ann', 1)).change, 1);
    assert.equal((await heard.next()).kind, 'j');
    assert.equal(await f.bury(key, 'node'), 1);
  }
});

it('in a Cluster a name whose keys cannot share a slot is refused before anything is written', async () => {
  const cluster = await scene.cluster();
  const key = 'barker:odd}name';
  const master = await cluster.ownerOf(keySlot(key));
  const f = await over(master);
  await assert.rejects(f.publish(key, 'x', 'ID', 'once'));
  assert.equal(await master.cli('EXISTS', key), '0');
});

for (const [what, settings, goesOn] of [['with AOF it goes on', DURABLE, true], ['without, it ends', [], false]]) {
  it(`a slot that moves takes its histories along: ${what}`, async () => {
    const cluster = await scene.cluster(settings);
    const from = await cluster.ownerOf(keySlot(KEY));
    const to = cluster.masters.find((master) => master !== from);
    const last = await (await over(from)).publish(KEY, 'one', 'ID', 'first');
    const f = await over(to);
    await cluster.moveSlot(keySlot(KEY), to);
    await (goesOn ? assertGoesOn : assertEnded)(f, last);
  });
}

scene.endsClean();
