// No hostile peer outlives its published bound, and its descriptor is given back. One node for each case, so that its causes
// can be counted.
import assert from 'node:assert/strict';
import {
  Deadlines, Watcher, descriptors, descriptorsBackTo, endings, flood, judge, printTable, startPeers,
} from './lib/hostile.mjs';
import { CASES, prepareCase, turnCase } from './lib/hostile_cases.mjs';
import { nowMs } from './lib/hostile_peer.mjs';
import { Scene, it } from './lib/scene.mjs';
import { until } from './lib/wait.mjs';

const N = 8; // peers of each case
const scene = new Scene();

const startNode = (deadlines, limit = '64MiB') => scene.barker([
  ...deadlines.flags(), '--access-publish', 'anyone', '--outbox-limit', limit, '--listen-workers', '2',
]);

async function subscribed(publisher, peers) {
  await until(async () => {
    await publisher.publish('barker:flood', 'probe');
    return peers.every(({ nMessages }) => nMessages > 0);
  }, 'every peer to hear the channel', undefined, 20);
}

// Counts of the causes as they must stand at the node's end. isEither: one or the other of the causes, for each peer.
function assertEndings(node, { ends, isEither }) {
  const found = endings(node);
  const wanted = Object.entries(ends).map(([cause, how]) => `${cause} ${how}`);
  for (const name of Object.keys(found)) assert.ok(wanted.includes(name), `${name}: ${JSON.stringify(found)}`);
  if (isEither) assert.ok(Object.values(found).reduce((sum, n) => sum + n, 0) >= N, JSON.stringify(found));
  else for (const name of wanted) assert.equal(found[name], N, JSON.stringify(found));
}

async function longestStall(watcher, peers) {
  await watcher.released(peers, 5000);
  return Math.max(...peers.map((peer) => peer.endMs - watcher.stalledMs(peer)));
}

for (const [name, theCase] of Object.entries(CASES)) {
  it(`a peer that ${name} is gone within its bound`, async () => {
    const deadlines = new Deadlines(theCase.deadlines);
    const node = await startNode(deadlines, theCase.limit);
    const { pid } = node.child.process;
    const publisher = theCase.isFlooded ? scene.ioredis(node.embedded.port) : null;
    await publisher?.ping();
    const nAtStart = descriptors(pid);
    const boundMs = deadlines.bound(theCase.bound);
    const watcher = new Watcher(node.address.port);
    let peers = await Promise.all(Array.from({ length: N }, () => prepareCase(theCase, node.address)));
    try {
      if (publisher) await subscribed(publisher, peers);
      const accepted = () => until(() => descriptors(pid) === nAtStart + N, 'every peer to be accepted', undefined, 1);
      if (theCase.prepare) await accepted();
      const turned = Promise.all(peers.map((peer) => turnCase(theCase, peer, node.address)));
      if (!theCase.prepare) await accepted();
      if (publisher) await flood(publisher);
      peers = await turned;
      const backMs = await descriptorsBackTo(pid, nAtStart, boundMs + 10_000);
      await node.stop();
      assertEndings(node, theCase);
      const isStall = theCase.bound === 'stall';
      const sinceMs = Math.min(...peers.map((peer) => peer.sinceMs));
      judge(name, boundMs, isStall ? await longestStall(watcher, peers) : backMs - sinceMs, N);
    } finally {
      watcher.stop();
      for (const peer of peers) peer?.reset();
    }
  });
}

for (const [name, isFlooded] of [['is stopped by SIGSTOP', false], ['is stopped by SIGSTOP under fan-out', true]]) {
  it(`a client that ${name} is gone within its bound`, async () => {
    const deadlines = new Deadlines();
    const node = await startNode(deadlines);
    const { pid } = node.child.process;
    const publisher = scene.ioredis(node.embedded.port);
    await publisher.ping();
    const nAtStart = descriptors(pid);
    const watcher = new Watcher(node.address.port);
    const child = await startPeers(node.address, { path: '/raw/flood', n: N });
    try {
      await until(async () => {
        await publisher.publish('barker:flood', 'probe');
        return child.out.includes('heard');
      }, 'every peer to hear the channel', undefined, 20);
      assert.equal(descriptors(pid), nAtStart + N);
      const sinceMs = nowMs();
      child.kill('SIGSTOP');
      if (isFlooded) await flood(publisher);
      const boundMs = deadlines.bound(isFlooded ? 'stall' : 'silence');
      const backMs = await descriptorsBackTo(pid, nAtStart, boundMs + 10_000);
      await node.stop();
      const ends = { ...(isFlooded && { stalled: 'terminated' }), pong_timeout: 'terminated' };
      assertEndings(node, { ends, isEither: isFlooded });
      const peers = child.ports.map((port) => ({ port, sinceMs }));
      judge(name, boundMs, isFlooded ? await longestStall(watcher, peers) : backMs - sinceMs, N);
    } finally {
      watcher.stop();
      await child.stop('SIGKILL');
    }
  });
}

it('the table of all cases', () => printTable());

scene.endsClean();
