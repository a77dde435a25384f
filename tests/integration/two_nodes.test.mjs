// Two nodes joined by Redis, the second with two workers.
import assert from 'node:assert/strict';
import { OPEN } from './lib/clients.mjs';
import { Scene, it } from './lib/scene.mjs';
import { until } from './lib/wait.mjs';

const scene = new Scene();
const redis = await scene.redis();
const flags = ['--redis-url', redis.url, '--access-publish', 'anyone'];
const a = await scene.barker([...flags, '--node-id', 'a', '--listen-workers', '1']);
const b = await scene.barker([...flags, '--node-id', 'b', '--listen-workers', '2']);
const publisher = scene.ioredis(redis.port);
const publish = (channel, payload) => publisher.publish(`barker:${channel}`, payload);
const join = async (node, channel, options) => {
  const client = await scene.connectV1(node.url('/ws'), options);
  assert.equal((await client.ask({ type: 'subscribe', channel })).type, 'ok');
  return client;
};
const joinMany = async (node, n, channel) => {
  const clients = [];
  while (clients.length < n)
    clients.push(...await Promise.all(Array.from({ length: Math.min(50, n - clients.length) }, () => join(node, channel))));
  return clients;
};

it('a message published once arrives exactly once at each client of both nodes', async () => {
  const clients = [...await joinMany(a, 4, 'once'), ...await joinMany(b, 8, 'once')];
  await publish('once', '"first"');
  await publish('once', '"last"');
  for (const client of clients) {
    assert.equal((await client.nextJson()).data, 'first');
    assert.equal((await client.nextJson()).data, 'last');
    assert.equal(client.readyState, OPEN);
  }
});

it('what a client publishes at one node arrives once at the clients of the other', async () => {
  const listener = await join(b, 'across', { kind: 'websocket' });
  const speaker = await join(a, 'across');
  for (const text of ['one', 'two']) await speaker.ask({ type: 'publish', channel: 'across', text });
  for (const client of [listener, speaker]) {
    assert.equal((await client.nextJson()).text, 'one');
    assert.equal((await client.nextJson()).text, 'two');
  }
});

it('clients of the dialects raw and barker.v1 share a channel', async () => {
  const listener = await join(a, 'shared');
  const raw = await scene.connect(b.url('/raw/shared'));
  await raw.heard((probe) => publish('shared', probe));
  raw.send('from raw');
  assert.equal(await raw.nextText(), 'from raw');
  await until(async () => (await listener.nextJson()).text === 'from raw', 'the message at the other dialect');
});

it('a node takes one copy of a message from Redis however many clients it has', async () => {
  await joinMany(a, 3, 'copies');
  await joinMany(b, 6, 'copies');
  assert.equal(await publish('copies', '1'), 2);
});

it('the order of 10,000 messages of a channel holds at every client', async () => {
  const clients = [await join(a, 'order'), await join(b, 'order'), await join(b, 'order', { kind: 'websocket' })];
  const N = 10_000, AT_ONCE = 500;
  const heard = clients.map(async (client) => {
    for (let expected = 0; expected < N; expected++) {
      const { data } = await client.nextJson();
      if (data !== expected) assert.fail(`${data} instead of ${expected}`);
    }
  });
  for (let first = 0; first < N; first += AT_ONCE) {
    const pipeline = publisher.pipeline();
    for (let index = first; index < first + AT_ONCE; index++) pipeline.publish('barker:order', String(index));
    await pipeline.exec();
  }
  await Promise.all(heard);
});

it('the order of one client\'s own publications holds', async () => {
  const listener = await join(b, 'own');
  const speaker = await scene.connectV1(a.url('/ws'));
  for (let index = 0; index < 1000; index++)
    speaker.send({ type: 'publish', id: 100_000 + index, channel: 'own', data: index });
  for (let index = 0; index < 1000; index++) assert.equal((await listener.nextJson()).data, index);
});

it('1,000 clients on one channel all hear every message once', async () => {
  scene.closeClients();
  const clients = [...await joinMany(a, 500, 'crowd'), ...await joinMany(b, 500, 'crowd')];
  for (let index = 0; index < 10; index++) await publish('crowd', String(index));
  await Promise.all(clients.map(async (client) => {
    for (let index = 0; index < 10; index++) assert.equal((await client.nextJson()).data, index);
  }));
  assert.ok(clients.every((client) => client.readyState === OPEN && client.messages.values.length === 0));
  scene.closeClients();
});

it('with two workers every client hears, whichever worker has it', async () => {
  const clients = await joinMany(b, 32, 'workers');
  await publish('workers', '1');
  for (const client of clients) assert.equal((await client.nextJson()).data, 1);
});

it('the node leaves a channel in Redis a linger after its last client has gone', async () => {
  const brief = await scene.barker([...flags, '--broker-linger', '200ms']);
  const client = await join(brief, 'lingering');
  const count = async () => (await publisher.pubsub('NUMSUB', 'barker:lingering'))[1];
  assert.equal(await count(), 1);
  client.close(1000);
  await client.end();
  await until(async () => await count() === 0, 'UNSUBSCRIBE');
});

scene.endsClean();
