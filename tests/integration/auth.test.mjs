// Who gets in and who does not: every way in, by dialect, place of the token and permission; refresh, expiry, origins.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { barker } from './lib/barker.mjs';
import { Scene, it } from './lib/scene.mjs';
import { PLACES, Signer, nowSeconds } from './lib/tokens.mjs';
import { until } from './lib/wait.mjs';

const EX_CONFIG = 78;
const scene = new Scene();
const signer = new Signer();
const other = new Signer();
const ACCESS = ['anyone', 'user', 'token', 'nobody'];
const FLAGS = [
  '--auth-keys', signer.key, '--auth-cookie', 'session', '--log-level', 'debug', '--watchdog-auth', '500ms',
  '--watchdog-expiry-grace', '200ms', '--auth-leeway', '0', '--access-publish', 'token',
  ...ACCESS.flatMap((access) => [`--namespace-${access}-subscribe`, access]),
  '--namespace-inbox-subscribe', 'user', '--namespace-inbox-own', 'yes', '--namespace-inbox-presence', 'yes',
  '--namespace-room-subscribe', 'anyone', '--namespace-room-presence', 'yes',
];
const closed = ['--access-subscribe', 'nobody', ...FLAGS];
const node = await scene.barker(closed);
const strict = await scene.barker([...closed, '--auth-required', 'yes', '--namespace-anyone-publish', 'anyone']);
const publishers = new Map([node, strict].map((at) => [at, scene.ioredis(at.embedded.port)]));
const origin = `http://127.0.0.1:${node.address.port}`;
const good = () => signer.sign({ sub: 'a', subscribe: ['*'] });
const bad = {
  expired: () => signer.sign({ sub: 'a', exp: 9 }),
  forged: () => signer.sign({ sub: 'a' }, { secret: other.secret }),
};

// What comes of subscribing that way: "allowed", or what refused it.
async function attempt({ at = node, dialect, place, access, token }) {
  const channel = `${access}:x`;
  const way = PLACES[place](token, dialect === 'raw' ? `/raw/${channel}` : '/ws', origin);
  const options = { ...way.options, ...(way.protocols && { protocols: way.protocols }) };
  try {
    return await (dialect === 'raw' ? attemptRaw : attemptV1)(at, way, options, channel);
  } catch (error) {
    if (error.status) return `${error.status}`;
    throw error;
  }
}

async function attemptRaw(at, way, options, channel) {
  const client = await scene.connect(at.url(way.path), options);
  await until(async () => {
    await publishers.get(at).publish(`barker:${channel}`, 'probe:secret payload');
    return client.isProbed || client.closed;
  }, 'a probe or a close');
  return client.closed ? `closed ${client.closed.code}` : 'allowed';
}

async function attemptV1(at, way, options, channel) {
  const client = await scene.connectV1(at.url(way.path), options);
  const auth = way.message ? await client.ask({ type: 'auth', token: way.message }) : null;
  const answer = await client.ask({ type: 'subscribe', channel });
  const said = auth?.type === 'error' ? `auth ${auth.code}, ` : '';
  return said + (answer.type === 'ok' ? 'allowed' : answer.code);
}

// The same in words, from what the options say.
function expected({ dialect, place, access, kind }) {
  const refused = dialect === 'raw' ? () => 'closed 1008' : (code) => code;
  const anonymous = access === 'anyone' ? 'allowed' : refused(access === 'nobody' ? 'forbidden' : 'unauthorized');
  if (place === 'none') return anonymous;
  if (place === 'cookie, no Origin' || place === 'cookie, other Origin') return '403';
  if (kind !== 'good' && place !== 'message') return '401';
  if (kind !== 'good') return `auth ${kind === 'expired' ? 'token_expired' : 'bad_token'}, ${anonymous}`;
  return access === 'nobody' ? refused('forbidden') : 'allowed';
}

it('every way in is allowed or refused as the options say', async (t) => {
  const lines = [];
  for (const dialect of ['raw', 'barker.v1'])
    for (const place of Object.keys(PLACES).filter((name) => dialect !== 'raw' || name !== 'message'))
      for (const kind of place === 'none' ? ['-'] : ['good', 'expired', 'forged'])
        for (const access of ACCESS) {
          const token = kind === '-' ? '' : kind === 'good' ? good() : bad[kind]();
          const seen = await attempt({ dialect, place, access, token });
          lines.push([dialect, place, kind, access, seen]);
          assert.equal(seen, expected({ dialect, place, access, kind }), `${dialect}, ${place}, ${kind}, ${access}`);
        }
  const widths = [9, 20, 7, 6, 0];
  const print = (cells) => t.diagnostic(cells.map((cell, i) => cell.padEnd(widths[i])).join('  '));
  print(['dialect', 'token in', 'token', 'access', 'result']);
  lines.forEach(print);
});

it('where a token is required, raw without one is refused and barker.v1 may bring it by auth', async () => {
  assert.equal(await attempt({ at: strict, dialect: 'raw', place: 'none', access: 'anyone' }), '401');
  assert.equal(await attempt({ at: strict, dialect: 'barker.v1', place: 'none', access: 'anyone' }), 'unauthorized');
  for (const dialect of ['raw', 'barker.v1'])
    assert.equal(await attempt({ at: strict, dialect, place: 'query', access: 'anyone', token: good() }), 'allowed');
  assert.equal(await attempt({ at: strict, dialect: 'barker.v1', place: 'message', access: 'anyone', token: good() }), 'allowed');
});

it('who does not say who it is in time is closed with 4401', async () => {
  const silent = await scene.connectV1(strict.url('/ws'));
  const prompt = await scene.connectV1(strict.url('/ws'));
  assert.equal((await prompt.ask({ type: 'auth', token: good() })).type, 'ok');
  assert.equal((await silent.end()).code, 4401);
  assert.equal((await prompt.ask({ type: 'ping' })).type, 'ok');
});

const connectAs = (claims, path = '/ws') =>
  scene.connectV1(node.url(path), { headers: { Authorization: `Bearer ${signer.sign(claims)}` } });

it('a token opens the channels of its patterns and no others, for subscribing and publishing apart', async () => {
  const client = await connectAs({ subscribe: ['token:a*'], publish: ['token:b*'] });
  assert.equal((await client.ask({ type: 'subscribe', channel: 'token:abc' })).type, 'ok');
  assert.equal((await client.ask({ type: 'subscribe', channel: 'token:b' })).code, 'forbidden');
  assert.equal((await client.ask({ type: 'publish', channel: 'token:b', data: 1 })).type, 'ok');
  assert.equal((await client.ask({ type: 'publish', channel: 'token:abc', data: 1 })).code, 'forbidden');
  assert.equal((await client.ask({ type: 'subscribe', channel: 'user:x' })).code, 'forbidden', 'it names no user');
});

it('a channel token opens its one channel', async () => {
  const client = await scene.connectV1(node.url('/ws'));
  const token = signer.sign({ channel: 'token:private', exp: nowSeconds() + 60 });
  const subscribe = (channel, by) => client.ask({ type: 'subscribe', channel, token: by });
  assert.equal((await subscribe('token:other', token)).code, 'unauthorized');
  assert.equal((await subscribe('token:private', bad.forged())).code, 'bad_token');
  assert.equal((await subscribe('token:private', signer.sign({ channel: 'token:private', exp: 9 }))).code, 'token_expired');
  assert.equal((await subscribe('token:private', token)).type, 'ok');
  assert.equal((await subscribe('nobody:x', signer.sign({ channel: 'nobody:x' }))).code, 'forbidden');
});

it("a token's channels are subscribed at once", async () => {
  const publisher = publishers.get(node);
  const client = await connectAs({ sub: 'ada', channels: ['token:first', 'nobody:x'] });
  const refused = await client.nextJson();
  assert.deepEqual([refused.channel, refused.code], ['nobody:x', 'forbidden']);
  await until(() => publisher.publish('barker:token:first', '1'), 'a subscriber');
  assert.equal((await client.nextJson()).channel, 'token:first');
});

it('an own channel is for its user alone', async () => {
  const client = await connectAs({ sub: 'ada' });
  assert.equal((await client.ask({ type: 'subscribe', channel: 'inbox:#ada' })).type, 'ok');
  assert.equal((await client.ask({ type: 'subscribe', channel: 'inbox:#bob' })).code, 'forbidden');
  assert.equal((await client.ask({ type: 'subscribe', channel: 'inbox:all' })).type, 'ok');
});

it("presence knows a connection by its token's user and info, whatever the URL says", async () => {
  const client = await connectAs({ sub: 'ada "lovelace"', info: { name: 'Ada' } }, '/ws?user=eve');
  await client.ask({ type: 'subscribe', channel: 'room:1' });
  const { members } = await client.ask({ type: 'presence', channel: 'room:1' });
  assert.deepEqual(members, [{ user: 'ada "lovelace"', info: { name: 'Ada' }, connections: 1 }]);
});

it('who says later who it is leaves presence as nobody and comes as itself', async () => {
  const client = await scene.connectV1(node.url('/ws'));
  await client.ask({ type: 'subscribe', channel: 'room:2' });
  await client.ask({ type: 'auth', token: signer.sign({ sub: 'ada' }) });
  const users = async () => (await client.ask({ type: 'presence', channel: 'room:2' })).members.map(({ user }) => user);
  await until(async () => JSON.stringify(await users()) === '["ada"]', 'ada alone');
});

it('an expired token closes with 4402, and a refresh in time prevents it', async () => {
  const exp = nowSeconds() + 2;
  const kept = await connectAs({ sub: 'ada', exp });
  const lost = await connectAs({ sub: 'ada', exp });
  assert.equal((await kept.ask({ type: 'auth', token: signer.sign({ sub: 'bob' }) })).code, 'forbidden');
  assert.equal((await kept.ask({ type: 'auth', token: bad.expired() })).code, 'token_expired');
  assert.equal((await kept.ask({ type: 'auth', token: signer.sign({ sub: 'ada', exp: exp + 60 }) })).type, 'ok');
  assert.equal((await lost.end()).code, 4402);
  assert.ok(Date.now() >= exp * 1000, 'not before it has expired');
  assert.equal((await kept.ask({ type: 'ping' })).type, 'ok');
});

it('only pages of the allowed origins may connect', async () => {
  const listed = await scene.barker([...closed, '--access-origins', 'https://app.example.com https://*.example.org:8443']);
  const status = (at, from) => scene.connect(at.url('/ws'), { origin: from }).then(() => 101, (error) => error.status);
  assert.equal(await status(node, origin), 101);
  assert.equal(await status(node, 'https://evil.example'), 403);
  assert.equal(await status(node, 'null'), 403);
  assert.equal(await status(listed, 'https://app.example.com'), 101);
  assert.equal(await status(listed, 'https://a.b.example.org:8443'), 101);
  assert.equal(await status(listed, 'https://example.org:8443'), 403);
  assert.equal(await status(listed, 'http://app.example.com'), 403);
  assert.equal(await status(listed, origin), 403);
  assert.ok((await listed.nextEvent('origin_refused', 2)).line.includes(origin));
});

it('a token in the subprotocols is behind barker.v1 and short, or it is refused with a reason', async () => {
  const long = signer.sign({ sub: 'a', channels: ['a-long-name'.repeat(10)] });
  for (const protocols of [[`bearer.${good()}`, 'barker.v1'], ['barker.v1', `bearer.${long}`]])
    await assert.rejects(scene.connect(node.url('/ws'), { protocols }), { status: 400 });
});

it('without a key and without --dev nobody could come in: run says what to set and ends with 78', async () => {
  for (const flags of [[], ['--access-subscribe', 'user'], ['--namespace-chat-publish', 'token']]) {
    const { code, errors } = await barker(['run', ...flags]);
    assert.equal(code, EX_CONFIG);
    assert.match(errors, /--dev[^]*--auth-key-files[^]*--access-subscribe anyone/);
  }
});

it('a bad key ends the start with 78 and is not shown', async () => {
  const path = join(scene.folder, 'bad.pem');
  writeFileSync(path, 'very secret, but no key');
  for (const flags of [['--auth-keys', 'hs256:short-secret'], ['--auth-key-files', path], ['--auth-jwks-file', `${path}.absent`]]) {
    const { code, errors } = await barker(['run', '--listen-address', '127.0.0.1:0', '--embedded-address', '', ...flags]);
    assert.equal(code, EX_CONFIG, errors);
    assert.match(errors, /event=bad_key/);
    assert.doesNotMatch(errors, /short-secret|very secret/);
  }
});

it('check-config shows no key', async () => {
  const { code, out } = await barker(['check-config', '--auth-keys', signer.key]);
  assert.equal(code, 0);
  assert.match(out, /keys = \*\*\*/);
  assert.ok(!out.includes(signer.secret));
});

scene.endsClean();

it('no token, key or payload was logged at level debug, and refusals are counted', () => {
  const log = node.child.errors.join('\n') + strict.child.errors.join('\n');
  const secrets = [signer.secret, other.secret, 'secret payload', ...signer.made.map((token) => token.split('.')[2])];
  for (const secret of secrets) assert.ok(!log.includes(secret), 'a secret is in the log');
  for (const counter of ['unauthorized', 'forbidden', 'refused_tokens']) assert.ok(node.total(counter) > 0, counter);
});
