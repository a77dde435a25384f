// The promise that a node never goes quietly deaf, under all that can happen at once: 200 clients on 3 nodes, durable and live
// channels published without a pause, while Redis and the nodes are killed, stopped and restarted. FAULTS_SECONDS and
// FAULTS_SEED in the environment choose how long and which, FAULTS_ONLY the kinds whose names have that text.
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { DURABLE } from './lib/redis.mjs';
import { Scene, it } from './lib/scene.mjs';
import { DurablePublisher, FAULTS, Fleet, IMPATIENT, LivePublisher, randomFrom } from './lib/storm.mjs';
import { until } from './lib/wait.mjs';

const NODES = 3, CLIENTS = 200, CHANNELS = 10, OF_EACH_KIND = 2;
const EVERY_MS = 100;
const RUN_MS = 1_000 * Number(process.env.FAULTS_SECONDS ?? 60);
const SEED = Number(process.env.FAULTS_SEED ?? Date.now() % 1_000_000);
const RECOVERY_LIMIT_MS = 20_000;
const DETECTION_LIMIT_MS = 4_000; // the canary's 3 s, ticks, and a machine that is busy with all this

const KINDS = Object.keys(FAULTS).filter((name) => name.includes(process.env.FAULTS_ONLY ?? ''));

const random = randomFrom(SEED);
const scene = new Scene();
const redis = await scene.redis(DURABLE);
const fleet = new Fleet(scene, [
  '--redis-url', redis.url, '--namespace-kept-history', '5000', '--broker-subscribe-timeout', '2s', '--listen-workers', '2',
], random);
await fleet.start(NODES);
const admin = scene.ioredis(redis.port, { retryStrategy: () => 50 });
await DurablePublisher.load(admin);

const names = (kind) => Array.from({ length: CHANNELS }, (_, index) => `${kind}:${index}`);
const backend = scene.ioredis(redis.port, { ...IMPATIENT, commandTimeout: 2_000 });
const durable = names('kept').map((channel) => new DurablePublisher(backend, channel, EVERY_MS));
const speaker = scene.ioredis(redis.port, IMPATIENT);
const live = names('live').map((channel) => new LivePublisher(speaker, channel, EVERY_MS));
const publishers = new Map([...durable, ...live].map((publisher) => [publisher.channel, publisher]));

function startFollower(_, index) {
  const some = (kind) => Array.from({ length: OF_EACH_KIND }, (__, at) => `${kind}:${(index + at * 3) % CHANNELS}`);
  return scene.follower(() => fleet.chooseUrl(), { durable: some('kept'), live: some('live') });
}
let followers = [];

// Every follower hears, in every channel, something that was published after now.
async function everyoneHears(what) {
  const marks = new Map([...publishers].map(([channel, { last }]) => [channel, last]));
  const isDeaf = (follower) => [...follower.books].some(([channel, { last }]) => !(last > marks.get(channel)));
  await until(() => !followers.some(isDeaf), `everyone to hear again after ${what}`, RECOVERY_LIMIT_MS);
}

const report = []; // {name, detectionMs, recoveryMs}

async function strike(name) {
  const { struck, healed, isSeen } = await FAULTS[name]({ redis, admin, fleet, random });
  await everyoneHears(name);
  const recoveryMs = Date.now() - healed;
  const detectionMs = isSeen ? fleet.detectionMs(struck) : null;
  report.push({ name, detectionMs, recoveryMs });
  if (!isSeen) return;
  assert.ok(detectionMs !== null, `${name}: a node that did not notice`);
  assert.ok(detectionMs <= DETECTION_LIMIT_MS, `${name}: noticed after ${detectionMs} ms`);
}

// All kinds in a random order, then again, until the time is up.
async function storm() {
  const end = Date.now() + RUN_MS;
  let waiting = [];
  while (Date.now() < end) {
    if (waiting.length === 0) waiting = KINDS.map((name) => ({ name, key: random() }));
    waiting.sort((one, other) => one.key - other.key);
    await strike(waiting.shift().name);
    await delay(200 + random() * 800);
  }
}

function print(title, values) {
  console.log(`${title.padEnd(34)}${values}`);
}

function printSummary() {
  const books = followers.flatMap((follower) => [...follower.books.values()]);
  const sum = (values) => values.reduce((total, value) => total + value, 0);
  const longest = (rows, field) => Math.max(0, ...rows.map((row) => row[field] ?? 0));
  print(`seed ${SEED}, fault`, 'times, longest detection and recovery in ms');
  for (const name of KINDS) {
    const rows = report.filter((row) => row.name === name);
    print(name, `${rows.length}, ${longest(rows, 'detectionMs') || '-'}, ${longest(rows, 'recoveryMs')}`);
  }
  print('all', `${report.length}, ${longest(report, 'detectionMs')}, ${longest(report, 'recoveryMs')}`);
  const kept = books.filter(({ resumes }) => resumes);
  const received = sum(kept.map(({ places }) => places.length));
  print('durable messages', `${sum(durable.map(({ last }) => last))}, received ${received}`);
  print('publishes repeated', `${sum(durable.map(({ repeated }) => repeated))}, `
    + `${sum(durable.map(({ duplicates }) => duplicates))} of them known by their idempotency key`);
  const heard = books.filter(({ holes }) => holes);
  const missed = heard.map(({ channel, announced }) => publishers.get(channel).missed(announced).length);
  print('live messages', `${sum(live.map(({ acknowledged }) => acknowledged.size))}, received `
    + `${sum(heard.map((book) => book.n_received))}, missed in announced gaps ${sum(missed)}`);
  print('gaps told', sum(books.map((book) => book.n_gaps)));
  print('connections made', sum(followers.map(({ connections }) => connections)));
  print('resumes recovered, refused', `${sum(kept.map(({ resumes }) => resumes.recovered))}, `
    + `${sum(kept.map(({ resumes }) => resumes.refused))}`);
}

// Sequence by sequence: all that was acknowledged is there, once, in its place.
function assertDurable(follower, publisher) {
  const book = follower.book(publisher.channel);
  const { places } = book;
  const first = publisher.acknowledged.indexOf(places[0]);
  assert.ok(first >= 0, `${publisher.channel}: the first place is an acknowledged one`);
  assert.deepEqual(places, publisher.acknowledged.slice(first), publisher.channel);
  assert.deepEqual([book.n_gaps, book.resumes.refused, book.epochs], [0, 0, 0], publisher.channel);
}

it(`${CLIENTS} clients on ${NODES} nodes through ${RUN_MS / 1000} s of faults`, async () => {
  const running = [...publishers.values()].map((publisher) => publisher.run());
  await until(() => durable.every(({ last }) => last > 0), 'the first messages');
  followers = Array.from({ length: CLIENTS }, startFollower);
  await Promise.all(followers.map((follower) => follower.subscribed()));
  await everyoneHears('the start');
  try {
    await storm();
    await everyoneHears('the storm');
  } finally {
    for (const publisher of publishers.values()) publisher.stop();
    await Promise.all(running);
    printSummary();
  }
  const isAtEnd = (follower) => durable.every(({ channel, acknowledged }) => {
    const position = follower.book(channel)?.position;
    return !position || `${position.epoch}-${position.seq}` === acknowledged.at(-1);
  });
  await until(() => followers.every(isAtEnd), 'the last durable message at everyone');
  assert.deepEqual(followers.flatMap((follower) => follower.allProblems()), []);
  for (const follower of followers) {
    for (const [channel, book] of follower.books) {
      const publisher = publishers.get(channel);
      if (book.resumes) assertDurable(follower, publisher);
      else assert.deepEqual(publisher.missed(book.holes), [], `${channel}: missed without a word`);
    }
  }
}, { timeout: RUN_MS + 180_000 });

scene.endsClean();
