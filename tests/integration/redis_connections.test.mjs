// Ways into a Redis, and what happens when it goes away.
import assert from 'node:assert/strict';
import { OPEN } from './lib/clients.mjs';
import { Scene, it } from './lib/scene.mjs';
import { until } from './lib/wait.mjs';

const scene = new Scene();
const redis = await scene.redis();
const locked = await scene.redis(['--requirepass', 'p@ss/word']);
await scene.ioredis(locked.port, { password: 'p@ss/word' }).call(
  'ACL', 'SETUSER', 'barker', 'on', '>secret', 'resetchannels', '&barker:*', '&barker/*', '-@all',
  ...['@connection', '@pubsub', 'select'].map((category) => `+${category}`));

async function assertDelivers(node, publisher, channel) {
  const client = await scene.connectV1(node.url('/ws'));
  assert.equal((await client.ask({ type: 'subscribe', channel })).type, 'ok');
  await publisher.publish(`barker:${channel}`, '"through"');
  assert.equal((await client.nextJson()).data, 'through');
}

it('a node reaches Redis by TCP', async () => {
  await assertDelivers(await scene.barker(['--redis-url', redis.url]), scene.ioredis(redis.port), 'tcp');
});

it('a node reaches Redis by host name', async () => {
  const node = await scene.barker(['--redis-url', `redis://localhost:${redis.port}`]);
  await assertDelivers(node, scene.ioredis(redis.port), 'name');
});

it('a node reaches Redis by unix socket', async () => {
  const node = await scene.barker(['--redis-url', `redis+unix://${redis.path}`]);
  await assertDelivers(node, scene.ioredis(redis.port), 'unix');
});

it('a node reaches a Redis with a password', async () => {
  const node = await scene.barker(['--redis-url', `redis://:p%40ss%2Fword@127.0.0.1:${locked.port}`]);
  await assertDelivers(node, scene.ioredis(locked.port, { password: 'p@ss/word' }), 'password');
});

it('a node reaches a Redis as an ACL user', async () => {
  const node = await scene.barker(['--redis-url', `redis://barker:secret@127.0.0.1:${locked.port}`]);
  await assertDelivers(node, scene.ioredis(locked.port, { password: 'p@ss/word' }), 'user');
});

it('what Redis does not let a node do is logged with its words, and without what was published', async () => {
  await scene.ioredis(locked.port, { password: 'p@ss/word' }).call(
    'ACL', 'SETUSER', 'narrow', 'on', '>secret', 'resetchannels', '&barker:open', '&barker/*', '~*', '+@all', '-fcall', '-eval', '-evalsha');
  const node = await scene.barker(['--redis-url', `redis://narrow:secret@127.0.0.1:${locked.port}`, '--access-publish', 'anyone',
    '--namespace-kept-history', '10']);
  const client = await scene.connectV1(node.url('/ws'));
  const ask = async (request) => {
    const answer = await client.ask(request);
    return answer.code ?? answer.type;
  };
  assert.equal(await ask({ type: 'publish', channel: 'open', data: 'this is let through' }), 'ok');
  assert.equal(await ask({ type: 'publish', channel: 'closed', data: 'this is not let through' }), 'refused');
  await node.child.line(/level=warn event=broker_refused command=PUBLISH code=NOPERM words=".*channel.*"/);
  assert.equal(await ask({ type: 'publish', channel: 'kept:x', data: 'nor is this' }), 'refused');
  await node.child.line(/event=broker_refused command=barker_publish code=NOPERM words=".*eval.*"/);
  assert.equal(await ask({ type: 'subscribe', channel: 'closed' }), 'refused');
  await node.child.line(/event=broker_refused command=SUBSCRIBE code=NOPERM words=".*channel.*"/);
  assert.doesNotMatch(node.child.errors.join('\n'), /let through|nor is this/);
});

it('a node reaches a Redis with a password by unix socket', async () => {
  const node = await scene.barker(['--redis-url', `redis+unix://barker:secret@${locked.path}`]);
  await assertDelivers(node, scene.ioredis(locked.port, { password: 'p@ss/word' }), 'unix_user');
});

it('a database number selects the database', async () => {
  const node = await scene.barker(['--redis-url', `${redis.url}/2`]);
  const publisher = scene.ioredis(redis.port);
  await assertDelivers(node, publisher, 'database');
  await until(async () => / db=2 /.test(await publisher.client('LIST')), 'a connection with db=2');
});

it('another prefix is honoured', async () => {
  const node = await scene.barker(['--redis-url', redis.url, '--redis-prefix', 'ünï:']);
  const client = await scene.connectV1(node.url('/ws'));
  await client.ask({ type: 'subscribe', channel: 'x' });
  const publisher = scene.ioredis(redis.port);
  await publisher.publish('barker:x', '"wrong"');
  await publisher.publish('ünï:x', '"right"');
  assert.equal((await client.nextJson()).data, 'right');
});

it('a wrong password is logged in clear words, without the password', async () => {
  const node = await scene.barker(['--redis-url', `redis://:wrong-secret@127.0.0.1:${locked.port}`]);
  await node.child.line(/WRONGPASS|invalid.*password/i);
  assert.doesNotMatch(node.child.errors.join('\n'), /wrong-secret/);
});

it('a Redis that wants a password gets named in the log', async () => {
  const node = await scene.barker(['--redis-url', locked.url]);
  await node.child.line(/NOAUTH|Authentication required/i);
});

it('a node whose Redis is not there starts, says so, and answers publish with unavailable', async () => {
  const node = await scene.barker(['--redis-url', 'redis://127.0.0.1:1', '--access-publish', 'anyone']);
  await node.child.line(/refused/i);
  const client = await scene.connectV1(node.url('/ws'));
  const answer = await client.ask({ type: 'publish', channel: 'x', data: 1 });
  assert.deepEqual([answer.type, answer.code, answer.retry], ['error', 'unavailable', true]);
});

it('a node that starts before its Redis delivers once Redis is there', async () => {
  const late = await scene.redis();
  await late.stop('SIGKILL');
  const node = await scene.barker(['--redis-url', late.url]);
  const client = await scene.connectV1(node.url('/ws'));
  const subscribed = client.ask({ type: 'subscribe', channel: 'late' });
  await late.restart();
  assert.equal((await subscribed).type, 'ok');
  await scene.ioredis(late.port).publish('barker:late', '"here"');
  assert.equal((await client.nextJson()).data, 'here');
});

it('Redis killed and restarted: the node subscribes again, tells of the gap and delivers again', async () => {
  const mortal = await scene.redis();
  const node = await scene.barker(['--redis-url', mortal.url, '--listen-workers', '2', '--access-publish', 'anyone']);
  const clients = [];
  for (const channel of ['one', 'one', 'two', 'three']) {
    const client = await scene.connectV1(node.url('/ws'));
    await client.ask({ type: 'subscribe', channel });
    clients.push({ client, channel });
  }
  await mortal.stop('SIGKILL');
  await until(async () => {
    const answer = await clients[0].client.ask({ type: 'publish', channel: 'elsewhere', data: 1 });
    return answer.code === 'unavailable';
  }, 'the node to notice');
  await mortal.restart();
  const publisher = scene.ioredis(mortal.port);
  for (const channel of ['one', 'two', 'three'])
    await until(async () => await publisher.publish(`barker:${channel}`, '"again"') === 1, `SUBSCRIBE of ${channel}`);
  for (const { client, channel } of clients) {
    const gap = await client.nextJson();
    const frames = [gap, await client.nextJson()].sort((a, b) => a.type.localeCompare(b.type));
    assert.deepEqual(frames.map(({ type, channel: of }) => [type, of]), [['gap', channel], ['message', channel]]);
    assert.equal(client.readyState, OPEN);
  }
});

it('CLIENT KILL of every connection is healed', async () => {
  const node = await scene.barker(['--redis-url', redis.url]);
  const client = await scene.connectV1(node.url('/ws'));
  await client.ask({ type: 'subscribe', channel: 'killed' });
  const publisher = scene.ioredis(redis.port);
  await publisher.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
  await until(async () => await publisher.publish('barker:killed', '"back"') === 1, 'SUBSCRIBE');
  for (;;) if ((await client.nextJson()).data === 'back') break;
});

it('a Redis that hangs is noticed and replaced', async () => {
  const stuck = await scene.redis();
  const node = await scene.barker(['--redis-url', stuck.url]);
  const client = await scene.connectV1(node.url('/ws'));
  await client.ask({ type: 'subscribe', channel: 'stuck' });
  stuck.child.kill('SIGSTOP');
  const n = node.child.errors.length;
  try {
    await until(() => node.child.errors.slice(n).some((line) => /level=(warn|error)/.test(line)), 'a log line about it');
  } finally {
    stuck.child.kill('SIGCONT');
  }
  const publisher = scene.ioredis(stuck.port);
  await until(async () => {
    await publisher.publish('barker:stuck', '"alive"');
    return client.messages.values.some(({ text }) => JSON.parse(text).data === 'alive');
  }, 'delivery', undefined, 100);
});

scene.endsClean();
