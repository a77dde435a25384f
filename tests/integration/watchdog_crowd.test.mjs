// Two thousand hostile peers of every kind at once, while two thousand good clients get every message in order.
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import {
  Deadlines, Watcher, descriptorLimit, descriptors, descriptorsBackTo, flood, judge, printTable, startPeers,
} from './lib/hostile.mjs';
import { CASES } from './lib/hostile_cases.mjs';
import { nowMs } from './lib/hostile_peer.mjs';
import { Scene, it } from './lib/scene.mjs';
import { until } from './lib/wait.mjs';

const N_GOOD = 2000, N_STOPPED = 200, N_HOSTILE = 1800; // half of each in a process of its own, but for the stopped ones
const EVERY_MS = 100; // a message to each good client
const ALLOWANCE_MS = 2500; // one machine plays both sides
const SPARE_DESCRIPTORS = 600;
const deadlines = new Deadlines({
  handshake: 2000, ping: 2000, pong: 1000, 'pong-grace': 500, linger: 1000, stall: 1500, audit: 2000,
});
const names = Object.keys(CASES).filter((name) => !CASES[name].limit);
const scene = new Scene();
const enough = descriptorLimit() >= N_GOOD + N_STOPPED + N_HOSTILE + SPARE_DESCRIPTORS;
const options = { timeout: 120_000, skip: enough ? false : `only ${descriptorLimit()} descriptors a process` };

async function everyoneHears(publisher, children) {
  await until(async () => {
    for (const channel of ['good', 'flood']) await publisher.publish(`barker:${channel}`, 'probe');
    return children.every(({ out }) => out.includes('heard'));
  }, 'every peer to hear its channel', 30_000, 200);
}

// Numbers to the good clients until stopped: stop() gives the last one.
function publishNumbers(publisher) {
  let number = 0;
  const timer = setInterval(() => publisher.publish('barker:good', String(number++)), EVERY_MS);
  timer.unref(); // a test that failed does not stop it
  return async () => {
    clearInterval(timer);
    await publisher.ping();
    return number - 1;
  };
}

function judgeEach(peers, watcher) {
  for (const name of new Set(peers.map((peer) => peer.name))) {
    const list = peers.filter((peer) => peer.name === name);
    const bound = CASES[name]?.bound ?? 'silence';
    const took = list.map((peer) => peer.endMs - (bound === 'stall' ? watcher.stalledMs(peer) : peer.sinceMs));
    judge(`in the crowd: ${name}`, deadlines.bound(bound), Math.max(...took), list.length, ALLOWANCE_MS);
  }
}

async function startAll(address) {
  const starts = [
    ...[0, 1].map(() => startPeers(address, { path: '/raw/good', n: N_GOOD / 2 })),
    ...[0, 1].map(() => startPeers(address, { cases: names, n: N_HOSTILE / 2 })),
    startPeers(address, { path: '/raw/quiet', n: N_STOPPED }),
  ];
  const children = await Promise.all(starts);
  return { good: children.slice(0, 2), hostile: children.slice(2, 4), stopped: children[4] };
}

// All of them at once; gives {name, port, sinceMs} of each.
async function turnAll({ hostile, stopped }, publisher) {
  const sinceMs = nowMs();
  stopped.kill('SIGSTOP');
  const turning = hostile.map((child) => child.turn());
  await delay(EVERY_MS); // those under fan-out have stopped reading
  await flood(publisher);
  const turned = (await Promise.all(turning)).flat();
  return [...turned, ...stopped.ports.map((port) => ({ name: 'is stopped by SIGSTOP', port, sinceMs }))];
}

async function assertAllHeard(good, last) {
  await until(async () => (await Promise.all(good.map((child) => child.report()))).every((told) => told.last === last),
    'the last message at every good client', 20_000, 500);
  for (const child of good) {
    const told = await child.report();
    assert.deepEqual({ nWrong: told.nWrong, nEnded: told.nEnded }, { nWrong: 0, nEnded: 0 });
  }
}

it('2,000 hostile peers at once are gone within their bounds while 2,000 good clients get every message in order', async () => {
  const node = await scene.barker([
    ...deadlines.flags(), '--access-publish', 'anyone', '--outbox-limit', '64MiB', '--listen-workers', '2',
  ]);
  const { pid } = node.child.process;
  const publisher = scene.ioredis(node.embedded.port);
  await publisher.ping();
  const nAtStart = descriptors(pid);
  const all = await startAll(node.address);
  const children = [...all.good, ...all.hostile, all.stopped];
  const watcher = new Watcher(node.address.port, EVERY_MS);
  try {
    await everyoneHears(publisher, [...all.good, ...all.hostile]);
    const stop = publishNumbers(publisher);
    await delay(10 * EVERY_MS);
    const peers = await turnAll(all, publisher);
    assert.equal(peers.length, N_HOSTILE + N_STOPPED);
    await watcher.released(peers, 20_000);
    await descriptorsBackTo(pid, nAtStart + N_GOOD, 5000);
    const last = await stop();
    judgeEach(peers, watcher);
    await assertAllHeard(all.good, last);
    for (const child of all.good) await child.stop();
    await descriptorsBackTo(pid, nAtStart, 5000);
  } finally {
    watcher.stop();
    for (const child of children) await child.stop('SIGKILL');
  }
  await node.stop();
}, options);

it('the table of all cases', () => printTable());

scene.endsClean();
