// What a connection costs does not grow with the number of others that are idle.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { descriptorLimit, descriptors, descriptorsBackTo, startPeers } from './lib/hostile.mjs';
import { Peer } from './lib/hostile_peer.mjs';
import { Scene, it } from './lib/scene.mjs';

const N_IDLE = 8000, N_CHURNED = 2000, AT_ONCE = 32;
const MOST = 2; // times the cost without idle connections; what grows with their number would be far above
const SPARE_DESCRIPTORS = 400;
const scene = new Scene();
const enough = descriptorLimit() >= N_IDLE + SPARE_DESCRIPTORS;
const options = { timeout: 120_000, skip: enough ? false : `only ${descriptorLimit()} descriptors a process` };

// proc(5): user and system time in ticks of 10 ms; the name in parentheses may hold anything.
function cpuMs(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

// The server's CPU time for opening and ending N_CHURNED connections.
async function churn(node) {
  const { pid } = node.child.process;
  const nBefore = descriptors(pid);
  const fromMs = cpuMs(pid);
  let n = 0;
  const worker = async () => {
    while (n++ < N_CHURNED) (await Peer.open(node.address, '/raw/quiet')).reset();
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  await descriptorsBackTo(pid, nBefore, 5000);
  return cpuMs(pid) - fromMs;
}

it(`a connection costs as much beside ${N_IDLE} idle ones as beside none`, async () => {
  const node = await scene.barker(['--listen-workers', '1', '--watchdog-ping', '10m', '--watchdog-audit', '30s']);
  await churn(node); // what the first connections allocate is not counted
  const aloneMs = await churn(node);
  const idle = await startPeers(node.address, { path: '/raw/quiet', n: N_IDLE });
  try {
    const besideMs = await churn(node);
    console.log(`CPU of ${N_CHURNED} connections: ${aloneMs} ms alone, ${besideMs} ms beside ${N_IDLE} idle ones`);
    assert.ok(besideMs <= MOST * aloneMs, `${besideMs} ms instead of ${aloneMs} ms`);
  } finally {
    await idle.stop('SIGKILL');
  }
}, options);

it(`ticks beside ${N_IDLE} idle connections cost next to nothing`, async () => {
  const node = await scene.barker(['--listen-workers', '1', '--watchdog-ping', '10m', '--watchdog-audit', '30s']);
  const { pid } = node.child.process;
  const idle = await startPeers(node.address, { path: '/raw/quiet', n: N_IDLE });
  try {
    const fromMs = cpuMs(pid), fromAt = performance.now();
    await new Promise((resolve) => setTimeout(resolve, 3000));
    const share = (cpuMs(pid) - fromMs) / (performance.now() - fromAt);
    console.log(`CPU beside ${N_IDLE} idle connections: ${(100 * share).toFixed(1)} % of a core`);
    assert.ok(share < 0.1, `${(100 * share).toFixed(1)} % of a core`);
  } finally {
    await idle.stop('SIGKILL');
  }
}, options);

scene.endsClean();
