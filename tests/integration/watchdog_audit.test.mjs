// A fault injected inside: the library never reports the close of every third connection. The audit finds what was lost.
// Only a build with -Dfault_injection=true can do that.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { binary } from './lib/barker.mjs';
import { Deadlines, descriptors, descriptorsBackTo, judge, printTable } from './lib/hostile.mjs';
import { Peer, nowMs } from './lib/hostile_peer.mjs';
import { CLOSE, closeBody } from './lib/raw_socket.mjs';
import { Scene, it } from './lib/scene.mjs';
import { until } from './lib/wait.mjs';

const FAULT = 'BARKER_FAULT_LOST_CLOSE';
const EVERY = 3; // of the connections, one end is not reported
const LIMIT = 60; // connections
const N_LOST = LIMIT / EVERY;
const deadlines = new Deadlines({ ping: 60_000, pong: 10_000 }); // the audit has to be the first to know
const canFail = readFileSync(binary()).includes(FAULT);
const options = { skip: canFail ? false : 'built without fault_injection' };
const scene = new Scene();

const startNode = (extra = []) => scene.barker([...deadlines.flags(), '--listen-workers', '1', ...extra], {
  variables: { [FAULT]: String(EVERY) }, isFaulty: true,
});
const openAll = async (node, n) => {
  const peers = [];
  for (let index = 0; index < n; index++) peers.push(await Peer.open(node.address, '/raw/quiet'));
  return peers;
};
// A connection that is never given up keeps its place among limits.connections: how soon all places can be had again tells
// from outside when the last session was freed.
async function allPlacesFree(node) {
  const peers = [];
  await until(async () => {
    const peer = await Peer.open(node.address, '/raw/quiet').catch(() => null);
    if (peer) peers.push(peer);
    return peers.length === LIMIT;
  }, `${LIMIT} connections again`, 20_000, 1);
  return { peers, atMs: nowMs() };
}

// One that is CLOSING has its linger deadline too; whichever comes first finds it.
for (const [what, bound, leave] of [
  ['reset', 'audit', (peer) => peer.reset()],
  ['ended by a close frame', 'linger', (peer) => peer.send(CLOSE, closeBody(1000))],
]) {
  it(`connections ${what} whose end was never reported are freed within the ${bound} bound`, async () => {
    const node = await startNode(['--limits-connections', String(LIMIT)]);
    const { pid } = node.child.process;
    const nAtStart = descriptors(pid);
    const lost = await openAll(node, LIMIT);
    const sinceMs = nowMs();
    for (const peer of lost) leave(peer);
    await descriptorsBackTo(pid, nAtStart, 5000);
    const { peers, atMs } = await allPlacesFree(node);
    const held = descriptors(pid) - nAtStart;
    for (const peer of [...lost, ...peers]) peer.reset();
    await descriptorsBackTo(pid, nAtStart, 5000);
    assert.equal(held, LIMIT);
    judge(`the end of every third connection, ${what}, is never reported`, deadlines.bound(bound), atMs - sinceMs, N_LOST);
    await delay(deadlines.bound('audit') + 500); // for those that came afterwards
    await node.stop();
    const causes = node.causes();
    const found = ['audit_unreported', 'linger_timeout'].map((name) => causes[name]?.terminated ?? 0);
    assert.equal(found[0] + found[1], 2 * N_LOST, JSON.stringify(causes));
    assert.ok(found[0] >= N_LOST, JSON.stringify(causes));
    assert.equal(found[1] > 0, bound === 'linger', JSON.stringify(causes));
    const audits = Object.keys(causes).filter((name) => name.startsWith('audit_'));
    assert.deepEqual(audits, ['audit_unreported']);
  }, options);
}

it('a node with lost connections still ends within its linger bound', async () => {
  const node = await startNode();
  const { pid } = node.child.process;
  const nAtStart = descriptors(pid);
  for (const peer of await openAll(node, LIMIT)) peer.reset();
  await descriptorsBackTo(pid, nAtStart, 5000);
  const sinceMs = nowMs();
  await node.stop();
  judge('the process ends with connections whose end was never reported', deadlines.bound('linger'), nowMs() - sinceMs, N_LOST);
}, options);

it('the table of all cases', () => printTable());

scene.endsClean();
