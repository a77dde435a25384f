// The admin listener: health, who may ask for what, and what its HTTP makes of rude clients.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { barker } from './lib/barker.mjs';
import { HttpRaw, ask } from './lib/http_raw.mjs';
import { Scene, it } from './lib/scene.mjs';
import { until } from './lib/wait.mjs';

const TOKEN = 'a-token-of-28-characters-all';
const READER = 'reads-and-nothing-else', SCRAPER = 'scrapes-and-nothing-else';
const TIMEOUT_MS = 1000, TICK_MS = 100, SLACK_MS = 1500; // the machine is shared, and the binary slow

const scene = new Scene();
const redis = await scene.redis();
const node = await scene.barker(['--redis-url', redis.url, '--api-timeout', `${TIMEOUT_MS}ms`]);
const guarded = await scene.barker([
  '--admin-token', TOKEN, '--api-keys', `read:${READER} metrics:${SCRAPER}`, '--api-body-limit', '64KiB',
]);

const get = (url, headers = {}) => fetch(url, { headers });
const bearer = (secret) => ({ Authorization: `Bearer ${secret}` });
const text = (path, headers = '') => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`;
const post = (length, headers = '') =>
  `POST /api/v1/publish HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n${headers}\r\n`;

async function assertProblem(answer, status) {
  assert.equal(answer.status, status);
  assert.match(answer.headers.get('content-type'), /^application\/problem\+json/);
  const problem = await answer.json();
  assert.equal(problem.status, status);
  assert.ok(problem.title && problem.detail && problem.code, JSON.stringify(problem));
}

it('health and readiness are told to everybody', async () => {
  for (const at of [node, guarded])
    for (const path of ['/healthz', '/readyz']) {
      const answer = await get(at.adminUrl(path));
      assert.equal(answer.status, 200, await answer.clone().text());
      assert.equal(answer.headers.get('cache-control'), 'no-store');
      assert.equal(await answer.text(), 'ok\n');
    }
});

it('the listener of clients tells them too', async () => {
  for (const path of ['/healthz', '/readyz'])
    assert.equal(await (await get(node.httpUrl(path))).text(), 'ok\n');
});

it('a health check at the listener of clients is no handshake that was refused', async () => {
  const asked = await scene.barker([]);
  for (const path of ['/healthz', '/healthz', '/nothing']) await (await get(asked.httpUrl(path))).text();
  await asked.stop();
  const { http_served: served, handshake_refused: refused } = asked.causes();
  assert.equal(served.terminated, 2);
  assert.equal(refused.terminated, 1);
});

it('a node that does not hear its broker is healthy and not ready, until it hears it again', async () => {
  const isReady = async (expected) => (await get(node.adminUrl('/readyz'))).ok === expected;
  redis.pause();
  await until(() => isReady(false), 'no readiness');
  const answer = await get(node.adminUrl('/readyz'));
  assert.equal(answer.status, 503);
  assert.match(await answer.text(), /^broker: /);
  assert.equal((await get(node.httpUrl('/readyz'))).status, 503);
  assert.equal((await get(node.adminUrl('/healthz'))).status, 200);
  redis.resume();
  await until(() => isReady(true), 'readiness');
});

it('what is not there is a problem in JSON', async () => {
  await assertProblem(await get(node.adminUrl('/nothing')), 404);
  await assertProblem(await get(node.adminUrl('/api/v10')), 404);
  const answer = await fetch(node.adminUrl('/metrics'), { method: 'DELETE' });
  assert.equal(answer.headers.get('allow'), 'GET, HEAD');
  await assertProblem(answer, 405);
});

it('one connection serves one request after another', async () => {
  const raw = await HttpRaw.connect(node.admin);
  for (let n = 1; n <= 20; n++) {
    raw.send(text('/healthz'));
    const answer = await raw.answer(n);
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.connection, 'keep-alive');
  }
  raw.send(text('/healthz', 'Connection: close\r\n'));
  assert.equal((await raw.answer(21)).headers.connection, 'close');
  await raw.ended();
});

it('requests in a pipeline are answered in their order', async () => {
  const raw = await HttpRaw.connect(node.admin);
  const paths = Array.from({ length: 300 }, (_, n) => (n % 3 === 0 ? '/nothing' : '/healthz'));
  raw.send(paths.map((path) => text(path)).join(''));
  await raw.answer(paths.length);
  assert.deepEqual(raw.answers.map(({ status }) => status), paths.map((path) => (path === '/nothing' ? 404 : 200)));
  raw.destroy();
});

it('a request may come in single bytes', async () => {
  const raw = await HttpRaw.connect(guarded.admin);
  for (const byte of `\r\n${text('/healthz')}`) raw.send(byte);
  assert.equal((await raw.answer()).status, 200);
  raw.destroy();
});

it('HEAD is answered without a body', async () => {
  const raw = await HttpRaw.connect(node.admin);
  let all = '';
  raw.socket.on('data', (bytes) => { all += bytes; });
  raw.send(text('/healthz').replace('GET', 'HEAD'));
  raw.send(text('/healthz', 'Connection: close\r\n'));
  await raw.ended();
  const [head, body] = all.split('HTTP/1.1 200 OK\r\n').slice(1);
  assert.match(head, /^Content-Length: 3\r\n[^]*\r\n\r\n$/m);
  assert.match(body, /\r\n\r\nok\n$/);
});

it('who waits for 100 Continue gets it', async () => {
  const raw = await HttpRaw.connect(node.admin);
  raw.send(post(2, 'Expect: 100-continue\r\n'));
  assert.equal((await raw.answer(1)).status, 100);
  raw.send('{}');
  assert.ok((await raw.answer(2)).status >= 400);
  raw.destroy();
});

it('a body over the limit is refused with 413 before it has come, and the connection ends', async () => {
  const raw = await HttpRaw.connect(guarded.admin);
  raw.send(post(10_000_000));
  for (let n = 0; n < 50; n++) raw.send(Buffer.alloc(10_000));
  assert.equal((await raw.answer()).status, 413);
  await raw.ended();
});

it('a body is not waited for that nothing would become of, and the connection ends', async () => {
  const bodies = [
    [guarded, post(60_000), 401],
    [guarded, post(60_000, `Authorization: Bearer ${READER}\r\n`), 403],
    [guarded, post(60_000, 'Expect: 100-continue\r\n'), 401],
    [guarded, post(60_000).replace('/publish', '/nothing').replace('\r\n\r\n', `\r\nAuthorization: Bearer ${READER}\r\n\r\n`), 404],
    [guarded, post(60_000).replace('application/json', 'text/plain'), 415],
    [node, post(60_000, 'Origin: http://elsewhere.example\r\n'), 403],
    [node, post(60_000).replace('localhost', 'elsewhere.example'), 403],
    [node, text('/healthz', 'Content-Length: 100\r\n'), 200],
  ];
  for (const [at, head, status] of bodies) {
    const raw = await HttpRaw.connect(at.admin);
    raw.send(head);
    const answer = await raw.answer();
    assert.deepEqual([answer.status, answer.headers.connection], [status, 'close'], head);
    raw.send(text('/healthz')); // what comes where the body should be is no request
    await raw.ended();
    assert.equal(raw.answers.length, 1);
  }
});

it('a pipeline that is longer than any body is answered whole', async () => {
  const raw = await HttpRaw.connect(guarded.admin);
  const N_REQUESTS = 5000;
  raw.send(text('/healthz', `A: ${'a'.repeat(200)}\r\n`).repeat(N_REQUESTS));
  raw.send(text('/nothing', 'Connection: close\r\n'));
  await raw.ended();
  assert.equal(raw.answers.length, N_REQUESTS + 1);
  assert.equal(raw.answers.at(-1).status, 404);
});

const AMBIGUOUS = [
  ['no Host', 'GET /healthz HTTP/1.1\r\n\r\n', 400],
  ['two Hosts', text('/healthz', 'Host: other\r\n'), 400],
  ['two lengths', post(2, 'Content-Length: 3\r\n'), 400],
  ['a length that is no number', post('+2'), 400],
  ['a length and a coding', post(2, 'Transfer-Encoding: chunked\r\n'), 400],
  ['a coding', text('/healthz', 'Transfer-Encoding: chunked\r\n'), 411],
  ['a folded line', text('/healthz', 'A: b\r\n c\r\n'), 400],
  ['a space before the colon', text('/healthz', 'Host : x\r\n'), 400],
  ['a bare line feed', 'GET /healthz HTTP/1.1\nHost: x\n\r\n\r\n', 400],
  ['a NUL in the path', text('/a%00b'), 400],
  ['an absolute target', text('http://localhost/healthz'), 400],
  ['another version', text('/healthz').replace('1.1', '2.0'), 505],
  ['an expectation', text('/healthz', 'Expect: wonders\r\n'), 417],
  ['a head without end', `GET / HTTP/1.1\r\n${'A: b\r\n'.repeat(4000)}`, 431],
];
for (const [what, bytes, status] of AMBIGUOUS)
  it(`a request with ${what} is refused with ${status}, and the connection ends`, async () => {
    const raw = await HttpRaw.connect(node.admin);
    raw.send(bytes);
    const answer = await raw.answer();
    assert.equal(answer.status, status);
    assert.equal(JSON.parse(answer.body).status, status);
    await raw.ended();
  });

it('lines of the log that were held back are told behind their second, though nothing else happens', async () => {
  const quiet = await scene.barker(['--log-sample', '1', '--auth-look', '1h', '--tls-look', '1h']);
  for (let n = 0; n < 5; n++) {
    quiet.child.kill('SIGHUP');
    await sleep(50);
  }
  const { line } = await quiet.nextEvent('repeated', 0, 5000);
  assert.match(line, /of=configuration_loaded n=[1-4]$/);
});

it('who sends a request too slowly is hung up on', async () => {
  const heads = [text('/healthz').slice(0, -2), post(100)];
  await Promise.all(heads.map(async (head) => {
    const raw = await HttpRaw.connect(node.admin);
    const begun = Date.now();
    raw.send(head);
    const dribble = setInterval(() => raw.send('x'), 50);
    await raw.ended(TIMEOUT_MS + TICK_MS + SLACK_MS);
    clearInterval(dribble);
    assert.ok(Date.now() - begun >= TIMEOUT_MS - TICK_MS, 'not before its time');
    assert.deepEqual(raw.answers, []);
  }));
});

it('who says nothing at all is hung up on', async () => {
  const raw = await HttpRaw.connect(node.admin);
  await raw.ended(TIMEOUT_MS + TICK_MS + SLACK_MS);
});

it('who does not read the answers is hung up on', async () => {
  const raw = await HttpRaw.connect(node.admin);
  raw.socket.pause();
  raw.send(text('/metrics').repeat(100_000));
  await sleep(TIMEOUT_MS + TICK_MS + SLACK_MS);
  raw.socket.resume();
  await raw.ended();
  assert.ok(raw.answers.length < 100_000, `${raw.answers.length} answers`);
});

it('a crowd of connections keeps nobody out for longer than the time for a request', async () => {
  const crowd = await Promise.all(Array.from({ length: 300 }, () => HttpRaw.connect(node.admin)));
  await until(() => crowd.filter(({ isEnded }) => isEnded).length === 300, 'all have been hung up on');
  assert.equal((await get(node.adminUrl('/healthz'))).status, 200);
});

it('metrics need a key of their scope', async () => {
  const url = guarded.adminUrl('/metrics');
  const unknown = await get(url);
  assert.match(unknown.headers.get('www-authenticate'), /^Bearer/);
  await assertProblem(unknown, 401);
  await assertProblem(await get(url, bearer('no-such-key-at-all')), 401);
  await assertProblem(await get(url, { Authorization: `Basic ${TOKEN}` }), 401);
  await assertProblem(await get(url, bearer(READER)), 403);
  for (const secret of [SCRAPER, TOKEN]) {
    const answer = await get(url, bearer(secret));
    assert.equal(answer.status, 200);
    assert.match(answer.headers.get('content-type'), /^text\/plain; version=0.0.4/);
    assert.match(await answer.text(), /^barker_healthy 1$/m);
  }
});

it('on loopback without a token whoever shows nothing may do all, and who shows a wrong key nothing', async () => {
  assert.equal((await get(node.adminUrl('/metrics'))).status, 200);
  await assertProblem(await get(node.adminUrl('/metrics'), bearer('no-such-key-at-all')), 401);
});

it('without a token a name of somebody else is refused: DNS rebinding', async () => {
  const { port } = node.admin;
  const status = async (host, at = node) =>
    (await ask(at.admin, `GET /metrics HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)).status;
  for (const host of [`localhost:${port}`, 'LOCALHOST', `127.0.0.1:${port}`, '127.8.9.1', `[::1]:${port}`, ''])
    assert.equal(await status(host), 200, host);
  for (const host of ['evil.example', `evil.example:${port}`, '127.0.0.1.evil.example', '127.evil.example', 'localhost.evil',
    '10.0.0.1', '[::2]', 'localhost@evil'])
    assert.equal(await status(host), 403, host);
  assert.equal(await status('gateway.example', guarded), 401, 'where there is a token, any name may stand');
  assert.equal((await ask(node.admin, 'GET /readyz HTTP/1.1\r\nHost: any.example\r\n\r\n')).status, 200);
});

it('what a page of another origin asks is refused', async () => {
  const own = `http://localhost:${node.admin.port}`;
  const status = async (origin) => (await ask(node.admin,
    `GET /metrics HTTP/1.1\r\nHost: localhost:${node.admin.port}\r\nOrigin: ${origin}\r\nConnection: close\r\n\r\n`)).status;
  assert.equal(await status(own), 200);
  for (const origin of ['http://evil.example', 'http://localhost', 'null', `${own}.evil.example`])
    assert.equal(await status(origin), 403, origin);
});

it('a POST that a form could send is refused', async () => {
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/jsonp'])
    await assertProblem(await fetch(node.adminUrl('/api/v1/publish'), {
      method: 'POST', body: '{}', headers: { 'Content-Type': type },
    }), 415);
});

it('beyond loopback it does not start without a token, nor with a short one', async () => {
  const start = (...flags) => barker(['run', '--access-subscribe', 'anyone', '--listen-address', '127.0.0.1:0', '--embedded-address',
    '', ...flags]);
  for (const address of [':0', '0.0.0.0:0', '[::]:0', '192.0.2.1:9080']) {
    const { code, errors } = await start('--admin-address', address);
    assert.equal(code, 78);
    assert.match(errors, /admin\.address.*beyond loopback.*admin\.token/);
  }
  const short = await start('--admin-address', '127.0.0.1:0', '--admin-token', 'short');
  assert.equal(short.code, 78);
  assert.match(short.errors, /admin\.token.*16 characters/);
  const bad = await start('--admin-address', '127.0.0.1:0', '--api-keys', 'read:short-secret');
  assert.equal(bad.code, 78);
  assert.match(bad.errors, /api\.keys: a secret has at least 16 characters/);
  assert.doesNotMatch(bad.errors, /short-secret/);
});

it('an address that is taken is named', async () => {
  const { code, errors } = await barker(['run', '--access-subscribe', 'anyone', '--listen-address', '127.0.0.1:0',
    '--embedded-address', '', '--admin-address', `127.0.0.1:${node.admin.port}`]);
  assert.equal(code, 69);
  assert.match(errors, new RegExp(`event=cannot_listen kind=admin address=127.0.0.1:${node.admin.port}`));
});

it('it listens at a unix socket, which is removed at the end', async () => {
  const path = join(scene.folder, 'admin.sock');
  const local = await scene.barker(['--admin-address', `unix:${path}`]);
  const status = await new Promise((resolve, reject) => {
    request({ socketPath: path, path: '/metrics' }, (answer) => resolve(answer.resume().statusCode)).on('error', reject).end();
  });
  assert.equal(status, 200);
  await local.stop();
  assert.equal(existsSync(path), false);
});

it('a node that Redis does not let hear control commands says so once, serves on, and hears them once it may', async () => {
  const canaries = '&barker/canary/*';
  await redis.cli('ACL', 'SETUSER', 'deaf', 'on', '>secret', '~*', 'resetchannels', '&barker:*', canaries, '+@all');
  const url = `redis://deaf:secret@127.0.0.1:${redis.port}`;
  const deaf = await scene.barker(['--redis-url', url]);
  await deaf.nextEvent('control_unheard', 0);
  await sleep(2500);
  assert.equal(deaf.events('control_unheard').length, 1);
  assert.equal((await get(deaf.adminUrl('/readyz'))).status, 200);
  await redis.cli('ACL', 'SETUSER', 'deaf', '&barker/*');
  await deaf.nextEvent('control_heard', 0);
  const client = await scene.connectV1(deaf.url('/ws'));
  const { connection } = client.welcome;
  await redis.cli('PUBLISH', 'barker/control', JSON.stringify({ type: 'disconnect', connection }));
  assert.equal((await client.end()).code, 4403);
  await redis.cli('PUBLISH', 'barker/control', 'no JSON');
  const { line } = await deaf.nextEvent('bad_control', 0);
  assert.doesNotMatch(line, /no JSON/);
});

it('it ends promptly, also with connections that wait', async () => {
  const last = await scene.barker([]);
  const raw = await HttpRaw.connect(last.admin);
  raw.send(text('/healthz'));
  await raw.answer();
  const begun = Date.now();
  await last.stop();
  assert.ok(Date.now() - begun < 3000);
  assert.equal(raw.isEnded, true);
});

it('a request that is under way when the node ends is answered', async () => {
  const own = await scene.redis();
  const going = await scene.barker(['--redis-url', own.url, '--api-timeout', '1m', '--namespace-slow-history', '10']);
  await until(async () => (await get(going.adminUrl('/readyz'))).ok, 'readiness');
  own.pause();
  const raw = await HttpRaw.connect(going.admin);
  const body = JSON.stringify({ channel: 'slow:a', data: 1 });
  raw.send(post(body.length) + body);
  await sleep(300);
  assert.equal(raw.answers.length, 0);
  const end = going.stop();
  const answer = await raw.answer();
  assert.ok([503, 504].includes(answer.status), answer.body);
  await raw.ended();
  own.resume();
  await end;
});

scene.endsClean();
