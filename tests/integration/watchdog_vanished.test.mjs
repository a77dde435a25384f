// A peer that vanishes behind a dropped link: nobody tells the server, so only its own deadlines find it. The link is a pair
// of interfaces of this test's own, its far end in a network namespace of this test's own.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { run } from './lib/child.mjs';
import { Deadlines, descriptors, descriptorsBackTo, endings, judge, printTable, startPeers } from './lib/hostile.mjs';
import { nowMs } from './lib/hostile_peer.mjs';
import { Scene, it } from './lib/scene.mjs';
import { until } from './lib/wait.mjs';

const NEAR = '198.18.77.1', FAR = '198.18.77.2'; // of the block that RFC 2544 keeps for tests
const name = `barker${process.pid}`;
const near = `bn${process.pid}`, far = `bf${process.pid}`;
const deadlines = new Deadlines();
const scene = new Scene();

async function ip(...args) {
  const { code, errors } = await run('ip', args);
  return code === 0 ? null : `ip ${args.join(' ')}: ${errors || 'not possible here'}`;
}

async function buildLink() {
  if (spawnSync('ip', ['-V']).error) return 'ip, of iproute2, is not installed';
  const steps = [
    ['netns', 'add', name],
    ['link', 'add', near, 'type', 'veth', 'peer', 'name', far],
    ['link', 'set', far, 'netns', name],
    ['addr', 'add', `${NEAR}/30`, 'dev', near],
    ['link', 'set', near, 'up'],
    ['-n', name, 'addr', 'add', `${FAR}/30`, 'dev', far],
    ['-n', name, 'link', 'set', far, 'up'],
  ];
  for (const step of steps) {
    const fault = await ip(...step);
    if (fault) return fault;
  }
  return null;
}

// To be called again and again, and when the process ends before its time.
function removeLink() {
  for (const args of [['link', 'del', near], ['netns', 'del', name]]) spawnSync('ip', args, { stdio: 'ignore' });
}

process.on('exit', removeLink);
const fault = await buildLink();
if (fault) removeLink();
const options = fault ? { skip: fault.replaceAll('\n', ' ') } : {};

// Cuts the link, and gives the milliseconds until the node has as many descriptors as before its peers came.
async function cutAndTime(node, nAtStart) {
  const sinceMs = nowMs();
  assert.equal(await ip('-n', name, 'link', 'set', far, 'down'), null);
  return (await descriptorsBackTo(node.child.process.pid, nAtStart, 20_000)) - sinceMs;
}

async function withPeers(plan, run) {
  const node = await scene.barker([
    ...deadlines.flags(), '--listen-address', `${NEAR}:0`, '--access-publish', 'anyone', '--outbox-limit', '64MiB',
  ]);
  const publisher = scene.ioredis(node.embedded.port);
  await publisher.ping();
  const nAtStart = descriptors(node.child.process.pid);
  assert.equal(await ip('-n', name, 'link', 'set', far, 'up'), null);
  const child = await startPeers(node.address, plan, ['ip', 'netns', 'exec', name]);
  try {
    await run(node, nAtStart, child, publisher);
  } finally {
    await child.stop('SIGKILL');
  }
}

const N = 8;

it('idle peers behind a dropped link are gone within the bound of a silent peer', async () => {
  await withPeers({ path: '/raw/quiet', n: N }, async (node, nAtStart) => {
    const ms = await cutAndTime(node, nAtStart);
    await node.stop();
    assert.deepEqual(endings(node), { 'pong_timeout terminated': N });
    judge('vanishes behind a dropped link', deadlines.bound('silence'), ms, N);
  });
}, options);

it('peers that vanish under fan-out are gone within the bound of a silent peer', async () => {
  await withPeers({ path: '/raw/flood', n: N }, async (node, nAtStart, child, publisher) => {
    const publishing = setInterval(() => publisher.publish('barker:flood', 'x'.repeat(4096)), 20);
    try {
      await until(() => child.out.includes('heard'), 'every peer to hear the channel');
      const ms = await cutAndTime(node, nAtStart);
      await node.stop();
      const found = endings(node);
      const n = (found['pong_timeout terminated'] ?? 0) + (found['stalled terminated'] ?? 0);
      assert.equal(n, N, JSON.stringify(found));
      judge('vanishes behind a dropped link under fan-out', deadlines.bound('silence'), ms, N);
    } finally {
      clearInterval(publishing);
    }
  });
}, options);

it('peers that vanish while CLOSING are gone within the linger bound', async () => {
  await withPeers({ cases: ['never answers our close'], n: N }, async (node, nAtStart, child) => {
    await child.turn();
    const ms = await cutAndTime(node, nAtStart);
    await node.stop();
    assert.deepEqual(endings(node), { 'forbidden closed': N, 'linger_timeout terminated': N });
    judge('vanishes behind a dropped link while CLOSING', deadlines.bound('linger'), ms, N);
  });
}, options);

it('the table of all cases', () => printTable());

scene.endsClean();
