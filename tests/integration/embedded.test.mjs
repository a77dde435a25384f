// The embedded broker: no Redis at all, and Redis clients notice no difference.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as tcpConnect } from 'node:net';
import { createClient } from 'redis';
import { run, Child } from './lib/child.mjs';
import { redisCli } from './lib/redis.mjs';
import { Scene, it } from './lib/scene.mjs';
import { Queue, until, within } from './lib/wait.mjs';

const scene = new Scene();
const node = await scene.barker();
const { port } = node.embedded;
const listener = async (channel) => {
  const client = await scene.connectV1(node.url('/ws'));
  await client.ask({ type: 'subscribe', channel });
  return client;
};

// Speaks bytes, for replies to be compared exactly; one at a time.
async function converse(sent, expected) {
  const socket = tcpConnect(port, '127.0.0.1');
  let heard = '';
  socket.setEncoding('latin1').on('data', (text) => heard += text).on('error', () => {});
  await once(socket, 'connect');
  socket.write(sent);
  await until(() => heard.length >= expected.length || socket.destroyed, `${JSON.stringify(expected)}, heard ${heard}`);
  socket.destroy();
  assert.equal(heard, expected);
}
const bulk = (word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`;
const command = (...words) => `*${words.length}\r\n${words.map(bulk).join('')}`;

it('PUBLISH by ioredis reaches a client', async () => {
  const client = await listener('news');
  const publisher = scene.ioredis(port);
  assert.equal(await publisher.publish('barker:news', '{"hi":1}'), 1);
  assert.deepEqual((await client.nextJson()).data, { hi: 1 });
});

it('PUBLISH by redis-cli reaches a client', async () => {
  const client = await listener('cli');
  assert.equal(await redisCli(port, 'PUBLISH', 'barker:cli', '{"hello":"world"}'), '1');
  assert.deepEqual((await client.nextJson()).data, { hello: 'world' });
});

it('PUBLISH by the npm client redis reaches a client, in RESP2 and RESP3', async () => {
  const client = await listener('npm');
  for (const RESP of [2, 3]) {
    const publisher = createClient({ url: `redis://127.0.0.1:${port}`, RESP });
    publisher.on('error', () => {});
    await publisher.connect();
    assert.equal(await publisher.publish('barker:npm', String(RESP)), 1);
    assert.equal((await client.nextJson()).data, RESP);
    await publisher.close();
  }
});

it('PUBLISH replies with the number of receivers', async () => {
  const publisher = scene.ioredis(port), first = scene.ioredis(port), second = scene.ioredis(port);
  assert.equal(await publisher.publish('barker:counted', 'x'), 0);
  await first.subscribe('barker:counted');
  await second.psubscribe('barker:count*');
  assert.equal(await publisher.publish('barker:counted', 'x'), 2);
  await listener('counted');
  assert.equal(await publisher.publish('barker:counted', 'x'), 3);
});

it('what a client publishes is heard by SUBSCRIBE and PSUBSCRIBE', async () => {
  const open = await scene.barker(['--access-publish', 'anyone']);
  const subscriber = scene.ioredis(open.embedded.port);
  const heard = new Queue();
  subscriber.on('message', (channel, payload) => heard.push(['message', channel, payload]));
  subscriber.on('pmessage', (pattern, channel, payload) => heard.push([pattern, channel, payload]));
  await subscriber.subscribe('barker:up');
  await subscriber.psubscribe('barker:u?', 'other:*');
  const client = await scene.connectV1(open.url('/ws'));
  await client.ask({ type: 'publish', channel: 'up', data: [1] });
  assert.deepEqual([await heard.next(), await heard.next()].sort(), [
    ['barker:u?', 'barker:up', '[1]'], ['message', 'barker:up', '[1]'],
  ]);
});

it('a subscriber hears nothing more after UNSUBSCRIBE and PUNSUBSCRIBE', async () => {
  const subscriber = scene.ioredis(port), publisher = scene.ioredis(port);
  assert.equal(await subscriber.subscribe('one', 'two'), 2);
  assert.equal(await subscriber.psubscribe('o*'), 3);
  assert.equal(await subscriber.punsubscribe('o*'), 2);
  assert.equal(await subscriber.unsubscribe('one'), 1);
  assert.equal(await publisher.publish('one', 'x'), 0);
  assert.equal(await publisher.publish('two', 'x'), 1);
  assert.equal(await subscriber.unsubscribe(), 0);
  assert.equal(await publisher.publish('two', 'x'), 0);
});

it('SUBSCRIBE by the npm client redis works in RESP3', async () => {
  const subscriber = createClient({ url: `redis://127.0.0.1:${port}`, RESP: 3 });
  subscriber.on('error', () => {});
  await subscriber.connect();
  const heard = new Queue();
  await subscriber.subscribe('barker:resp3', (message) => heard.push(message));
  await scene.ioredis(port).publish('barker:resp3', 'pushed');
  assert.equal(await heard.next(), 'pushed');
  await subscriber.unsubscribe('barker:resp3');
  await subscriber.close();
});

it('SUBSCRIBE by redis-cli works', async () => {
  const subscriber = new Child('redis-cli', ['-p', String(port), 'SUBSCRIBE', 'barker:watched']);
  const publisher = scene.ioredis(port);
  await until(async () => await publisher.publish('barker:watched', 'seen') === 1, 'the subscription');
  await subscriber.line(/seen/);
  await subscriber.stop('SIGKILL');
});

for (const [words, reply] of [
  [['PING'], '+PONG\r\n'], [['ping', 'hello'], '$5\r\nhello\r\n'], [['SELECT', '3'], '+OK\r\n'],
  [['CLIENT', 'SETNAME', 'me'], '+OK\r\n'], [['QUIT'], '+OK\r\n'], [['PUBLISH', 'nobody', 'x'], ':0\r\n'],
  [['SUBSCRIBE', 'a', 'b'], '*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n*3\r\n$9\r\nsubscribe\r\n$1\r\nb\r\n:2\r\n'],
  [['PSUBSCRIBE', 'a*'], '*3\r\n$10\r\npsubscribe\r\n$2\r\na*\r\n:1\r\n'],
  [['UNSUBSCRIBE'], '*3\r\n$11\r\nunsubscribe\r\n$-1\r\n:0\r\n'],
  [['PUNSUBSCRIBE', 'x'], '*3\r\n$12\r\npunsubscribe\r\n$1\r\nx\r\n:0\r\n'],
]) {
  it(`${words.join(' ')} is answered as Redis does`, () => converse(command(...words), reply));
}

it('an inline command is understood', () => converse('PING\r\n', '+PONG\r\n'));

it('pipelined commands are answered in order', () => converse(
  command('PING') + command('PUBLISH', 'nobody', 'x') + command('PING', 'end'), '+PONG\r\n:0\r\n$3\r\nend\r\n'));

it('PING in RESP2 subscribe mode is answered with an array', () => converse(
  command('SUBSCRIBE', 'a') + command('PING'), '*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n*2\r\n$4\r\npong\r\n$0\r\n\r\n'));

for (const [what, words, pattern] of [
  ['an unknown command', ['GET', 'key'], /unknown command.*GET/i],
  ['a command with too few arguments', ['PUBLISH', 'alone'], /wrong number of arguments/i],
  ['AUTH without a password set', ['AUTH', 'secret'], /AUTH|password/i],
  ['HELLO with a bad version', ['HELLO', '9'], /NOPROTO/],
  ['SELECT with a bad index', ['SELECT', 'x'], /ERR/],
]) {
  it(`${what} gets a clear error and the connection stays`, async () => {
    const publisher = scene.ioredis(port);
    await assert.rejects(publisher.call(...words), pattern);
    assert.equal(await publisher.ping(), 'PONG');
  });
}

it('HELLO 2 and HELLO 3 say who answers', async () => {
  for (const version of ['2', '3']) {
    const out = await redisCli(port, 'HELLO', version);
    assert.match(out, /proto/);
    assert.match(out, /server/);
  }
});

it('INFO and COMMAND are answered', async () => {
  const publisher = scene.ioredis(port);
  assert.match(await publisher.info(), /redis_version:[\d.]+/);
  assert.ok(Array.isArray(await publisher.call('COMMAND')));
});

it('QUIT ends the connection', async () => {
  const socket = tcpConnect(port, '127.0.0.1');
  socket.resume();
  socket.write(command('QUIT'));
  await within(once(socket, 'close'), 'the end');
});

it('a protocol error is answered and ends the connection', async () => {
  const socket = tcpConnect(port, '127.0.0.1');
  let heard = '';
  socket.on('data', (bytes) => heard += bytes);
  socket.write('*1\r\n$abc\r\n');
  await within(once(socket, 'close'), 'the end');
  assert.match(heard, /^-ERR Protocol error/);
});

// What a page of any site can have a visitor's browser send to loopback, without being asked.
it('a body that is posted by a browser is no command', async () => {
  const subscriber = scene.ioredis(port), heard = [];
  subscriber.on('message', (_, text) => heard.push(text));
  await subscriber.subscribe('barker:news', 'barker/control');
  for (const body of ['\r\nPUBLISH barker:news posted\r\n', '*3\r\n$7\r\nPUBLISH\r\n$14\r\nbarker/control\r\n$2\r\n{}\r\n'])
    await assert.rejects(fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body }));
  await assert.rejects(fetch(`http://127.0.0.1:${port}/`));
  await scene.ioredis(port).publish('barker:news', 'last');
  await until(() => heard.includes('last'), 'the last message');
  assert.deepEqual(heard, ['last']);
});

it('a command that claims a gigabyte is refused', async () => {
  const socket = tcpConnect(port, '127.0.0.1');
  socket.on('error', () => {}).resume();
  socket.write(`*3\r\n$7\r\nPUBLISH\r\n$1\r\na\r\n$1073741824\r\n${'x'.repeat(1000)}`);
  await within(once(socket, 'close'), 'the end');
  assert.equal(await scene.ioredis(port).ping(), 'PONG');
});

it('a command cut in single bytes is understood', async () => {
  const socket = tcpConnect({ port, host: '127.0.0.1', noDelay: true });
  let heard = '';
  socket.on('data', (bytes) => heard += bytes);
  for (const byte of Buffer.from(command('PING', 'slowly'))) {
    socket.write(Buffer.from([byte]));
    await new Promise(setImmediate);
  }
  await until(() => heard === '$6\r\nslowly\r\n', 'the reply');
  socket.destroy();
});

it('redis-cli without arguments works as a prompt', async () => {
  const { out } = await run('redis-cli', ['-p', String(port)], { input: 'PING\nPUBLISH barker:x y\n' });
  assert.match(out, /PONG\s+(\(integer\) )?0/);
});

scene.endsClean();
