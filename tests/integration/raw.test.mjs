// The raw dialect: frames are the payloads themselves.
import assert from 'node:assert/strict';
import { CLOSED, CLOSING, CONNECTING, KINDS, OPEN, connect } from './lib/clients.mjs';
import { barker } from './lib/barker.mjs';
import { Scene, it } from './lib/scene.mjs';

const scene = new Scene();
const redis = await scene.redis();
const node = await scene.barker(['--redis-url', redis.url, '--access-publish', 'anyone']);
const publisher = scene.ioredis(redis.port);
const publish = (channel, payload) => publisher.publish(`barker:${channel}`, payload);
const listen = async (path, channel, options) => {
  const client = await scene.connect(node.url(path), options);
  return client.heard((probe) => publish(channel, probe));
};

for (const kind of Object.keys(KINDS)) {
  it(`a UTF-8 payload reaches the client ${kind} as a text frame`, async () => {
    const client = await listen('/raw/text', 'text', { kind });
    await publish('text', 'grüß dich, 世界 🐕');
    assert.deepEqual(await client.next(), { text: 'grüß dich, 世界 🐕' });
  });

  it(`a payload that is not UTF-8 reaches the client ${kind} as a binary frame`, async () => {
    const client = await listen('/raw/bytes', 'bytes', { kind });
    const payload = Buffer.from([0xff, 0x00, 0xc0, 0x80, 0x41]);
    await publish('bytes', payload);
    assert.deepEqual(await client.next(), { bytes: payload });
  });

  it(`the client ${kind} shows readyState CONNECTING, OPEN, CLOSING and CLOSED`, async () => {
    const client = await listen('/raw/life', 'life', { kind });
    client.close(1000);
    assert.equal((await client.end()).code, 1000);
    assert.deepEqual(client.states, [CONNECTING, OPEN, CLOSING, CLOSED]);
  });
}

it('redis-cli publishes to a client', async () => {
  const client = await listen('/raw/cli', 'cli');
  assert.match(await redis.cli('PUBLISH', 'barker:cli', '{"hello":"world"}'), /1/);
  assert.equal(await client.nextText(), '{"hello":"world"}');
});

it('the subcommand publish publishes to a client', async () => {
  const client = await listen('/raw/command', 'command');
  const { code } = await barker(['publish', '--redis-url', redis.url, 'command', 'by hand']);
  assert.equal(code, 0);
  assert.equal(await client.nextText(), 'by hand');
});

it('an empty payload arrives as an empty text frame', async () => {
  const client = await listen('/raw/empty', 'empty');
  await publish('empty', '');
  assert.deepEqual(await client.next(), { text: '' });
});

it('a payload with a NUL byte arrives whole', async () => {
  const client = await listen('/raw/nul', 'nul');
  await publish('nul', 'a\0b');
  assert.equal(await client.nextText(), 'a\0b');
});

for (const size of [125, 126, 65535, 65536, 500_000]) {
  it(`a payload of ${size} bytes arrives whole`, async () => {
    const client = await listen('/raw/size', 'size');
    const payload = 'x'.repeat(size - 1) + 'y';
    await publish('size', payload);
    assert.equal(await client.nextText(), payload);
  });
}

it('one connection hears the channel of its path and those of its query', async () => {
  const client = await listen('/raw/a?channel=b&channel=c', 'c');
  await client.heard((probe) => publish('a', probe));
  for (const channel of ['a', 'b', 'c']) {
    await publish(channel, `to ${channel}`);
    assert.equal(await client.nextText(), `to ${channel}`);
  }
});

it('a channel named twice delivers once', async () => {
  const client = await listen('/raw/twice?channel=twice', 'twice');
  await publish('twice', 'one');
  await publish('twice', 'two');
  assert.equal(await client.nextText(), 'one');
  assert.equal(await client.nextText(), 'two');
});

it('the path needs no channel when the query names one', async () => {
  const client = await listen('/raw?channel=query', 'query');
  await publish('query', 'heard');
  assert.equal(await client.nextText(), 'heard');
});

it('a percent-encoded name is decoded', async () => {
  const client = await listen('/raw/caf%C3%A9%2Fau%20lait', 'café/au lait');
  await publish('café/au lait', 'encoded');
  assert.equal(await client.nextText(), 'encoded');
});

it('an encoded percent sign is decoded once', async () => {
  const client = await listen('/raw/100%2525', '100%25');
  await publish('100%25', 'whole');
  assert.equal(await client.nextText(), 'whole');
});

it('a query is decoded as a form is', async () => {
  const client = await listen('/raw?channel=a%26b%3D+c%2B', 'a&b= c+');
  await publish('a&b= c+', 'form');
  assert.equal(await client.nextText(), 'form');
});

it('other parameters of the query are ignored', async () => {
  const client = await listen('/raw/busted?v=1&channels=x&_=', 'busted');
  await publish('busted', 'heard');
  assert.equal(await client.nextText(), 'heard');
});

it('a client hears no channel but its own', async () => {
  const client = await listen('/raw/mine', 'mine');
  await publish('mine2', 'not for you');
  await publish('min', 'nor this');
  await publisher.publish('mine', 'nor without the prefix');
  await publish('mine', 'for you');
  assert.equal(await client.nextText(), 'for you');
});

it('a client publishes to the channel of its path', async () => {
  const listener = await listen('/raw/talk', 'talk');
  const speaker = await listen('/raw/talk', 'talk', { kind: 'websocket' });
  speaker.send('from a client');
  assert.equal(await listener.nextText(), 'from a client');
  assert.equal(await speaker.nextText(), 'from a client');
});

it('a client that may not publish is closed with 1008', async () => {
  const strict = await scene.barker(['--redis-url', redis.url]);
  const client = await scene.connect(strict.url('/raw/talk'));
  client.send('may I?');
  assert.equal((await client.end()).code, 1008);
});

for (const [what, path] of Object.entries({
  'no channel': '/raw/', 'a name that is not UTF-8': '/raw/%ff', 'a name of 256 bytes': `/raw/${'n'.repeat(256)}`,
  'a name in the query that is not UTF-8': '/raw/good?channel=%c3%28',
})) {
  it(`a request with ${what} is refused with 400`, async () => {
    await assert.rejects(connect(node.url(path)), { status: 400 });
  });
}

// The library judges these before we do, with another status or none.
for (const [what, path] of Object.entries({
  'a NUL in the name': '/raw/a%00b', 'a NUL in the query': '/raw/good?channel=%00', 'a control character': '/raw/a%0Ab',
  'a control character in the query': '/raw/good?channel=%0a', 'a bad escape': '/raw/%zz',
  'a cut escape': '/raw/a%4',
})) {
  it(`a request with ${what} is refused`, async () => {
    await assert.rejects(connect(node.url(path)));
  });
}

it('a name of 255 bytes is accepted', async () => {
  const name = 'n'.repeat(255);
  const client = await listen(`/raw/${name}`, name);
  await publish(name, 'long');
  assert.equal(await client.nextText(), 'long');
});

it('a WebSocket request for an unknown path is refused with 404', async () => {
  await assert.rejects(connect(node.url('/nowhere')), { status: 404 });
});

it('an ordinary request for the path of a dialect is told that it is for WebSockets', async () => {
  for (const path of ['/ws', '/raw', '/raw/news']) {
    const response = await fetch(node.httpUrl(path));
    assert.equal(response.status, 426);
    assert.equal(response.headers.get('upgrade'), 'websocket');
    assert.match(await response.text(), /ws:\/\//);
  }
});

it('an ordinary request for an unknown path is answered with 404', async () => {
  const response = await fetch(node.httpUrl('/nowhere'));
  assert.equal(response.status, 404);
  await response.text();
});

scene.endsClean();
