// The barker.v1 dialect: JSON text frames, every command answered with ok or error.
import assert from 'node:assert/strict';
import { KINDS } from './lib/clients.mjs';
import { Scene, it } from './lib/scene.mjs';

const scene = new Scene();
const redis = await scene.redis();
const node = await scene.barker([
  '--redis-url', redis.url, '--access-publish', 'anyone', '--node-id', 'node-under-test', '--limits-subscriptions', '3',
]);
const publisher = scene.ioredis(redis.port);
const publish = (channel, payload) => publisher.publish(`barker:${channel}`, payload);
const join = async (channel, options) => {
  const client = await scene.connectV1(node.url('/ws'), options);
  assert.equal((await client.ask({ type: 'subscribe', channel })).type, 'ok');
  return client;
};
const assertError = (answer, code, retry = false) => {
  assert.equal(answer.type, 'error');
  assert.equal(answer.code, code, JSON.stringify(answer));
  assert.equal(answer.retry, retry);
  assert.ok(typeof answer.message === 'string' && answer.message.length > 0);
};

for (const kind of Object.keys(KINDS)) {
  it(`welcome greets the client ${kind} with its connection, the node and the ping interval`, async () => {
    const { welcome } = await scene.connectV1(node.url('/ws'), { kind });
    const { connection, ...rest } = welcome;
    assert.match(connection, /^[\w-]{4,}$/);
    assert.deepEqual(rest, { type: 'welcome', node: 'node-under-test', protocol: 'barker.v1', ping_interval_ms: 25000 });
  });

  it(`the client ${kind} hears a message published right after ok`, async () => {
    for (let round = 0; round < 20; round++) {
      const client = await join(`fresh:${kind}:${round}`, { kind });
      await publish(`fresh:${kind}:${round}`, `{"round":${round}}`);
      assert.deepEqual(await client.nextJson(), { type: 'message', channel: `fresh:${kind}:${round}`, data: { round } });
      client.close(1000);
    }
  });
}

it('two connections have different ids', async () => {
  const [one, two] = await Promise.all([1, 2].map(() => scene.connectV1(node.url('/ws'))));
  assert.notEqual(one.welcome.connection, two.welcome.connection);
});

it('the subprotocol barker.v1 is confirmed', async () => {
  const client = await scene.connectV1(node.url('/ws'));
  assert.equal(client.socket.protocol, 'barker.v1');
});

it('ok echoes the id and says nothing else', async () => {
  const client = await scene.connectV1(node.url('/ws'));
  assert.deepEqual(await client.ask({ type: 'subscribe', channel: 'echo' }), { type: 'ok', id: 1 });
  assert.deepEqual(await client.ask({ type: 'unsubscribe', channel: 'echo' }), { type: 'ok', id: 2 });
});

it('a payload that is JSON arrives as data, of whatever type', async () => {
  const client = await join('json');
  for (const data of [{ a: [1, 'ü', null] }, [], 'text in quotes', 12.5, true, null]) {
    await publish('json', JSON.stringify(data));
    assert.deepEqual(await client.nextJson(), { type: 'message', channel: 'json', data });
  }
});

it('other UTF-8 arrives as text', async () => {
  const client = await join('text');
  for (const text of ['plain', '{"broken":', '"quoted" \\ and\nlines\u0001 🐕', '']) {
    await publish('text', text);
    assert.deepEqual(await client.nextJson(), { type: 'message', channel: 'text', text });
  }
});

it('the rest arrives as base64', async () => {
  const client = await join('bytes');
  const payload = Buffer.from([0xff, 0xfe, 0x00, 0x80]);
  await publish('bytes', payload);
  assert.deepEqual(await client.nextJson(), { type: 'message', channel: 'bytes', base64: payload.toString('base64') });
});

it('a number that JavaScript cannot hold is passed on to the digit', async () => {
  const client = await join('digits');
  await publish('digits', '{"n":12345678901234567890123}');
  assert.match(await client.nextText(), /"data":\{"n":12345678901234567890123\}/);
});

it('a channel name with quotes and accents comes back as it was sent', async () => {
  const channel = 'caf\u00e9 "au\\lait"';
  const client = await join(channel);
  await publish(channel, '1');
  assert.deepEqual(await client.nextJson(), { type: 'message', channel, data: 1 });
});

it('the channels of the address are subscribed at once', async () => {
  const client = await scene.connectV1(node.url('/ws?channel=given&channel=given2'));
  await client.ask({ type: 'subscribe', channel: 'asked' });
  for (const channel of ['given', 'given2']) {
    for (let heard = false; !heard;) {
      await publish(channel, '1');
      heard = await client.nextJson(200).then((message) => message.channel === channel, () => false);
    }
  }
});

it('after unsubscribe nothing more is delivered', async () => {
  const client = await join('left');
  await client.ask({ type: 'subscribe', channel: 'kept' });
  assert.equal((await client.ask({ type: 'unsubscribe', channel: 'left' })).type, 'ok');
  await publish('left', '"unheard"');
  await publish('kept', '"heard"');
  assert.equal((await client.nextJson()).data, 'heard');
});

it('a channel left and joined again delivers again, once', async () => {
  const client = await join('again');
  await client.ask({ type: 'unsubscribe', channel: 'again' });
  await client.ask({ type: 'subscribe', channel: 'again' });
  await publish('again', '1');
  await publish('again', '2');
  assert.equal((await client.nextJson()).data, 1);
  assert.equal((await client.nextJson()).data, 2);
});

for (const [field, value, arrives] of [
  ['data', { said: ['by', 'a', 'client'] }, { data: { said: ['by', 'a', 'client'] } }],
  ['data', 'a string', { data: 'a string' }],
  ['text', 'words', { text: 'words' }],
  ['base64', '//79', { base64: '//79' }],
]) {
  it(`publish with ${field} ${JSON.stringify(value)} is answered ok and reaches another client`, async () => {
    const listener = await join('talk');
    const speaker = await scene.connectV1(node.url('/ws'));
    assert.equal((await speaker.ask({ type: 'publish', channel: 'talk', [field]: value })).type, 'ok');
    assert.deepEqual(await listener.nextJson(), { type: 'message', channel: 'talk', ...arrives });
  });
}

it('what a client publishes is heard in Redis under the prefix', async () => {
  const subscriber = scene.ioredis(redis.port);
  await subscriber.subscribe('barker:out');
  const heard = new Promise((resolve) => subscriber.once('message', (channel, payload) => resolve(payload)));
  const client = await scene.connectV1(node.url('/ws'));
  await client.ask({ type: 'publish', channel: 'out', data: { a: 1 } });
  assert.equal(await heard, '{"a":1}');
});

it('ping is answered', async () => {
  const client = await scene.connectV1(node.url('/ws'));
  assert.deepEqual(await client.ask({ type: 'ping' }), { type: 'ok', id: 1 });
});

it('a second subscribe to the same channel is an error, and delivery stays single', async () => {
  const client = await join('twice');
  assertError(await client.ask({ type: 'subscribe', channel: 'twice' }), 'already_subscribed');
  await publish('twice', '1');
  await publish('twice', '2');
  assert.equal((await client.nextJson()).data, 1);
  assert.equal((await client.nextJson()).data, 2);
});

it('unsubscribe from a channel never joined is an error', async () => {
  const client = await scene.connectV1(node.url('/ws'));
  assertError(await client.ask({ type: 'unsubscribe', channel: 'never' }), 'not_subscribed');
});

it('one subscription too many is an error, and leaving one makes room', async () => {
  const client = await join('one');
  await client.ask({ type: 'subscribe', channel: 'two' });
  await client.ask({ type: 'subscribe', channel: 'three' });
  assertError(await client.ask({ type: 'subscribe', channel: 'four' }), 'too_many_subscriptions');
  await client.ask({ type: 'unsubscribe', channel: 'one' });
  assert.equal((await client.ask({ type: 'subscribe', channel: 'four' })).type, 'ok');
});

for (const [what, command, code] of [
  ['an unknown type', { type: 'dance' }, 'unknown_type'],
  ['an empty channel name', { type: 'subscribe', channel: '' }, 'bad_channel'],
  ['a channel name with a control character', { type: 'subscribe', channel: 'a\nb' }, 'bad_channel'],
  ['a channel name of 256 bytes', { type: 'subscribe', channel: 'n'.repeat(256) }, 'bad_channel'],
  ['subscribe without a channel', { type: 'subscribe' }, 'bad_message'],
  ['a channel that is a number', { type: 'subscribe', channel: 7 }, 'bad_message'],
  ['publish without a payload', { type: 'publish', channel: 'x' }, 'bad_message'],
  ['publish with two payloads', { type: 'publish', channel: 'x', data: 1, text: '1' }, 'bad_message'],
  ['publish with broken base64', { type: 'publish', channel: 'x', base64: '???' }, 'bad_message'],
  ['history where none is kept', { type: 'history', channel: 'x' }, 'not_kept'],
  ['presence where none is kept', { type: 'presence', channel: 'x' }, 'not_kept'],
  ['auth where there are no keys', { type: 'auth', token: 'x' }, 'bad_token'],
]) {
  it(`${what} is answered with ${code} and the id`, async () => {
    const client = await scene.connectV1(node.url('/ws'));
    assertError(await client.ask(command), code);
    assert.equal((await client.ask({ type: 'ping' })).type, 'ok');
  });
}

for (const [what, text, code] of [
  ['what is not JSON', 'hello?', 'bad_json'],
  ['cut JSON', '{"type":"ping"', 'bad_json'],
  ['JSON that is no object', '[1,2]', 'bad_message'],
  ['an empty message', '', 'bad_json'],
  ['an object without a type', '{"id":1}', 'bad_message'],
  ['deeply nested JSON', '['.repeat(5000), 'bad_json'],
]) {
  it(`${what} is answered with ${code}, and the connection stays OPEN`, async () => {
    const client = await scene.connectV1(node.url('/ws'));
    client.send(text);
    assertError(await client.nextJson(), code);
    assert.equal((await client.ask({ type: 'ping' })).type, 'ok');
  });
}

it('a binary frame is answered with bad_message', async () => {
  const client = await scene.connectV1(node.url('/ws'));
  client.send(Buffer.from('{"type":"ping"}'));
  assertError(await client.nextJson(), 'bad_message');
});

it('a client that may not publish is told forbidden', async () => {
  const strict = await scene.barker(['--redis-url', redis.url]);
  const client = await scene.connectV1(strict.url('/ws'));
  assertError(await client.ask({ type: 'publish', channel: 'x', data: 1 }), 'forbidden');
});

it('a client that may not subscribe is told forbidden', async () => {
  const strict = await scene.barker(['--redis-url', redis.url, '--access-subscribe', 'nobody', '--access-publish', 'anyone']);
  const client = await scene.connectV1(strict.url('/ws'));
  assertError(await client.ask({ type: 'subscribe', channel: 'x' }), 'forbidden');
});

it('closing is announced with its code before the close frame', async () => {
  const brief = await scene.barker(['--redis-url', redis.url]);
  const client = await scene.connectV1(brief.url('/ws'));
  const stopped = brief.stop();
  const frame = await client.nextJson();
  assert.equal(frame.type, 'closing');
  assert.equal(frame.code, 1012);
  assert.equal((await client.end()).code, 1012);
  await stopped;
});

scene.endsClean();
