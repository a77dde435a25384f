// A peer that vanishes behind a dropped link: nobody tells the server, so only its own deadlines find it. The link is a pair
// of interfaces of this test's own, its far end in a network namespace of this test's own.
import assert from 'node:assert/strict';
import { Deadlines, descriptors, descriptorsBackTo, endings, judge, printTable, startPeers } from './lib/hostile.mjs';
import { nowMs } from './lib/hostile_peer.mjs';
import { Link } from './lib/link.mjs';
import { Scene, it } from './lib/scene.mjs';
import { until } from './lib/wait.mjs';

const deadlines = new Deadlines();
const scene = new Scene();
const link = await Link.build();
const options = link.fault ? { skip: link.fault } : {};

// Cuts the link, and gives the milliseconds until the node has as many descriptors as before its peers came.
async function cutAndTime(node, nAtStart) {
  const sinceMs = nowMs();
  await link.set('down');
  return (await descriptorsBackTo(node.child.process.pid, nAtStart, 20_000)) - sinceMs;
}

async function withPeers(plan, run) {
  const node = await scene.barker([
    ...deadlines.flags(), '--listen-address', `${link.nearAddress}:0`, '--access-publish', 'anyone', '--outbox-limit', '64MiB',
  ]);
  const publisher = scene.ioredis(node.embedded.port);
  await publisher.ping();
  const nAtStart = descriptors(node.child.process.pid);
  await link.set('up');
  const child = await startPeers(node.address, plan, link.within);
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
