// The functions in deploy/redis/barker.lua: as Redis Functions, as one script, and as the embedded broker has them.
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { Functions, LIBRARY, WAYS, listen, library } from './lib/functions.mjs';
import { Scene, it } from './lib/scene.mjs';
import { run } from './lib/child.mjs';
import { DURABLE } from './lib/redis.mjs';

const scene = new Scene();
const redis = await scene.redis(DURABLE);
const node = await scene.barker();
const portOf = (way) => (way === 'the embedded broker' ? node.embedded.port : redis.port);

let n = 0;
const fresh = (name) => `barker:${name}:${++n}`;
const payloads = ({ messages }) => messages.map(({ payload }) => payload);
const seqs = ({ messages }) => messages.map(({ seq }) => seq);

async function publishMany(f, key, count, ...options) {
  let last;
  for (let index = 1; index <= count; index++) last = await f.publish(key, `m${index}`, ...options);
  return last;
}

for (const way of Object.keys(WAYS)) {
  const opened = Functions.over(way, scene.ioredis(portOf(way)));
  opened.catch(() => {});
  const test = (name, body) => it(`${way}: ${name}`, async () => body(await opened));
  const ear = (channel) => listen(scene.ioredis(portOf(way)), channel);

  test('numbers are dense from 1 within an epoch of microseconds', async (f) => {
    const key = fresh('dense');
    const first = await f.publish(key, 'one');
    assert.ok(Math.abs(Number(BigInt(first.epoch) / 1000n) - Date.now()) < 10_000, `an epoch of now: ${first.epoch}`);
    assert.deepEqual([first.seq, first.duplicate], [1, 0]);
    for (const seq of [2, 3, 4])
      assert.deepEqual(await f.publish(key, 'more'), { epoch: first.epoch, seq, duplicate: 0 });
  });

  test('what is published arrives with its place, byte for byte', async (f) => {
    const key = fresh('bytes');
    const heard = await ear(key);
    for (const payload of [Buffer.from([0, 255, 10, 13, 0]), Buffer.from(''), Buffer.from('\0barker/1 m 1-1\n')]) {
      const { epoch, seq } = await f.publish(key, payload);
      assert.deepEqual(await heard.next(), { kind: 'm', epoch, seq, payload });
    }
  });

  test('an idempotency key gives the first place again and publishes nothing', async (f) => {
    const key = fresh('twice');
    const heard = await ear(key);
    const first = await f.publish(key, 'once', 'ID', 'order-1');
    const second = await f.publish(key, 'other', 'SIZE', '10', 'ID', 'order-1');
    assert.deepEqual(second, { ...first, duplicate: 1 });
    assert.equal((await f.publish(key, 'next', 'ID', 'order-2')).seq, 2);
    assert.deepEqual([(await heard.next()).seq, (await heard.next()).seq], [1, 2]);
    assert.deepEqual(payloads(await f.history(key, 'FORWARD')), ['once', 'next']);
    assert.equal((await f.publish(fresh('twice'), 'elsewhere', 'ID', 'order-1')).duplicate, 0);
  });

  test('an idempotency key is forgotten after IDAGE', async (f) => {
    const key = fresh('forgotten');
    await f.publish(key, 'once', 'ID', 'x', 'IDAGE', '1');
    assert.equal((await f.publish(key, 'again', 'ID', 'x', 'IDAGE', '1')).duplicate, 1);
    await delay(1_200);
    assert.deepEqual(await f.publish(key, 'anew', 'ID', 'x').then(({ seq, duplicate }) => [seq, duplicate]), [2, 0]);
  });

  test('SIZE keeps exactly so many', async (f) => {
    const key = fresh('size');
    await publishMany(f, key, 25, 'size', '10');
    assert.deepEqual(seqs(await f.history(key, 'FORWARD')), [16, 17, 18, 19, 20, 21, 22, 23, 24, 25]);
  });

  test('messages over AGE go with the next publish, the newest stays', async (f) => {
    const key = fresh('age');
    await f.publish(key, 'old', 'AGE', '1');
    await delay(600);
    await f.publish(key, 'young', 'AGE', '1');
    await delay(600);
    await f.publish(key, 'new', 'AGE', '1');
    assert.deepEqual(payloads(await f.history(key, 'FORWARD')), ['young', 'new']);
  });

  test('a history that nobody publishes to for AGE ends, and the next has a later epoch', async (f) => {
    const key = fresh('ends');
    const first = await publishMany(f, key, 3, 'AGE', '1');
    await delay(1_300);
    const none = await f.history(key, 'RESUME', { since: first });
    assert.deepEqual([none.recovered, none.epoch, none.seq], [0, '0', 0]);
    const second = await f.publish(key, 'anew');
    assert.equal(second.seq, 1);
    assert.ok(BigInt(second.epoch) > BigInt(first.epoch));
  });

  for (const options of [
    ['SIZE'], ['SIZE', '0'], ['SIZE', '-1'], ['SIZE', 'x'], ['AGE', '0'], ['AGE', '1e400'], ['IDAGE', '0', 'ID', 'x'],
    ['NONSENSE', '1'], ['ID'],
  ]) {
    test(`publish with ${options.join(' ')} is refused before anything is written`, async (f) => {
      const key = fresh('bad');
      const heard = await ear(key);
      await assert.rejects(f.publish(key, 'x', ...options), /ERR/);
      assert.equal((await f.history(key, 'FORWARD')).epoch, '0');
      await f.publish(key, 'good');
      assert.equal((await heard.next()).seq, 1);
    });
  }

  test('bad arguments of history are refused', async (f) => {
    const key = fresh('bad_history');
    await f.publish(key, 'x');
    for (const args of [['0', '0', '10', 'SIDEWAYS'], ['x', '0', '10', 'RESUME'], ['0', '0', '-1', 'FORWARD'], ['0', '0']])
      await assert.rejects(f.call('barker_history', key, ...args), /ERR/, args.join(' '));
  });

  test('RESUME gives all that follows, in order', async (f) => {
    const key = fresh('resume');
    const { epoch } = await publishMany(f, key, 10);
    const answer = await f.history(key, 'RESUME', { since: { epoch, seq: 4 } });
    assert.deepEqual([answer.recovered, answer.epoch, answer.seq, answer.more], [1, epoch, 10, 0]);
    assert.deepEqual(seqs(answer), [5, 6, 7, 8, 9, 10]);
    assert.deepEqual(payloads(answer), ['m5', 'm6', 'm7', 'm8', 'm9', 'm10']);
    assert.ok(answer.messages.every((message) => message.epoch === epoch));
    assert.deepEqual(seqs(await f.history(key, 'RESUME', { since: { epoch, seq: 0 }, limit: 10 })).length, 10);
    const none = await f.history(key, 'RESUME', { since: { epoch, seq: 10 } });
    assert.deepEqual([none.recovered, none.messages], [1, []]);
  });

  test('RESUME of more than the limit, from the future, of another epoch or of what is trimmed is refused', async (f) => {
    const key = fresh('refused');
    const { epoch } = await publishMany(f, key, 20, 'SIZE', '10');
    const resume = (seq, limit = 100, of = epoch) => f.history(key, 'RESUME', { since: { epoch: of, seq }, limit });
    assert.equal((await resume(10)).recovered, 1);
    for (const answer of [await resume(9), await resume(0), await resume(21), await resume(15, 4),
      await resume(15, 100, String(BigInt(epoch) - 1n))]) {
      assert.deepEqual([answer.recovered, answer.messages, answer.epoch, answer.seq], [0, [], epoch, 20]);
    }
    assert.equal((await resume(15, 5)).recovered, 1);
  });

  test('FORWARD gives the newest, oldest first; with since the first behind it', async (f) => {
    const key = fresh('forward');
    const { epoch } = await publishMany(f, key, 10);
    const newest = await f.history(key, 'FORWARD', { limit: 3 });
    assert.deepEqual([newest.recovered, seqs(newest)], [1, [8, 9, 10]]);
    const page = await f.history(key, 'FORWARD', { since: { epoch, seq: 2 }, limit: 3 });
    assert.deepEqual([page.recovered, seqs(page), page.more, page.seq], [1, [3, 4, 5], 1, 10]);
    const last = await f.history(key, 'FORWARD', { since: { epoch, seq: 8 }, limit: 3 });
    assert.deepEqual([last.recovered, seqs(last), last.more], [1, [9, 10], 0]);
  });

  test('REVERSE gives the newest first, down to since', async (f) => {
    const key = fresh('reverse');
    const { epoch } = await publishMany(f, key, 10);
    assert.deepEqual(seqs(await f.history(key, 'REVERSE', { limit: 3 })), [10, 9, 8]);
    assert.deepEqual(seqs(await f.history(key, 'REVERSE', { since: { epoch, seq: 7 } })), [10, 9, 8]);
    const cut = await f.history(key, 'REVERSE', { since: { epoch, seq: 2 }, limit: 2 });
    assert.deepEqual([cut.recovered, seqs(cut), cut.more], [1, [10, 9], 1]);
  });

  test('FORWARD and REVERSE behind a place that is not there give nothing', async (f) => {
    const key = fresh('inexact');
    const { epoch } = await publishMany(f, key, 20, 'SIZE', '10');
    for (const since of [{ epoch, seq: 3 }, { epoch: '12345', seq: 15 }, { epoch, seq: 99 }]) {
      for (const order of ['FORWARD', 'REVERSE']) {
        const answer = await f.history(key, order, { since });
        assert.deepEqual([answer.recovered, answer.messages], [0, []], `${order} ${JSON.stringify(since)}`);
      }
    }
  });

  test('limit 0 tells the head alone, and whether since holds', async (f) => {
    const key = fresh('head');
    assert.deepEqual(await f.history(key, 'FORWARD', { limit: 0 }),
      { recovered: 1, epoch: '0', seq: 0, more: 0, messages: [] });
    const { epoch } = await publishMany(f, key, 3);
    const head = await f.history(key, 'FORWARD', { limit: 0 });
    assert.deepEqual([head.recovered, head.epoch, head.seq, head.messages], [1, epoch, 3, []]);
    assert.equal((await f.history(key, 'RESUME', { since: { epoch, seq: 3 }, limit: 0 })).recovered, 1);
    assert.equal((await f.history(key, 'RESUME', { since: { epoch: '77', seq: 3 }, limit: 0 })).recovered, 0);
  });

  test('a user joins with its first node and leaves with its last, with one event each', async (f) => {
    const key = fresh('present');
    const heard = await ear(key);
    const { change: came, version } = await f.presenceSet(key, 'a', 'ann', 1, '{"user":"ann","info":1}');
    assert.equal(came, 1);
    assert.deepEqual(await heard.next(), { kind: 'j', version, user: 'ann', member: '{"user":"ann","info":1}' });
    for (const [place, connections, change] of [['a', 1, 0], ['a', 3, 0], ['b', 2, 0], ['a', 0, 0], ['a', 0, 0]])
      assert.equal((await f.presenceSet(key, place, 'ann', connections, '{"user":"ann","info":2}')).change, change);
    const ann = { connections: 2, member: '{"user":"ann","info":1}' };
    assert.deepEqual(await f.presence(key), { version, users: { ann } });
    assert.deepEqual(await f.presenceSet(key, 'b', 'ann', 0, '{}'), { change: -1, version: version + 1 });
    assert.deepEqual(await heard.next(), { kind: 'l', version: version + 1, user: 'ann', member: '{"user":"ann","info":1}' });
    assert.deepEqual(await f.presence(key), { version: version + 1, users: {} });
    assert.deepEqual(await f.presenceSet(key, 'a', 'ann', 1), { change: 1, version: version + 2 });
  });

  test('the list counts a user\'s connections over all nodes', async (f) => {
    const key = fresh('list');
    for (const [place, user, connections] of [['a', 'ann', 2], ['b', 'ann', 3], ['b', 'bob', 1], ['a', 'ünï "x"\n', 1]])
      await f.presenceSet(key, place, user, connections, '{}');
    const { users } = await f.presence(key);
    assert.deepEqual(Object.entries(users).map(([user, { connections }]) => [user, connections]).sort(),
      [['ann', 5], ['bob', 1], ['ünï "x"\n', 1]].sort());
  });

  test('burying a node takes its shares and no others, once', async (f) => {
    const key = fresh('bury');
    for (const [place, user] of [['a', 'ann'], ['a', 'bob'], ['b', 'bob'], ['b', 'cem']])
      await f.presenceSet(key, place, user, 1);
    const heard = await ear(key);
    assert.equal(await f.bury(key, 'a'), 1);
    assert.deepEqual(await heard.next().then(({ kind, user }) => [kind, user]), ['l', 'ann']);
    assert.equal(await f.bury(key, 'a'), 0);
    assert.deepEqual(Object.keys((await f.presence(key)).users).sort(), ['bob', 'cem']);
    assert.equal(await f.bury(key, 'b'), 2);
    assert.deepEqual([(await heard.next()).kind, (await heard.next()).kind], ['l', 'l']);
    assert.deepEqual((await f.presence(key)).users, {});
  });
}

// Leases are the nodes' own affair: the embedded broker has but one.
for (const way of ['FCALL', 'EVAL']) {
  it(`${way}: a lease is kept while it runs, and told of when it has run out`, async () => {
    const f = await Functions.over(way, scene.ioredis(redis.port));
    const key = fresh('leases');
    assert.equal((await f.lease(key, 'a', 10_000, 0)).kept, 0);
    assert.deepEqual(await f.lease(key, 'a', 10_000, 1), { kept: 1, dead: [] });
    assert.deepEqual(await f.lease(key, 'b', 300, 1), { kept: 1, dead: [] });
    assert.deepEqual(await f.lease(key, 'b', 300, 0), { kept: 1, dead: [] });
    await delay(400);
    assert.deepEqual(await f.lease(key, 'a', 10_000, 0), { kept: 1, dead: ['b'] });
    assert.equal((await f.lease(key, 'b', 10_000, 0)).kept, 0);
    await f.lease(key, 'a', 10_000, -1);
    assert.equal((await f.lease(key, 'a', 10_000, 0)).kept, 0);
  });
}

it('an entry of the stream has the payload, the time and the server', async () => {
  const publisher = scene.ioredis(redis.port);
  const f = await Functions.over('FCALL', publisher);
  const key = fresh('stream');
  const { epoch } = await f.publish(key, 'body');
  const [[id, fields]] = await publisher.xrange(key, '-', '+');
  const entry = Object.fromEntries([[fields[0], fields[1]], [fields[2], fields[3]], [fields[4], fields[5]]]);
  const [, replid] = (await publisher.info('replication')).match(/master_replid:(\w{8})/);
  assert.equal(id, `${epoch}-1`);
  assert.deepEqual([entry.d, entry.s], ['body', replid]);
  assert.ok(Math.abs(Number(entry.t) - Date.now()) < 5_000);
  assert.ok(await publisher.pttl(key) > 86_000_000);
});

it('history and presence can be read by FCALL_RO, publishing cannot', async () => {
  const publisher = scene.ioredis(redis.port);
  await Functions.over('FCALL', publisher);
  const key = fresh('readonly');
  assert.equal((await publisher.call('FCALL_RO', 'barker_history', '1', key, '0', '0', '10', 'FORWARD'))[1], '0');
  assert.deepEqual(await publisher.call('FCALL_RO', 'barker_presence', '1', key), [0]);
  await assert.rejects(publisher.call('FCALL_RO', 'barker_publish', '1', key, 'x'), /ERR/);
});

it('redis-cli loads the library by hand and publishes', async () => {
  const other = await scene.redis();
  const loaded = await run('sh', ['-c', `redis-cli -p ${other.port} -x FUNCTION LOAD REPLACE < "$0"`, LIBRARY.pathname]);
  assert.equal(loaded.out, 'barker');
  assert.match(await other.cli('FCALL', 'barker_publish', '1', 'barker:chat:1', '{"hi":1}'), /^\d+\n1\n0$/);
});

it('the library says its version', async () => {
  assert.match(library(), /version/i);
});

scene.endsClean();
