// The watchdog's published bounds on a shortened clock, and how long the slowest of each kind of hostile peer was held.
import assert from 'node:assert/strict';
import { appendFileSync, readFileSync, readdirSync } from 'node:fs';
import { Child } from './child.mjs';
import { nowMs } from './hostile_peer.mjs';
import { until } from './wait.mjs';

export const TICK_MS = 100;
export const ALLOWANCE_MS = 1000; // what a busy machine and the sanitizers may add; the bound without it is what is printed

// All of a node's deadlines in milliseconds, the flags that set them and the bounds that follow from them.
export class Deadlines {
  constructor(changes = {}) {
    Object.assign(this, {
      handshake: 500, ping: 500, pong: 300, 'pong-grace': 100, linger: 300, stall: 500, audit: 1000, ...changes,
    });
  }

  flags() {
    return Object.entries(this).flatMap(([name, ms]) => [`--watchdog-${name}`, `${ms}ms`]);
  }

  bound(name) {
    return TICK_MS + {
      handshake: this.handshake,
      silence: this.ping + this.pong + this['pong-grace'],
      linger: this.linger,
      stall: this.stall,
      gone: 0, // the kernel tells: at once
      audit: this.audit,
    }[name];
  }
}

const HEAD = ['bound ms', 'longest ms', 'peers', 'hostile peer'];
const rows = [];
const print = (row) => row.map((cell, index) => (index < 3 ? String(cell).padStart(10) : cell)).join('  ');

// Tells and asserts what the slowest peer of a case took.
export function judge(name, boundMs, longestMs, nPeers, allowanceMs = ALLOWANCE_MS) {
  const row = [boundMs, Math.round(longestMs), nPeers, name];
  rows.push(row);
  console.log(`bound ${row[0]} ms, longest ${row[1]} ms: ${name}`);
  if (process.env.TEST_BOUNDS) appendFileSync(process.env.TEST_BOUNDS, `${print(row)}\n`);
  assert.ok(longestMs <= boundMs + allowanceMs, `${row[1]} ms, long after the bound of ${boundMs} ms: ${name}`);
}

export function printTable() {
  for (const row of [HEAD, ...rows]) console.log(print(row));
}

// How many descriptors one process may have: tests with thousands of connections are skipped where that is too few.
export function descriptorLimit() {
  const [, limit] = readFileSync('/proc/self/limits', 'utf8').match(/^Max open files\s+\d+\s+(\S+)/m);
  return limit === 'unlimited' ? Infinity : Number(limit);
}

export const descriptors = (pid) => readdirSync(`/proc/${pid}/fd`).length;

// Milliseconds (nowMs) at which the process was first seen to have no more than n descriptors.
export async function descriptorsBackTo(pid, n, deadlineMs) {
  const isBack = () => descriptors(pid) <= n && nowMs();
  const backMs = await until(isBack, `the process to have ${n} descriptors again`, deadlineMs, 5);
  assert.equal(descriptors(pid), n);
  return backMs;
}

const ACCEPTABLE = new Set(['01', '03', '08']); // ESTABLISHED, SYN_RECV, CLOSE_WAIT

// Looks again and again at the connections of a server's port, as /proc/net/tcp (proc(5)) shows both their ends.
export class Watcher {
  endsMs = new Map(); // by the peer's port, which may be used again: the first looks at which the server held it no more
  filledMs = new Map(); // by the peer's port: the last look at which its receive buffer had grown
  #held = new Map(); // by the peer's port: the inode
  #waiting = new Map(); // by the peer's port: bytes in its receive buffer

  constructor(serverPort, everyMs = 20) {
    this.suffix = `:${serverPort.toString(16).toUpperCase().padStart(4, '0')}`;
    this.timer = setInterval(() => this.#look(), everyMs);
  }

  stop() {
    clearInterval(this.timer);
  }

  // Until the server holds none of the peers {name, port, sinceMs}; each gets endMs. A peer that was never seen came and went
  // between two looks.
  async released(peers, deadlineMs) {
    const left = () => peers.filter((peer) => this.#held.has(peer.port) && !this.#endMs(peer));
    await until(() => left().length === 0, 'every peer to be released', deadlineMs, 50).catch((error) => {
      const names = new Set(left().map(({ name }) => name));
      throw new Error(`${error.message}: ${left().length} still held: ${[...names].join('; ')}`);
    });
    for (const peer of peers) peer.endMs = this.#endMs(peer) ?? peer.sinceMs;
  }

  #endMs({ port, sinceMs }) {
    return this.endsMs.get(port)?.find((endMs) => endMs >= sinceMs);
  }

  // A kernel goes on taking bytes for a peer that does not read: it has stalled when that ends.
  stalledMs(peer) {
    return Math.max(peer.sinceMs, this.filledMs.get(peer.port) ?? 0);
  }

  #look() {
    const held = new Map();
    for (const line of readFileSync('/proc/net/tcp', 'utf8').split('\n')) {
      if (!line.includes(this.suffix)) continue;
      const [, local, remote, state, queues, , , , , inode] = line.trim().split(/\s+/);
      if (remote.endsWith(this.suffix)) this.#note(local, queues);
      // One without an inode still waits to be accepted, or has been given back and is the kernel's alone.
      else if (state !== '0A' && (inode !== '0' || ACCEPTABLE.has(state))) held.set(parseInt(remote.split(':')[1], 16), inode);
    }
    const atMs = nowMs();
    for (const [port, inode] of this.#held)
      if (!held.has(port) || (inode !== '0' && held.get(port) !== inode)) this.#end(port, atMs);
    this.#held = held;
  }

  #end(port, atMs) {
    if (!this.endsMs.has(port)) this.endsMs.set(port, []);
    this.endsMs.get(port).push(atMs);
  }

  #note(local, queues) {
    const port = parseInt(local.split(':')[1], 16), nBytes = parseInt(queues.split(':')[1], 16);
    if (nBytes > (this.#waiting.get(port) ?? 0)) this.filledMs.set(port, nowMs());
    this.#waiting.set(port, nBytes);
  }
}

// A process of its own with peers in it: see hostile_process.mjs for the plan. wrap: a command before it: ip netns exec.
export async function startPeers(address, plan, wrap = []) {
  const script = new URL('./hostile_process.mjs', import.meta.url).pathname;
  const [command, ...args] = [...wrap, process.execPath, script, JSON.stringify({ address, ...plan })];
  const child = new Child(command, args);
  const [, ports] = await child.line(/^prepared (.*)/, 'its peers to be prepared', 60_000);
  child.ports = JSON.parse(ports);
  child.tell = async (command, answer) => {
    child.process.stdin.write(`${command}\n`);
    return JSON.parse((await child.line(answer, `the answer to ${command}`, 30_000))[1]);
  };
  child.turn = () => child.tell('turn', /^turned (.*)/);
  child.report = () => child.tell('report', /^report (.*)/);
  return child;
}

// Publishes more to "flood" than the buffers of two kernels hold for one connection.
export async function flood(publisher, { n = 256, nBytes = 16 * 1024 } = {}) {
  const payload = 'x'.repeat(nBytes);
  await Promise.all(Array.from({ length: n }, () => publisher.publish('barker:flood', payload)));
}

// The counts of how connections ended that are not zero, without those of a node's own end.
export function endings(node) {
  const flat = Object.entries(node.causes()).flatMap(([cause, counts]) =>
    Object.entries(counts).filter(([, n]) => n > 0).map(([how, n]) => [`${cause} ${how}`, n]));
  return Object.fromEntries(flat);
}
