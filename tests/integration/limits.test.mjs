// Every limit as a client meets it: rates of a connection, connections of an address, new connections a second.
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { Scene, it } from './lib/scene.mjs';
import { TEXT } from './lib/raw_socket.mjs';
import { until } from './lib/wait.mjs';

const scene = new Scene();
const limit = (name, value) => [`--limits-${name}`, String(value)];

async function refuses(node) {
  await assert.rejects(scene.connect(node.url('/ws')), /socket hang up|ECONNRESET/);
}

it('barker.v1 answers what is over the message rate, and the connection goes on', async () => {
  const node = await scene.barker(limit('message-rate', 5));
  const client = await scene.connectV1(node.url('/ws'));
  const answers = await Promise.all(Array.from({ length: 8 }, () => client.ask({ type: 'ping' })));
  const refused = answers.filter(({ type }) => type === 'error');
  assert.ok(refused.length >= 2 && refused.length <= 3, JSON.stringify(answers));
  for (const { code, retry } of refused) assert.deepEqual({ code, retry }, { code: 'rate_limited', retry: true });
  await until(async () => (await client.ask({ type: 'ping' })).type === 'ok', 'the rate to be paid', 10_000, 400);
  await node.stop();
  assert.ok(node.total('limited_messages', 'limits') >= refused.length);
});

it('who goes on over the message rate is closed with 1008', async () => {
  const node = await scene.barker(limit('message-rate', 5));
  const client = await scene.connectV1(node.url('/ws'));
  for (let index = 0; index < 15; index++) client.send({ type: 'ping', id: index + 1 });
  assert.equal((await client.end()).code, 1008);
  await node.stop();
  assert.equal(node.causes().rate_limited.closed, 1);
});

it('raw has no answers: the first message over the rate closes it with 1008', async () => {
  const node = await scene.barker([...limit('message-rate', 5), '--access-publish', 'anyone']);
  const client = await scene.connect(node.url('/raw/rates'));
  for (let index = 0; index < 10; index++) client.send('x');
  assert.equal((await client.end()).code, 1008);
});

it('bytes over their rate close with 1008, but one message of the largest size passes', async () => {
  const node = await scene.barker([...limit('byte-rate', '100'), ...limit('message-size', '8KiB')]);
  const client = await scene.connectV1(node.url('/ws'));
  const padding = 'x'.repeat(8000);
  assert.equal((await client.ask({ type: 'ping', padding })).type, 'ok');
  client.send({ type: 'ping', padding });
  const { code, reason } = await client.end();
  assert.equal(code, 1008);
  assert.match(reason, /bytes a second/);
});

it('an address has its connections and no more, over all workers; when one goes another may come', async () => {
  const node = await scene.barker([...limit('connections-per-address', 3), '--listen-workers', '2']);
  const clients = await Promise.all([1, 2, 3].map(() => scene.connectV1(node.url('/ws'))));
  for (let index = 0; index < 5; index++) await refuses(node);
  clients[0].terminate();
  await until(() => scene.connectV1(node.url('/ws')).catch(() => null), 'a place', undefined, 50);
  assert.equal((await clients[1].ask({ type: 'ping' })).type, 'ok');
  await node.stop();
  assert.ok(node.total('refused_addresses', 'limits') >= 5, node.child.tail());
  assert.ok(node.total('refused') >= 5);
});

it('a storm of 500 connections gets in at 100 a second', async () => {
  const node = await scene.barker([...limit('connection-rate', 100), '--listen-workers', '2']);
  const began = performance.now();
  const opened = await Promise.all(Array.from({ length: 500 }, async () => {
    await scene.connect(node.url('/ws'));
    return performance.now() - began;
  }));
  opened.sort((a, b) => a - b);
  // A tenth of a second's worth may come at once, and two workers may each let one in too many.
  opened.forEach((atMs, index) => assert.ok(index + 1 <= 12 + atMs / 10, `${index + 1} after ${atMs} ms`));
  assert.ok(opened.at(-1) >= 4_800, `all after ${opened.at(-1)} ms`);
  scene.closeClients();
  await node.stop();
  assert.equal(node.total('accepted'), 500);
  assert.equal(node.total('refused'), 0);
  assert.ok(node.total('paced', 'limits') > 0);
});

it('over the handshakes in flight new connections wait until one has ended', async () => {
  const node = await scene.barker([...limit('handshakes', 2), '--watchdog-handshake', '1500ms', '--listen-workers', '1']);
  await scene.raw(node.address);
  await scene.raw(node.address);
  await delay(100); // both have been accepted
  const began = performance.now();
  const client = await scene.connectV1(node.url('/ws'));
  assert.ok(performance.now() - began > 1_000, 'it waited');
  assert.equal((await client.ask({ type: 'ping' })).type, 'ok');
  for (let index = 0; index < 5; index++) await scene.connectV1(node.url('/ws'));
  await node.stop();
  assert.equal(node.causes().handshake_timeout.terminated, 2);
});

it('a channel of a longer name is a bad one, a subscription too many an error, and both are counted', async () => {
  const node = await scene.barker([...limit('channel-name', 10), ...limit('subscriptions', 2)]);
  const client = await scene.connectV1(node.url('/ws'));
  const subscribe = (channel) => client.ask({ type: 'subscribe', channel });
  assert.equal((await subscribe('ten-bytes!')).type, 'ok');
  assert.equal((await subscribe('eleven-byte')).code, 'bad_channel');
  assert.equal((await subscribe('another')).type, 'ok');
  assert.equal((await subscribe('one more')).code, 'too_many_subscriptions');
  await node.stop();
  assert.equal(node.total('refused_channels', 'limits'), 1);
  assert.equal(node.total('refused_subscriptions', 'limits'), 1);
});

it('the size of a request has a limit that can be set', async () => {
  const large = { headers: { 'X-Large': 'x'.repeat(12_000) } };
  const wide = await scene.barker(limit('header-size', '16KiB')), narrow = await scene.barker(limit('header-size', '1KiB'));
  await scene.connect(wide.url('/ws'), large);
  await assert.rejects(scene.connect(narrow.url('/ws'), large), /socket hang up|ECONNRESET/);
  await scene.connect(narrow.url('/ws'));
});

it('a header that is too large ends the connection, and others go on', async () => {
  const node = await scene.barker();
  const raw = await scene.raw(node.address);
  raw.write(`GET /ws HTTP/1.1\r\nHost: localhost\r\nX-Large: ${'x'.repeat(64 * 1024)}\r\n\r\n`);
  await raw.ended();
  assert.notEqual(raw.status, 101);
  assert.equal((await (await scene.connectV1(node.url('/ws'))).ask({ type: 'ping' })).type, 'ok');
});

it('a request with a body is not waited for', async () => {
  const node = await scene.barker();
  const raw = await scene.raw(node.address);
  raw.write('POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\n');
  await raw.ended();
  assert.notEqual(raw.status, 200);
});

it('a piece of a message counts, also before the message has ended', async () => {
  const node = await scene.barker([...limit('byte-rate', '100'), ...limit('message-size', '64')]);
  const raw = await scene.raw(node.address, '/ws');
  for (let index = 0; index < 3; index++) raw.send(index ? 0 : TEXT, 'x'.repeat(60), { isFinal: false });
  assert.ok([1008, 1009].includes(await raw.closeCode()));
});

scene.endsClean();
