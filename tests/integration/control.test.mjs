// What backends ask of all nodes through barker/control.
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { CLOSED, OPEN } from './lib/clients.mjs';
import { Way } from './lib/cut.mjs';
import { Scene, it } from './lib/scene.mjs';
import { shardOf } from './lib/shards.mjs';
import { until } from './lib/wait.mjs';

const scene = new Scene();
const FLAGS = ['--access-identity', 'anyone', '--access-publish', 'anyone'];
const CONTROL = 'barker/control';

// Returns once the node hears what say publishes.
async function start(say, ...flags) {
  const node = await scene.barker([...FLAGS, ...flags]);
  const probe = await scene.connectV1(node.url('/ws'));
  const command = JSON.stringify({ type: 'disconnect', connection: probe.welcome.connection });
  await until(async () => {
    await say(node)(CONTROL, command);
    return probe.closed;
  }, 'the node to hear commands', undefined, 50);
  return node;
}

const redis = await scene.redis();
const publisher = scene.ioredis(redis.port);
const by = (backend) => () => (channel, text) => backend.publish(channel, text);
const a = await start(by(publisher), '--redis-url', redis.url, '--node-id', 'a');
const b = await start(by(publisher), '--redis-url', redis.url, '--node-id', 'b', '--listen-workers', '3');
const publish = (command) => publisher.publish(CONTROL, typeof command === 'string' ? command : JSON.stringify(command));
const keep = (command, at = publisher) => at.call('FCALL', 'barker_publish', '1', CONTROL, JSON.stringify(command), 'AGE', '3600');
const connect = (node, user) => scene.connectV1(node.url(`/ws?${user ? `user=${user}` : ''}`));

// What was said before this has been carried out: commands keep their order.
async function settled(...nodes) {
  for (const node of nodes) {
    const marker = await connect(node, 'marker');
    await publish({ type: 'disconnect', connection: marker.welcome.connection });
    await marker.end();
  }
}

it('a user is disconnected on every node and worker, and nobody else', async () => {
  const clients = [];
  for (const node of [a, b, b, b, b, b]) clients.push(await connect(node, 'ada'));
  const others = [await connect(a, 'bob'), await connect(b, 'adam'), await connect(b)];
  assert.equal(await publish({ type: 'disconnect', user: 'ada' }), 2, 'each node hears it once');
  for (const client of clients) assert.deepEqual(await client.end(), { code: 4403, reason: 'disconnected by the backend' });
  await settled(a, b);
  for (const other of others) assert.equal(other.readyState, OPEN);
});

it('one connection is disconnected, with the code and the reason that are given', async () => {
  const one = await connect(b, 'ada');
  const same = await connect(b, 'ada');
  await publish({ type: 'disconnect', connection: one.welcome.connection, code: 4999, reason: 'grüß Gott' });
  assert.deepEqual(await one.end(), { code: 4999, reason: 'grüß Gott' });
  await settled(a, b);
  assert.equal(same.readyState, OPEN);
});

it('a user is put into a channel on every node, and out of it', async () => {
  const clients = [await connect(a, 'eve'), await connect(b, 'eve')];
  const next = async (client, type) => {
    const frame = await client.nextJson();
    assert.equal(frame.type, type, JSON.stringify(frame));
    return frame;
  };
  await publish({ type: 'subscribe', user: 'eve', channel: 'given' });
  for (const client of clients) assert.equal((await next(client, 'subscribed')).channel, 'given');
  await publisher.publish('barker:given', '"hi"');
  for (const client of clients) assert.equal((await next(client, 'message')).data, 'hi');
  await publish({ type: 'unsubscribe', user: 'eve', channel: 'given', code: 4000, reason: 'enough' });
  for (const client of clients) {
    const { channel, code, reason } = await next(client, 'unsubscribed');
    assert.deepEqual({ channel, code, reason }, { channel: 'given', code: 4000, reason: 'enough' });
  }
  await publish({ type: 'unsubscribe', user: 'eve', channel: 'given' });
  await publisher.publish('barker:given', '"unheard"');
  await settled(a, b);
  for (const client of clients) assert.equal(client.messages.values.length, 0);
});

it('a command that is kept is carried out once', async () => {
  const client = await connect(a, 'kept');
  await keep({ type: 'disconnect', user: 'kept', code: 4001 });
  assert.equal((await client.end()).code, 4001);
  const again = await connect(a, 'kept');
  await settled(a);
  assert.equal(again.readyState, OPEN);
});

it('what is no command is counted, told with its reason and harmless', async () => {
  const client = await connect(a, 'ada');
  const told = a.events('bad_control').length;
  const bad = ['', '{', '[]', '{"type":"disconnect"}', '{"type":"disconnect","user":"ada","only_if":"secret-word"}',
    '{"type":"disconnect","user":"ada","user":"ada"}', `{"type":"disconnect","user":"ada","reason":"${'x'.repeat(9000)}"}`,
    '{"type":"unsubscribe","user":"ada"}', Buffer.from([0xff, 0, 0xfe])];
  for (const text of bad) await publisher.publish(CONTROL, text);
  await settled(a);
  assert.equal(client.readyState, OPEN);
  await a.nextEvent('bad_control', told);
  assert.ok(a.events('bad_control').every(({ line }) => line.includes('reason=') && !line.includes('secret-word')));
});

it('no client gets at the channel of control', async () => {
  const client = await connect(a, 'mallory');
  const victim = await connect(b, 'victim');
  const data = { type: 'disconnect', user: 'victim' };
  for (const channel of ['\u0001control', '/control', '../barker/control', 'control']) {
    await client.ask({ type: 'publish', channel, data });
    await client.ask({ type: 'subscribe', channel });
    await client.ask({ type: 'history', channel });
  }
  await publisher.publish('barker:\u0001control', JSON.stringify(data));
  await settled(a, b);
  assert.equal(victim.readyState, OPEN);
  assert.ok(!client.messages.values.some(({ text }) => text.includes('marker')));
});

it('a node that was cut off carries out what it missed, once; one that starts does not', async () => {
  const server = await scene.redis();
  const backend = scene.ioredis(server.port);
  const way = await Way.to(server.port);
  const node = await start(by(backend), '--redis-url', way.url);
  const outage = async (during) => {
    await way.cut();
    await during();
    await way.mend();
  };
  // The history is empty at first, then goes on, then has begun anew.
  for (const [round, before] of [[1, () => {}], [2, () => {}], [3, () => server.cli('DEL', CONTROL)]]) {
    const users = [`first${round}`, `second${round}`];
    const clients = await Promise.all(users.map((user) => connect(node, user)));
    await before();
    await outage(async () => {
      await delay(300);
      for (const user of users) await keep({ type: 'disconnect', user, code: 4000 + round }, backend);
      await backend.publish(CONTROL, JSON.stringify({ type: 'disconnect', user: 'nobody' }));
    });
    for (const client of clients) assert.equal((await client.end(20_000)).code, 4000 + round, `round ${round}`);
    const again = await connect(node, users[0]);
    await delay(300);
    assert.equal(again.readyState, OPEN, 'not a second time');
  }
  // Of a history that has begun anew nobody knows whether it is all.
  await until(() => node.events('control_lost').some(({ line }) => line.includes('history')), 'a warning');
  const survivor = await start(by(backend), '--redis-url', server.url);
  const client = await connect(survivor, 'first3');
  await delay(300);
  assert.equal(client.readyState, OPEN, 'a node that starts carries out nothing old');
  await way.cut();
  await node.stop();
}, { timeout: 90_000 });

it('a flood of commands is carried out to the last, and the node answers meanwhile', async () => {
  const N = 100_000;
  const client = await connect(a, 'flooded');
  const figures = async () => (await fetch(a.adminUrl('/api/v1/info'))).json();
  let longestLagMs = 0, isOver = false;
  const watching = (async () => {
    for (; !isOver; await delay(100)) longestLagMs = Math.max(longestLagMs, (await figures()).loop_lag_ms ?? 0);
  })();
  const since = performance.now();
  for (let at = 0; at < N; at += 1000) {
    const batch = publisher.pipeline();
    for (let i = 0; i < 1000; i++)
      batch.publish(CONTROL, `{"type":"${i % 2 ? 'subscribe' : 'unsubscribe'}","user":"${i < 20 ? 'flooded' : 'nobody'}","channel":"x"}`);
    await batch.exec();
  }
  await publish({ type: 'disconnect', user: 'flooded' });
  while (!client.closed) await delay(20);
  isOver = true;
  await watching;
  console.log(`${N} commands in ${((performance.now() - since) / 1000).toFixed(1)} s, the longest lag of a loop ${longestLagMs} ms`);
  assert.equal(client.closed.code, 4403);
  // The channel's grant may come too late for all but the last of them; that it is taken away is told each time.
  assert.equal(client.messages.values.filter(({ text }) => text.includes('"unsubscribed"')).length, N / 1000 * 10 - 1);
  assert.equal(a.events('control_lost').length, 0);
}, { timeout: 120_000 });

it('the embedded broker takes commands as Redis does', async () => {
  let backend;
  const node = await start((here) => (channel, text) => (backend ??= scene.ioredis(here.embedded.port)).publish(channel, text));
  const clients = [await connect(node, 'ada'), await connect(node, 'bob')];
  assert.equal(await backend.publish(CONTROL, '{"type":"disconnect","user":"ada"}'), 1);
  assert.equal((await clients[0].end()).code, 4403);
  await keep({ type: 'disconnect', user: 'bob', code: 4002 }, backend);
  assert.equal((await clients[1].end()).code, 4002);
});

it('of several Redis servers the one that the name belongs to has the commands', async () => {
  const servers = [await scene.redis(), await scene.redis()];
  const backend = scene.ioredis(servers[shardOf(CONTROL, 2)].port);
  const node = await start(by(backend), ...servers.flatMap(({ url }) => ['--redis-url', url]));
  const client = await connect(node, 'ada');
  await backend.publish(CONTROL, '{"type":"disconnect","user":"ada"}');
  assert.equal((await client.end()).code, 4403);
});

it('in a Cluster commands come by SPUBLISH and by barker_publish', async () => {
  const cluster = await scene.cluster();
  const spublish = () => (channel, text) => cluster.masters[0].cli('-c', 'SPUBLISH', channel, text);
  const node = await start(spublish, '--redis-url', cluster.url);
  const clients = [await connect(node, 'ada'), await connect(node, 'bob')];
  await cluster.masters[0].cli('-c', 'SPUBLISH', CONTROL, '{"type":"disconnect","user":"ada"}');
  assert.equal((await clients[0].end()).code, 4403);
  await cluster.masters[0].cli('-c', 'FCALL', 'barker_publish', '1', CONTROL, '{"type":"disconnect","user":"bob"}');
  assert.equal((await clients[1].end()).code, 4403);
}, { timeout: 90_000 });

it('with another prefix the name follows it', async () => {
  const say = () => (channel, text) => publisher.publish('shop/control', text);
  const node = await start(say, '--redis-url', redis.url, '--redis-prefix', 'shop');
  const client = await connect(node, 'ada');
  assert.equal((await client.ask({ type: 'subscribe', channel: '/control' })).code, 'refused');
  assert.equal((await client.ask({ type: 'publish', channel: '/control', data: 1 })).code, 'refused');
  await publish({ type: 'disconnect', user: 'ada' });
  await delay(100);
  assert.equal(client.readyState, OPEN);
  await publisher.publish('shop/control', '{"type":"disconnect","user":"ada"}');
  await until(() => client.readyState === CLOSED, 'its end');
});

scene.endsClean();
