// barker status and barker top: a node for a terminal, and for a container's health check.
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { barker, binary, environment } from './lib/barker.mjs';
import { Child } from './lib/child.mjs';
import { freePort } from './lib/redis.mjs';
import { Scene, it } from './lib/scene.mjs';
import { until } from './lib/wait.mjs';

const TOKEN = 'an-admin-token-of-some-length';
const EX_UNAVAILABLE = 69;
const EX_NOPERM = 77;

const scene = new Scene();
const node = await scene.barker(['--node-id', 'gate-1', '--access-publish', 'anyone', '--listen-workers', '2', '--admin-token', TOKEN]);
const isReady = (at) => async () => (await fetch(at.adminUrl('/readyz'))).ok;
await until(isReady(node), 'readiness');
const address = `${node.admin.host}:${node.admin.port}`;
const at = (...more) => ['--admin-address', address, '--admin-token', TOKEN, ...more];
// The value in the line with this label.
const valueOf = (out, label) => out.match(new RegExp(`^${label} +(\\d+)`, 'm'))?.[1];

it('status tells what the node is and how it fares', async () => {
  const client = await scene.connectV1(node.url('/ws'));
  await client.ask({ type: 'subscribe', channel: 'a' });
  const { code, out, errors } = await barker(['status', ...at()]);
  assert.deepEqual({ code, errors }, { code: 0, errors: '' });
  assert.match(out, /^node +gate-1, barker \S+, up \d+ s, 2 workers$/m);
  assert.match(out, /^state +ready$/m);
  assert.match(out, /^broker +embedded, up$/m);
  assert.equal(valueOf(out, 'open'), '1');
  assert.equal(valueOf(out, 'subscriptions'), '1');
  assert.equal(valueOf(out, 'accepted'), '1');
  assert.equal(valueOf(out, 'audit findings'), '0');
  assert.match(out, /^memory +[\d.]+ MiB$/m);
});

it('status tells each server of Redis, and never its password', async () => {
  const redis = await scene.redis(['--requirepass', 'the-password-of-redis']);
  const other = await scene.barker(['--redis-url', `redis://:the-password-of-redis@127.0.0.1:${redis.port}`]);
  await until(isReady(other), 'readiness');
  const { code, out } = await barker(['status', '--admin-address', `${other.admin.host}:${other.admin.port}`]);
  assert.equal(code, 0);
  assert.match(out, new RegExp(`^link +127\\.0\\.0\\.1:${redis.port}, up, canary \\d+ ms, was down 0 times$`, 'm'));
  assert.doesNotMatch(out, /the-password/);
});

it('with --quiet its exit code alone tells', async () => {
  assert.deepEqual(await barker(['status', '--quiet', ...at()]), { code: 0, out: '', errors: '' });
  const nobody = `127.0.0.1:${await freePort()}`;
  assert.deepEqual(await barker(['status', '-q', '--admin-address', nobody]), { code: 1, out: '', errors: '' });
  assert.equal((await barker(['status', '-q', '--admin-address', ''])).code, 1);
});

it('it takes the token from the environment, as in a container', async () => {
  const variables = { BARKER_ADMIN_ADDRESS: address, BARKER_ADMIN_TOKEN: TOKEN };
  assert.equal((await barker(['status'], { variables })).code, 0);
});

it('what is wrong is said, with an exit code of its own', async () => {
  const nobody = `127.0.0.1:${await freePort()}`;
  const unreachable = await barker(['status', '--admin-address', nobody]);
  assert.deepEqual([unreachable.code, unreachable.out], [EX_UNAVAILABLE, '']);
  assert.match(unreachable.errors, new RegExp(`the node at ${nobody}: Connection refused`));
  const unknown = await barker(['status', '--admin-address', address]);
  assert.equal(unknown.code, EX_NOPERM);
  assert.match(unknown.errors, /it wants another admin.token/);
  assert.doesNotMatch(unknown.errors, /an-admin-token/);
});

it('a node that is stopped by SIGSTOP is not healthy, and is not waited for', async () => {
  node.child.kill('SIGSTOP');
  const start = performance.now();
  try {
    assert.equal((await barker(['status', '-q', ...at()])).code, 1);
  } finally {
    node.child.kill('SIGCONT');
  }
  assert.ok(performance.now() - start < 6_000);
});

it('top prints a block each second where nobody looks, with rates', async () => {
  const client = await scene.connectV1(node.url('/ws'));
  await client.ask({ type: 'subscribe', channel: 'b' });
  const top = new Child(binary(), ['top', ...at()], { env: environment() });
  for (let i = 0; i < 300 && !top.out.some((line) => /^deliveries .*[1-9]\d*\/s$/.test(line)); i++) {
    await client.ask({ type: 'publish', channel: 'b', data: i });
    await delay(10);
  }
  await until(() => top.out.filter((line) => line.startsWith('node ')).length >= 3, 'three blocks');
  assert.ok(top.out.some((line) => /^deliveries .*[1-9]\d*\/s$/.test(line)), top.tail());
  assert.ok(!top.out.some((line) => line.includes('\x1b')), 'no escape sequences');
  await top.stop('SIGTERM');
});

// script gives it a terminal.
it('top on a terminal writes over its screen, and q ends it', async () => {
  const quoted = [binary(), 'top', ...at()].map((word) => `'${word}'`).join(' ');
  const top = new Child('script', ['-qec', quoted, '/dev/null'], { env: environment({ TERM: 'xterm' }) });
  await until(() => top.out.filter((line) => /node +gate-1/.test(line)).length >= 2, 'two screens');
  assert.ok(top.out.some((line) => line.includes('\x1b[H')), top.tail());
  top.process.stdin.write('q');
  await until(() => top.exit !== null, 'its end');
  assert.equal(top.exit.code, 0);
  assert.ok(top.out.some((line) => line.includes('\x1b[?25h')), 'the cursor is shown again');
});

it('Ctrl-C ends it likewise', async () => {
  const quoted = [binary(), 'top', ...at()].map((word) => `'${word}'`).join(' ');
  const top = new Child('script', ['-qec', quoted, '/dev/null'], { env: environment({ TERM: 'xterm' }) });
  await until(() => top.out.some((line) => /node +gate-1/.test(line)), 'a screen');
  top.process.stdin.write('\x03');
  await until(() => top.exit !== null, 'its end');
  assert.equal(top.exit.code, 0);
});

it('top ends with the node', async () => {
  const top = new Child(binary(), ['top', ...at()], { env: environment() });
  await until(() => top.out.some((line) => line.startsWith('node ')), 'a block');
  scene.closeClients();
  await node.stop();
  await until(() => top.exit !== null, 'its end');
  assert.equal(top.exit.code, EX_UNAVAILABLE);
});

scene.endsClean();
