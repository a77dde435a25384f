// The HTTP API, with Redis and with the embedded broker: what it says it did reaches those who are connected.
import assert from 'node:assert/strict';
import { Api } from './lib/api.mjs';
import { Scene, it } from './lib/scene.mjs';
import { Signer, nowSeconds } from './lib/tokens.mjs';
import { until } from './lib/wait.mjs';

const scene = new Scene();
const redis = await scene.redis();
const NAMESPACES = ['--namespace-chat-history', '100', '--namespace-chat-presence', 'yes'];
const KEYS = ['publish:api-publisher-secret', 'read:api-reader-secret-0', 'manage:api-manager-secret'];
const signer = new Signer();
const ADMIN = 'api-administrator-secret';

async function kind(flags) {
  const node = await scene.barker([...flags, ...NAMESPACES, '--admin-token', ADMIN, '--api-keys', KEYS.join(' '),
    '--auth-keys', signer.key]);
  const api = new Api(node, ADMIN);
  await until(async () => (await api.get('/info')).body.ready, 'a node that is ready');
  return { node, api };
}

const kinds = { redis: await kind(['--redis-url', redis.url]), embedded: await kind([]) };
let n = 0;

async function subscriber(node, channel, user = `u${++n}`) {
  const client = await scene.connectV1(node.url(`/ws?token=${signer.sign({ sub: user, exp: nowSeconds() + 600 })}`));
  assert.equal((await client.ask({ type: 'subscribe', channel })).type, 'ok');
  client.user = user;
  return client;
}

// The next message, past who joins and leaves.
async function nextMessage(client) {
  for (;;) {
    const frame = await client.nextJson();
    if (frame.type === 'message') return frame;
  }
}

for (const [name, { node, api }] of Object.entries(kinds)) {
  const fresh = (namespace = 'live') => `${namespace}:${name}${++n}`;

  it(`${name}: a subscriber gets what was published, as it was written`, async () => {
    const channel = fresh();
    const client = await subscriber(node, channel);
    const { body } = await api.post('/publish', `{"channel":"${channel}","data":{"a":1.50}}`);
    assert.deepEqual(body, { channel, position: null });
    assert.match(await client.nextText(), /"data":\{"a":1\.50\}/);
    await api.post('/publish', { channel, text: 'not JSON' });
    assert.equal((await client.nextJson()).text, 'not JSON');
    await api.post('/publish', { channel, base64: Buffer.from([255, 0]).toString('base64') });
    assert.equal((await client.nextJson()).base64, '/wA=');
  });

  it(`${name}: a channel with history tells places, and reads them again`, async () => {
    const channel = fresh('chat');
    const client = await subscriber(node, channel);
    const places = [];
    for (let index = 1; index <= 5; index++) places.push((await api.post('/publish', { channel, data: index })).body.position);
    const { epoch } = places[0];
    assert.deepEqual(places, [1, 2, 3, 4, 5].map((seq) => ({ epoch, seq })));
    const heard = await nextMessage(client);
    assert.deepEqual([heard.data, heard.epoch, heard.seq], [1, epoch, 1]);
    const { body: all } = await api.get('/history', { channel });
    assert.deepEqual(all.messages, places.map((position, index) => ({ position, data: index + 1 })));
    const { body: some } = await api.get('/history', { channel, since_epoch: epoch, since_seq: 2, limit: 2 });
    assert.deepEqual([some.recovered, some.more, some.messages.map(({ data }) => data)], [true, true, [3, 4]]);
    const { body: back } = await api.post('/history', { channel, limit: 2, order: 'reverse' });
    assert.deepEqual(back.messages.map(({ data }) => data), [5, 4]);
    assert.deepEqual(back.position, { epoch, seq: 5 });
  });

  it(`${name}: presence tells who is there`, async () => {
    const channel = fresh('chat');
    const client = await subscriber(node, channel);
    await until(async () => (await api.get('/presence', { channel })).body.members.length === 1, 'the member');
    assert.deepEqual((await api.get('/presence', { channel })).body.members[0], { user: client.user, connections: 1 });
  });

  it(`${name}: a batch is in order, and with one bad message nothing is published`, async () => {
    const channel = fresh('chat');
    const other = fresh();
    const bad = await api.post('/batch', { messages: [{ channel, data: 1 }, { channel, data: 2, dta: 3 }] });
    assert.deepEqual([bad.status, bad.body.errors], [422, [{ pointer: '#/messages/1/dta', detail: 'is not known here' }]]);
    assert.equal((await api.get('/history', { channel })).body.messages.length, 0);
    const messages = Array.from({ length: 200 }, (_, index) => ({ channel: index % 50 ? channel : other, data: index }));
    const { status, body } = await api.post('/batch', { messages });
    assert.deepEqual([status, body.failed, body.results.length], [200, 0, 200]);
    assert.deepEqual(body.results.map((result) => result.channel), messages.map((message) => message.channel));
    const places = body.results.filter((result) => result.position).map(({ position }) => position.seq);
    assert.deepEqual(places, places.map((_, index) => index + 1));
  });

  it(`${name}: a broadcast reaches every channel`, async () => {
    const channels = [fresh(), fresh('chat')];
    const clients = [await subscriber(node, channels[0]), await subscriber(node, channels[1])];
    const { body } = await api.post('/broadcast', { channels, data: 'all' });
    assert.deepEqual([body.failed, body.results.map(({ position }) => position && position.seq)], [0, [null, 1]]);
    for (const client of clients) assert.equal((await nextMessage(client)).data, 'all');
  });

  it(`${name}: an idempotency key is carried out once`, async () => {
    const channel = fresh('chat');
    const first = await api.post('/publish', { channel, data: 1 }, { 'idempotency-key': 'order-1' });
    const again = await api.post('/publish', { channel, data: 1 }, { 'idempotency-key': 'order-1' });
    assert.deepEqual(again.body, first.body);
    assert.equal(first.headers.get('idempotency-replayed'), null);
    assert.equal(again.headers.get('idempotency-replayed'), 'true');
    const other = await api.post('/publish', { channel, data: 2 }, { 'idempotency-key': 'order-1' });
    assert.deepEqual([other.status, other.body.code], [422, 'idempotency_key_reused']);
    // Another call, but the same message in its channel: the broker knows it.
    const { body } = await api.post('/batch', { messages: [{ channel, data: 1, idempotency_key: 'order-1' }] });
    assert.deepEqual(body.results[0].position, first.body.position);
    assert.equal((await api.get('/history', { channel })).body.messages.length, 1);
  });

  it(`${name}: a live channel's key holds on this node`, async () => {
    const channel = fresh();
    const client = await subscriber(node, channel);
    for (let index = 0; index < 3; index++)
      assert.equal((await api.post('/publish', { channel, data: 1, idempotency_key: 'live-1' })).status, 200);
    await api.post('/publish', { channel, data: 'end' });
    assert.deepEqual([(await client.nextJson()).data, (await client.nextJson()).data], [1, 'end']);
  });

  it(`${name}: channels and connections are listed`, async () => {
    const channel = fresh();
    const client = await subscriber(node, channel);
    const { body } = await api.get('/channels', { pattern: `${channel}*` });
    assert.deepEqual(body.channels, [{ channel, subscriptions: 1 }]);
    const { body: mine } = await api.get('/connections', { user: client.user });
    assert.equal(mine.total, 1);
    const [{ connection, user, state, dialect, subscriptions }] = mine.connections;
    assert.deepEqual([connection, user, state, dialect, subscriptions],
      [client.welcome.connection, client.user, 'OPEN', 'barker.v1', 1]);
    const { body: one } = await api.get('/connections', { connection });
    assert.deepEqual(one.connections.map((row) => row.user), [client.user]);
  });

  it(`${name}: a user is subscribed, unsubscribed and disconnected`, async () => {
    const channel = fresh();
    const client = await subscriber(node, fresh());
    assert.deepEqual((await api.post('/subscribe', { user: client.user, channel })).body, { accepted: true });
    await until(async () => (await api.get('/channels', { pattern: channel })).body.channels.length === 1, 'the subscription');
    await api.post('/unsubscribe', { user: client.user, channel });
    await until(async () => (await api.get('/channels', { pattern: channel })).body.channels.length === 0, 'its end');
    await api.post('/disconnect', { connection: client.welcome.connection, code: 4001, reason: 'bye' });
    assert.deepEqual(await client.end(), { code: 4001, reason: 'bye' });
  });

  it(`${name}: each key opens its own calls`, async () => {
    const statuses = {};
    for (const secret of ['api-publisher-secret', 'api-reader-secret-0', 'api-manager-secret', 'api-unknown-secret-0']) {
      const one = new Api(node, secret);
      statuses[secret] = [
        (await one.post('/publish', { channel: fresh(), data: 1 })).status,
        (await one.get('/info')).status,
        (await one.post('/disconnect', { user: 'nobody' })).status,
      ];
    }
    assert.deepEqual(Object.values(statuses), [[200, 403, 403], [403, 200, 403], [403, 403, 200], [401, 401, 401]]);
    assert.equal((await new Api(node).get('/info')).status, 401);
  });
}

it('info tells each server of Redis, and none of an embedded broker', async () => {
  assert.deepEqual((await kinds.embedded.api.get('/info')).body.links, []);
  const [link, ...others] = (await kinds.redis.api.get('/info')).body.links;
  assert.deepEqual([link.server, link.up, link.times_down, others], [`127.0.0.1:${redis.port}`, true, 0, []]);
  assert.ok(Number.isInteger(link.canary_lag_ms));
});

it('a message with a key is one message on every node', async () => {
  const { node: second, api: other } = await kind(['--redis-url', redis.url]);
  const channel = 'chat:nodes';
  const client = await subscriber(second, channel);
  const headers = { 'idempotency-key': 'everywhere' };
  const one = await kinds.redis.api.post('/publish', { channel, data: 1 }, headers);
  const two = await other.post('/publish', { channel, data: 1 }, headers);
  assert.deepEqual(two.body, one.body);
  await other.post('/publish', { channel, data: 'end' });
  assert.deepEqual([(await nextMessage(client)).data, (await nextMessage(client)).data], [1, 'end']);
});

it('while Redis is gone publishing is 503 with Retry-After, and its key may be used again', async () => {
  const { api } = kinds.redis;
  const headers = { 'idempotency-key': 'while-gone' };
  await redis.kill();
  await until(async () => (await api.post('/publish', { channel: 'live:gone', data: 1 }, headers)).status === 503, 'the refusal');
  const refused = await api.post('/batch', { messages: [{ channel: 'live:gone', data: 1 }] });
  assert.deepEqual([refused.status, refused.body.code, refused.headers.get('retry-after')], [503, 'broker_unavailable', '1']);
  const [link] = (await api.get('/info')).body.links;
  assert.deepEqual([link.up, link.times_down], [false, 1]);
  await redis.restart();
  await until(async () => (await api.post('/publish', { channel: 'live:gone', data: 1 }, headers)).status === 200, 'it is taken');
});

scene.endsClean();
