// What a node holds a user to: connections of one user, the limits that a token sets, an expiry that must be there, and what a
// newer token takes away.
import assert from 'node:assert/strict';
import { Scene, it } from './lib/scene.mjs';
import { Signer, nowSeconds } from './lib/tokens.mjs';
import { until } from './lib/wait.mjs';

const scene = new Scene();
const signer = new Signer();
const keys = ['--auth-keys', signer.key, '--access-subscribe', 'token', '--access-publish', 'token'];

const bearer = (claims) => ({ headers: { Authorization: `Bearer ${signer.sign(claims)}` } });
const connectAs = (node, claims) => scene.connectV1(node.url('/ws'), bearer(claims));
const statusOf = (node, claims) => connectAs(node, claims).then(() => 101, (error) => error.status);

// A node of two workers where each user has two connections.
const two = () => scene.barker([...keys, '--limits-connections-per-user', '2', '--listen-workers', '2']);

it('a user has its connections and no more over all workers, and other users theirs', async () => {
  const node = await two();
  const clients = await Promise.all([1, 2].map(() => connectAs(node, { sub: 'ada' })));
  for (let index = 0; index < 6; index++) assert.equal(await statusOf(node, { sub: 'ada' }), 429);
  assert.equal(await statusOf(node, { sub: 'bob' }), 101);
  assert.equal(await statusOf(node, {}), 101);
  clients[0].terminate();
  await until(() => connectAs(node, { sub: 'ada' }).catch(() => null), 'a place', undefined, 50);
  assert.equal((await clients[1].ask({ type: 'ping' })).type, 'ok');
  await node.stop();
  assert.ok(node.total('refused_users', 'limits') >= 6, node.child.tail());
});

it('who is one too many by auth is told so and closed with 4429', async () => {
  const node = await two();
  const clients = await Promise.all([1, 2, 3].map(() => scene.connectV1(node.url('/ws'))));
  const token = signer.sign({ sub: 'eve' });
  for (const client of clients.slice(0, 2)) assert.equal((await client.ask({ type: 'auth', token })).type, 'ok');
  const { code, retry } = await clients[2].ask({ type: 'auth', token });
  assert.deepEqual({ code, retry }, { code: 'too_many_connections', retry: true });
  assert.equal((await clients[2].end()).code, 4429);
  assert.equal((await clients[0].ask({ type: 'auth', token })).type, 'ok');
  await node.stop();
  assert.equal(node.causes().user_limit.closed, 1);
});

it('a token sets the limits of its bearer, above or below those of the node', async () => {
  const node = await scene.barker([...keys, '--limits-connections-per-user', '1', '--limits-subscriptions', '1']);
  const limits = { connections: 2, subscriptions: 2, messages: 100 };
  const client = await connectAs(node, { sub: 'ada', subscribe: ['*'], limits });
  assert.equal(await statusOf(node, { sub: 'ada', limits }), 101);
  assert.equal(await statusOf(node, { sub: 'ada', limits }), 429);
  assert.equal((await client.ask({ type: 'subscribe', channel: 'a' })).type, 'ok');
  assert.equal((await client.ask({ type: 'subscribe', channel: 'b' })).type, 'ok');
  assert.equal((await client.ask({ type: 'subscribe', channel: 'c' })).code, 'too_many_subscriptions');
  const slow = await connectAs(node, { limits: { messages: 3 } });
  const answers = await Promise.all(Array.from({ length: 5 }, () => slow.ask({ type: 'ping' })));
  assert.equal(answers.filter(({ code }) => code === 'rate_limited').length, 2);
  assert.equal(await statusOf(node, { limits: { messages: 0 } }), 401);
});

it('where an expiry is required a token without one is refused', async () => {
  const node = await scene.barker([...keys, '--auth-expiry-required', 'yes']);
  assert.equal(await statusOf(node, { sub: 'ada' }), 401);
  assert.equal(await statusOf(node, { sub: 'ada', exp: nowSeconds() + 60 }), 101);
  const client = await scene.connectV1(node.url('/ws'));
  const { code, message } = await client.ask({ type: 'auth', token: signer.sign({ sub: 'ada' }) });
  assert.deepEqual({ code, message }, { code: 'bad_token', message: 'no_expiry' });
});

it('a newer token takes the channels that it does not permit, and their messages with them', async () => {
  const node = await scene.barker(keys);
  const redis = scene.ioredis(node.embedded.port);
  const client = await connectAs(node, { sub: 'ada', subscribe: ['a', 'b'] });
  const channelToken = signer.sign({ channel: 'c' });
  for (const channel of ['a', 'b']) assert.equal((await client.ask({ type: 'subscribe', channel })).type, 'ok');
  assert.equal((await client.ask({ type: 'subscribe', channel: 'c', token: channelToken })).type, 'ok');
  assert.equal((await client.ask({ type: 'auth', token: signer.sign({ sub: 'ada', subscribe: ['b'] }) })).type, 'ok');
  for (const channel of ['a', 'b', 'c']) await redis.publish(`barker:${channel}`, '1');
  const heard = [];
  for (let index = 0; index < 3; index++) {
    const { type, channel, code } = await client.nextJson();
    heard.push([type, channel, code]);
  }
  assert.deepEqual(heard, [['unsubscribed', 'a', 1008], ['message', 'b', undefined], ['message', 'c', undefined]]);
  assert.equal((await client.ask({ type: 'unsubscribe', channel: 'a' })).code, 'not_subscribed');
});

scene.endsClean();
