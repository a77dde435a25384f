// What the process gives up, and how the binary is built.
import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { binary } from './lib/barker.mjs';
import { makeCertificates } from './lib/certificates.mjs';
import { Child, run } from './lib/child.mjs';
import { environment } from './lib/barker.mjs';
import { Scene, it } from './lib/scene.mjs';
import { until } from './lib/wait.mjs';

const EX_OSERR = 71;
const scene = new Scene();
const isRoot = process.getuid() === 0;
const status = (node) => readFileSync(`/proc/${node.child.process.pid}/status`, 'utf8');

it('no program that it starts can gain privileges, in any thread', async () => {
  const node = await scene.barker(['--listen-workers', '2']);
  assert.match(status(node), /^NoNewPrivs:\t1$/m);
});

it('root becomes the user of process.user, for good', async () => {
  const node = await scene.barker(['--process-user', 'nobody']);
  const { out } = await run('id', ['-u', 'nobody']);
  const user = out.trim();
  assert.match(status(node), new RegExp(`^Uid:\\t${user}\\t${user}\\t${user}\\t${user}$`, 'm'));
  assert.doesNotMatch(status(node), /^Groups:.*\b0\b/m);
  assert.match(status(node), /^CapEff:\t0+$/m);
  const client = await scene.connectV1(node.url('/ws'));
  assert.equal((await client.ask({ type: 'ping' })).type, 'ok');
}, { skip: isRoot ? false : 'only root can become another user' });

const threads = (node) => {
  const tasks = `/proc/${node.child.process.pid}/task`;
  return readdirSync(tasks).map((task) => readFileSync(`${tasks}/${task}/status`, 'utf8'));
};

it('with process.seccomp every thread is shut in, and does all that it did without', async () => {
  const redis = await scene.redis();
  const first = await makeCertificates(scene.folder, 'first'), second = await makeCertificates(scene.folder, 'second');
  const files = { certificate: join(scene.folder, 'served.crt'), key: join(scene.folder, 'served.key') };
  const serve = (made) => Object.keys(files).forEach((name) => copyFileSync(made[name], files[name]));
  serve(first);
  const node = await scene.barker(['--process-seccomp', 'yes', '--redis-url', redis.url.replace('127.0.0.1', 'localhost'),
    '--listen-workers', '2', '--listen-address', `unix:${join(scene.folder, 'here.sock')}`, '--listen-tls-address', '127.0.0.1:0',
    '--tls-certificate', files.certificate, '--tls-key', files.key, '--tls-look', '1h', '--access-publish', 'anyone',
    '--access-identity', 'anyone', '--namespace-chat-history', '10', '--namespace-chat-presence', 'yes']);
  assert.equal(node.events('sandboxed').length, 1);
  for (const thread of threads(node)) assert.match(thread, /^Seccomp:\t2$/m);
  const converse = async (url, ca) => {
    const client = await scene.connectV1(url, { ca: ca && readFileSync(ca) });
    assert.equal((await client.ask({ type: 'subscribe', channel: 'chat:1' })).type, 'ok');
    assert.equal((await client.ask({ type: 'publish', channel: 'chat:1', data: { n: 1 } })).type, 'ok');
    await until(() => client.messages.values.some(({ text }) => JSON.parse(text).type === 'message'), 'the message');
    assert.ok((await client.ask({ type: 'history', channel: 'chat:1', limit: 5 })).messages.length > 0);
    await until(async () => (await client.ask({ type: 'presence', channel: 'chat:1' })).members.length > 0, 'the member');
    client.close(1000);
    await client.end();
  };
  const secure = () => node.url('/ws?user=ada', node.secure, 'wss').replace('127.0.0.1', 'localhost');
  await converse(node.url('/ws?user=ada'));
  await converse(secure(), first.ca);
  serve(second);
  node.child.kill('SIGHUP');
  await until(() => converse(secure(), second.ca).then(() => true, () => false), 'the new certificate');
  const nUp = node.events('broker_up').length;
  await redis.kill();
  await redis.restart();
  await node.nextEvent('broker_up', nUp);
  await converse(node.url('/ws?user=ada'));
  await node.stop();
});

it('a user that does not exist keeps the node from starting', async () => {
  const args = ['run', '--listen-address', '127.0.0.1:0', '--embedded-address', '', '--admin-address', '',
    '--access-subscribe', 'anyone', '--process-user', 'nobody-of-that-name'];
  const child = new Child(binary(), args, { env: environment() });
  const { code } = await child.ended;
  assert.equal(code, EX_OSERR);
  assert.match(child.errors.join('\n'), /there is no such user/);
});

it('the binary is position-independent, with relocations read-only, no executable stack and guarded frames', async () => {
  const { out } = await run('readelf', ['-W', '-h', '-l', '-d', '--dyn-syms', binary()]);
  assert.match(out, /Type:\s+DYN/);
  assert.match(out, /GNU_RELRO/);
  assert.match(out, /BIND_NOW|FLAGS_1.*NOW/);
  assert.match(out, /GNU_STACK(\s+0x[0-9a-f]+)+\s+RW\s/);
  assert.match(out, /__stack_chk_fail/);
});

scene.endsClean();
