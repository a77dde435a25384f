// What the process gives up, and how the binary is built.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { binary } from './lib/barker.mjs';
import { Child, run } from './lib/child.mjs';
import { environment } from './lib/barker.mjs';
import { Scene, it } from './lib/scene.mjs';

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

it('a user that does not exist keeps the node from starting', async () => {
  const args = ['run', '--listen-address', '127.0.0.1:0', '--embedded-address', '', '--access-subscribe', 'anyone',
    '--process-user', 'nobody-of-that-name'];
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
