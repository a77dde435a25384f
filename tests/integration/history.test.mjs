// History and resume in barker.v1: exact, in order, or an explicit refusal; the same through Redis and through the embedded
// broker.
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { Functions } from './lib/functions.mjs';
import { DURABLE } from './lib/redis.mjs';
import { Scene, it } from './lib/scene.mjs';
import { until } from './lib/wait.mjs';

const scene = new Scene();
const FLAGS = [
  '--namespace-kept-history', '1000', '--namespace-short-history', '10', '--namespace-brief-history', '10',
  '--namespace-brief-history-age', '1s', '--access-publish', 'anyone', '--listen-workers', '2',
];
const redis = await scene.redis(DURABLE);
const brokers = {
  redis: { node: await scene.barker(['--redis-url', redis.url, ...FLAGS]), port: redis.port, way: 'FCALL' },
  embedded: { node: await scene.barker(FLAGS), way: 'the embedded broker' },
};
brokers.embedded.port = brokers.embedded.node.embedded.port;
let n = 0;
const fresh = (namespace) => `${namespace}:${++n}`;
const placeOf = ({ epoch, seq }) => ({ epoch, seq });

for (const [name, broker] of Object.entries(brokers)) {
  const opened = Functions.over(broker.way, scene.ioredis(broker.port));
  const test = (title, body) => it(`${name}: ${title}`, async () => body(await opened));
  const url = broker.node.url('/ws');
  const connect = () => scene.connectV1(url);

  // A client and the answer to its subscribe.
  async function join(channel, resume) {
    const client = await connect();
    return { client, ok: await client.ask({ type: 'subscribe', channel, resume }) };
  }

  async function publishMany(f, channel, count, { first = 1, options = [] } = {}) {
    let last = null;
    for (let index = first; index < first + count; index++)
      last = await f.publish(`barker:${channel}`, JSON.stringify({ n: index }), 'SIZE', '1000', ...options);
    return placeOf(last);
  }

  async function assertNext(client, channel, epoch, from, to) {
    for (let seq = from; seq <= to; seq++)
      assert.deepEqual(await client.nextJson(), { type: 'message', channel, epoch, seq, data: { n: seq } });
  }

  async function assertQuiet(client, f, channel, epoch, seq) {
    assert.equal((await publishMany(f, channel, 1, { first: seq })).seq, seq);
    await assertNext(client, channel, epoch, seq, seq);
  }

  test('messages carry their place, and ok says behind which one it subscribes', async (f) => {
    const channel = fresh('kept');
    const { epoch } = await publishMany(f, channel, 3);
    const { client, ok } = await join(channel);
    assert.deepEqual(ok, { type: 'ok', id: 1, epoch, seq: 3 });
    await publishMany(f, channel, 2, { first: 4 });
    await assertNext(client, channel, epoch, 4, 5);
  });

  test('an epoch is a string: no JavaScript number holds it', async (f) => {
    const channel = fresh('kept');
    const { epoch } = await publishMany(f, channel, 1);
    const { ok } = await join(channel);
    assert.equal(typeof ok.epoch, 'string');
    assert.equal(ok.epoch, epoch);
  });

  test('a channel without a history yet is subscribed, and its first message has number 1', async (f) => {
    const channel = fresh('kept');
    const { client, ok } = await join(channel);
    assert.equal(ok.type, 'ok');
    const { epoch } = await publishMany(f, channel, 1);
    await assertNext(client, channel, epoch, 1, 1);
  });

  test('what a client publishes has a place, which the ok tells', async () => {
    const channel = fresh('kept');
    const { client } = await join(channel);
    const ok = await client.ask({ type: 'publish', channel, data: { n: 1 } });
    assert.deepEqual([ok.type, ok.seq], ['ok', 1]);
    await assertNext(client, channel, ok.epoch, 1, 1);
  });

  test('a resume brings exactly what was missed, then what comes', async (f) => {
    const channel = fresh('kept');
    const { epoch } = await publishMany(f, channel, 10);
    const { client, ok } = await join(channel, { epoch, seq: 4 });
    assert.deepEqual([ok.type, ok.recovered, ok.epoch, ok.seq], ['ok', true, epoch, 4], 'messages follow that place');
    await assertNext(client, channel, epoch, 5, 10);
    await assertQuiet(client, f, channel, epoch, 11);
  });

  test('a resume that missed nothing is recovered with no message', async (f) => {
    const channel = fresh('kept');
    const at = await publishMany(f, channel, 3);
    const { client, ok } = await join(channel, at);
    assert.deepEqual([ok.recovered, ok.seq], [true, 3]);
    await assertQuiet(client, f, channel, at.epoch, 4);
  });

  test('on the wire ok comes before the messages that it recovers', async (f) => {
    const channel = fresh('kept');
    const { epoch } = await publishMany(f, channel, 3);
    const client = await scene.connect(url, { protocols: ['barker.v1'] });
    assert.equal((await client.nextJson()).type, 'welcome');
    client.send({ type: 'subscribe', id: 7, channel, resume: { epoch, seq: 1 } });
    assert.deepEqual((await client.nextJson()).type, 'ok');
    await assertNext(client, channel, epoch, 2, 3);
  });

  test('a resume of 300 is recovered, of 301 refused; then live messages come', async (f) => {
    const channel = fresh('kept');
    const { epoch } = await publishMany(f, channel, 310);
    const { client: full, ok: recovered } = await join(channel, { epoch, seq: 10 });
    assert.equal(recovered.recovered, true);
    await assertNext(full, channel, epoch, 11, 310);
    const { client, ok } = await join(channel, { epoch, seq: 9 });
    assert.deepEqual([ok.type, ok.recovered, ok.epoch, ok.seq], ['ok', false, epoch, 310]);
    await assertQuiet(client, f, channel, epoch, 311);
  });

  test('a resume behind what was trimmed, from the future or of another epoch is refused', async (f) => {
    const channel = fresh('short');
    for (let index = 1; index <= 20; index++) await f.publish(`barker:${channel}`, `{"n":${index}}`, 'SIZE', '10');
    const { epoch } = await f.history(`barker:${channel}`, 'FORWARD', { limit: 0 });
    for (const since of [{ epoch, seq: 9 }, { epoch, seq: 21 }, { epoch: String(BigInt(epoch) - 1n), seq: 15 }]) {
      const { client, ok } = await join(channel, since);
      assert.deepEqual([ok.type, ok.recovered, ok.epoch, ok.seq], ['ok', false, epoch, 20], JSON.stringify(since));
      assert.equal(client.messages.values.length, 0);
    }
    const { client, ok } = await join(channel, { epoch, seq: 10 });
    assert.equal(ok.recovered, true);
    await assertNext(client, channel, epoch, 11, 20);
  });

  test('a history that has run out is a new epoch, and a resume of the old one is refused', async (f) => {
    const channel = fresh('brief');
    const client = await connect();
    const { epoch, seq } = await client.ask({ type: 'publish', channel, data: { n: 1 } });
    await delay(1_300);
    const { client: back, ok } = await join(channel, { epoch, seq });
    assert.equal(ok.recovered, false);
    const next = await client.ask({ type: 'publish', channel, data: { n: 1 } });
    assert.equal(next.seq, 1);
    assert.ok(BigInt(next.epoch) > BigInt(epoch));
    await assertNext(back, channel, next.epoch, 1, 1);
    assert.equal((await f.history(`barker:${channel}`, 'FORWARD')).epoch, next.epoch);
  });

  test('who has no place yet asks from epoch 1: never recovered, whether or not there is a history', async (f) => {
    const channel = fresh('kept');
    const since = { epoch: '1', seq: 0 };
    const { ok: empty } = await join(channel, since);
    assert.deepEqual([empty.type, empty.recovered, empty.epoch], ['ok', false, undefined]);
    const { epoch } = await publishMany(f, channel, 1);
    const { client, ok } = await join(channel, since);
    assert.deepEqual([ok.type, ok.recovered, ok.epoch, ok.seq], ['ok', false, epoch, 1]);
    await assertQuiet(client, f, channel, epoch, 2);
  });

  test('a resume in a namespace without history subscribes and says that nothing is recovered', async (f) => {
    const { client, ok } = await join('live:1', { epoch: '123', seq: 4 });
    assert.deepEqual([ok.type, ok.recovered], ['ok', false]);
    await f.publisher.publish('barker:live:1', '1');
    assert.deepEqual(await client.nextJson(), { type: 'message', channel: 'live:1', data: 1 });
  });

  for (const resume of [{}, { epoch: '1' }, { seq: 1 }, { epoch: 1, seq: 1 }, { epoch: 'x', seq: 1 }, { epoch: '1', seq: -1 },
    'now', { epoch: '99999999999999999999999', seq: 1 }]) {
    test(`a resume of ${JSON.stringify(resume)} is refused as a bad message`, async () => {
      const { ok } = await join(fresh('kept'), resume);
      assert.deepEqual([ok.type, ok.code], ['error', 'bad_message']);
    });
  }

  test('history gives the newest messages, or those behind since, or the newest first', async (f) => {
    const channel = fresh('kept');
    const { epoch } = await publishMany(f, channel, 10);
    const client = await connect();
    const ask = async (query) => {
      const { messages, ...answer } = await client.ask({ type: 'history', channel, ...query });
      assert.ok(messages.every((message) => message.epoch === epoch && message.data.n === message.seq));
      return { seqs: messages.map(({ seq }) => seq), ...answer };
    };
    const { id, ...newest } = await ask({ limit: 3 });
    const { more } = newest;
    assert.deepEqual(newest, { type: 'history', channel, recovered: true, epoch, seq: 10, more, seqs: [8, 9, 10] });
    const page = await ask({ since: { epoch, seq: 2 }, limit: 3 });
    assert.deepEqual([page.seqs, page.more, page.recovered], [[3, 4, 5], true, true]);
    assert.deepEqual((await ask({ limit: 3, reverse: true })).seqs, [10, 9, 8]);
    assert.deepEqual((await ask({ since: { epoch, seq: 7 }, reverse: true })).seqs, [10, 9, 8]);
    const refused = await ask({ since: { epoch: '5', seq: 7 } });
    assert.deepEqual([refused.recovered, refused.seqs, refused.seq], [false, [], 10]);
    assert.deepEqual((await ask({ limit: 0 })).seqs, []);
  });

  test('history of text and bytes comes as messages do', async (f) => {
    const channel = fresh('kept');
    await f.publish(`barker:${channel}`, 'plain');
    await f.publish(`barker:${channel}`, Buffer.from([255, 0]));
    const { messages } = await (await connect()).ask({ type: 'history', channel });
    assert.deepEqual(messages.map(({ text, base64 }) => text ?? base64), ['plain', Buffer.from([255, 0]).toString('base64')]);
  });

  test('history of more than the limit is cut there and has more', async (f) => {
    const channel = fresh('kept');
    const { epoch } = await publishMany(f, channel, 310);
    const answer = await (await connect()).ask({ type: 'history', channel, since: { epoch, seq: 0 }, limit: 1000 });
    assert.deepEqual([answer.messages.length, answer.more, answer.messages[0].seq], [300, true, 1]);
  });

  test('history of a namespace without one is not_kept; of an empty channel it is empty', async () => {
    const client = await connect();
    const none = await client.ask({ type: 'history', channel: 'live:1' });
    assert.deepEqual([none.type, none.code, none.retry], ['error', 'not_kept', false]);
    const empty = await client.ask({ type: 'history', channel: fresh('kept') });
    assert.deepEqual([empty.type, empty.messages, empty.more], ['history', [], false]);
  });

  test('a plain PUBLISH into a namespace with history is delivered live, without a place', async (f) => {
    const channel = fresh('kept');
    const { epoch } = await publishMany(f, channel, 2);
    const { client } = await join(channel);
    await f.publisher.publish(`barker:${channel}`, '{"plain":1}');
    assert.deepEqual(await client.nextJson(), { type: 'message', channel, data: { plain: 1 } });
    await assertQuiet(client, f, channel, epoch, 3);
    const { client: back } = await join(channel, { epoch, seq: 2 });
    await assertNext(back, channel, epoch, 3, 3);
  });

  test('a payload that looks like an envelope is a payload', async (f) => {
    const { client } = await join('live:2');
    const fake = '\0barker/1 m 5-5\nx';
    await client.ask({ type: 'publish', channel: 'live:2', text: fake });
    assert.equal((await client.nextJson()).text, fake);
    const channel = fresh('kept');
    const { client: durable } = await join(channel);
    await f.publish(`barker:${channel}`, fake);
    assert.equal((await durable.nextJson()).text, fake);
  });

  test('one message reaches a client once, however often it is published with the same idempotency key', async (f) => {
    const channel = fresh('kept');
    const { client } = await join(channel);
    const first = await publishMany(f, channel, 1, { options: ['ID', 'a'] });
    assert.deepEqual(await publishMany(f, channel, 3, { options: ['ID', 'a'] }), first);
    await publishMany(f, channel, 1, { first: 2 });
    await assertNext(client, channel, first.epoch, 1, 2);
  });

  test('publishing at full speed while clients subscribe, drop and resume at random: each sequence is exact', async (f) => {
    const channels = [fresh('kept'), fresh('kept')];
    for (const channel of channels) await publishMany(f, channel, 1);
    const followers = Array.from({ length: 20 }, () => scene.follower(url, { durable: channels }));
    const last = new Map();
    const end = Date.now() + 5_000;
    const publishing = channels.map(async (channel) => {
      for (let index = 2; Date.now() < end; index++) last.set(channel, await publishMany(f, channel, 1, { first: index }));
    });
    while (Date.now() < end) {
      const follower = followers[Math.floor(Math.random() * followers.length)];
      const channel = channels[Math.floor(Math.random() * 2)];
      if (Math.random() < 0.5) follower.drop();
      else if (follower.isSubscribed()) follower.rejoin(channel);
      await delay(20);
    }
    await Promise.all(publishing);
    const isThere = (follower) => channels.every((channel) => follower.book(channel).position?.seq === last.get(channel).seq);
    await until(() => followers.every((follower) => isThere(follower) || follower.allProblems().length > 0), 'the end at each');
    assert.deepEqual(followers.flatMap((follower) => follower.allProblems()), []);
    const books = followers.flatMap((follower) => [...follower.books.values()]);
    assert.ok(books.some(({ resumes }) => resumes.recovered > 0), 'some resumed');
    for (const { places, resumes, n_gaps: nGaps } of books) {
      assert.equal(new Set(places).size, places.length);
      assert.equal(nGaps, 0);
      assert.equal(resumes.refused, 0, 'nothing was so far behind');
    }
  });
}

it('redis: an epoch that Redis lost is told as a gap, and a resume of it is refused', async () => {
  const mortal = await scene.redis();
  const node = await scene.barker(['--redis-url', mortal.url, ...FLAGS]);
  const f = await Functions.over('FCALL', scene.ioredis(mortal.port));
  const { epoch } = await f.publish('barker:kept:lost', '{"n":1}');
  const client = await scene.connectV1(node.url('/ws'));
  await client.ask({ type: 'subscribe', channel: 'kept:lost' });
  await mortal.kill();
  await mortal.restart();
  const gap = await client.nextJson();
  assert.deepEqual([gap.type, gap.channel, gap.reason], ['gap', 'kept:lost', 'broker_reconnected']);
  const again = await Functions.over('FCALL', scene.ioredis(mortal.port));
  const next = await again.publish('barker:kept:lost', '{"n":1}');
  const message = await client.nextJson();
  assert.deepEqual([message.epoch, message.seq], [next.epoch, 1]);
  const back = await scene.connectV1(node.url('/ws'));
  const ok = await back.ask({ type: 'subscribe', channel: 'kept:lost', resume: { epoch, seq: 1 } });
  assert.deepEqual([ok.recovered, ok.epoch, ok.seq], [false, next.epoch, 1]);
});

it('redis: FLUSHALL under a subscriber: the new history is delivered from its first message', async () => {
  const channel = 'kept:flushed';
  const f = await Functions.over('FCALL', scene.ioredis(redis.port));
  const first = await f.publish(`barker:${channel}`, '{"n":1}');
  const client = await scene.connectV1(brokers.redis.node.url('/ws'));
  await client.ask({ type: 'subscribe', channel });
  await f.publisher.flushall();
  const next = await f.publish(`barker:${channel}`, '{"n":1}');
  const message = await client.nextJson();
  assert.deepEqual([message.type, message.epoch, message.seq], ['message', next.epoch, 1]);
  assert.notEqual(next.epoch, first.epoch);
});

it('redis: what was published while the node did not hear is read from the history, without a word to the client', async () => {
  const channel = 'kept:caught';
  const f = await Functions.over('FCALL', scene.ioredis(redis.port));
  const { epoch } = await f.publish(`barker:${channel}`, '{"n":1}');
  const client = await scene.connectV1(brokers.redis.node.url('/ws'));
  await client.ask({ type: 'subscribe', channel });
  for (let seq = 2; seq < 300; seq++) {
    if (seq % 50 === 0) await f.publisher.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await f.publish(`barker:${channel}`, `{"n":${seq}}`);
  }
  for (let seq = 2; seq < 300; seq++)
    assert.deepEqual(await client.nextJson(), { type: 'message', channel, epoch, seq, data: { n: seq } });
});

scene.endsClean();
