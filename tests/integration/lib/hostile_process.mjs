// A process of its own with peers in it, told what to do on standard input and telling what it did on standard output.
// The argument is JSON: {address, path, n}: n peers that behave; {address, cases, n}: n peers, of each case in turn.
// Input: "turn": turn hostile; answered by "turned [{name, port, sinceMs}]". "report": answered by
// "report {n, nMessages, nWrong, nEnded}", where the messages are numbers that have to come in order.
// Output besides: "prepared [port]", and "heard" when every peer that subscribed has heard a message.
import { createInterface } from 'node:readline';
import { CASES, prepareCase, turnCase } from './hostile_cases.mjs';
import { Peer } from './hostile_peer.mjs';

const AT_ONCE = 64; // handshakes in flight
const plan = JSON.parse(process.argv[2]);
const names = plan.cases ?? [];
const peers = []; // {name, peer, last, nWrong}

function listen(entry) {
  entry.nWrong = 0;
  entry.peer.heard = (payload) => {
    const text = payload.toString();
    if (!/^\d+$/.test(text)) return;
    const number = Number(text);
    if (entry.last !== undefined && number !== entry.last + 1) entry.nWrong++;
    entry.last = number;
  };
}

async function prepare(index) {
  const name = names.length > 0 ? names[index % names.length] : 'behaves';
  const entry = { name };
  peers[index] = entry;
  entry.peer = name === 'behaves' ? await Peer.open(plan.address, plan.path) : await prepareCase(CASES[name], plan.address);
  if (name === 'behaves') listen(entry);
}

async function eachOf(n, act) {
  let next = 0;
  const worker = async () => {
    while (next < n) await act(next++);
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, n) }, worker));
}

async function turn() {
  await Promise.all(peers.map(async (entry) => {
    entry.peer = await turnCase(CASES[entry.name], entry.peer, plan.address);
  }));
  const told = peers.map(({ name, peer }) => ({ name, port: peer.port, sinceMs: peer.sinceMs }));
  console.log(`turned ${JSON.stringify(told)}`);
}

function report() {
  console.log(`report ${JSON.stringify({
    n: peers.length,
    last: Math.min(...peers.map(({ last }) => last ?? -1)),
    nWrong: peers.reduce((sum, { nWrong }) => sum + nWrong, 0),
    nEnded: peers.filter(({ peer }) => peer.isEnded).length,
  })}`);
}

createInterface({ input: process.stdin })
  .on('line', (line) => (line === 'turn' ? turn() : report()))
  .on('close', () => process.exit(0));

await eachOf(plan.n, prepare);
console.log(`prepared ${JSON.stringify(peers.flatMap(({ peer }) => peer?.port ?? []))}`);
const listeners = peers.filter(({ name }) => name === 'behaves' || CASES[name].isFlooded);
Promise.all(listeners.map(({ peer }) => peer.until(() => peer.nMessages > 0, 'a message')))
  .then(() => console.log('heard'), () => {});
