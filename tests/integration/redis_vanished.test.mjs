// A network towards Redis that swallows what is sent, both ways or one: TCP tells nobody, so only the canary finds it.
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { Functions } from './lib/functions.mjs';
import { Link } from './lib/link.mjs';
import { Scene, it } from './lib/scene.mjs';
import { DurablePublisher, IMPATIENT, LivePublisher } from './lib/storm.mjs';
import { until } from './lib/wait.mjs';

// The canary is sent every second and must be heard within two; ticks and this machine take the rest.
const CANARY_BOUND_MS = 3_000 + 200;
const SLACK_MS = 800;
const EVERY_MS = 50;

const scene = new Scene();
const WAYS = { 'both ways': ['far', 'near'], 'from the node to Redis': ['far'], 'from Redis to the node': ['near'] };

async function readiness(node) {
  const response = await fetch(node.httpUrl('/readyz'));
  return `${response.status} ${(await response.text()).includes('broker')}`;
}

// Publishes as a client of the node until it is told to stop, and notes what it was told of each: nothing stays unanswered.
async function speak(client, channel, isDone) {
  const answers = [];
  for (let n = 1; !isDone(); n++) {
    answers.push(client.ask({ type: 'publish', channel, data: { n } }).then((answer) => ({ n, ...answer })));
    await delay(EVERY_MS);
  }
  return Promise.all(answers);
}

// What was acknowledged is in the history once; what was refused may be, as a publish that ended in a timeout.
async function assertSaid(redis, channel, answers) {
  const f = await Functions.over('FCALL', scene.ioredis(undefined, { path: redis.path }));
  const { messages } = await f.history(`barker:${channel}`, 'FORWARD', { limit: 1_000 });
  const kept = new Map(messages.map(({ seq, payload }) => [seq, JSON.parse(payload).n]));
  assert.equal(new Set(kept.values()).size, kept.size, 'nothing is there twice');
  const failed = answers.filter(({ type }) => type !== 'ok');
  for (const { n, seq } of answers.filter(({ type }) => type === 'ok')) assert.equal(kept.get(seq), n);
  assert.ok(failed.length > 0 && failed.every(({ code, retry }) => code === 'unavailable' && retry), JSON.stringify(failed));
  console.log(`${answers.length} publishes, ${failed.length} of them told that Redis was not reached`);
}

function startPublishers(redis) {
  const connection = scene.ioredis(undefined, { path: redis.path, ...IMPATIENT });
  const publishers = [new DurablePublisher(connection, 'kept:told', EVERY_MS), new LivePublisher(connection, 'live', EVERY_MS)];
  return { publishers, running: publishers.map((publisher) => publisher.run()) };
}

// Strikes, waits until the node has noticed, and heals.
async function strike(link, node, towards) {
  const [downs, ups] = [node.events('broker_down').length, node.events('broker_up').length];
  const struck = Date.now();
  await link.drop(...towards);
  const down = await node.nextEvent('broker_down', downs);
  assert.equal(await readiness(node), '503 true');
  await link.mend(...towards);
  const mended = Date.now();
  const up = await node.nextEvent('broker_up', ups);
  assert.equal(await readiness(node), '200 false');
  console.log(`noticed after ${down.at - struck} ms, up ${up.at - mended} ms after the link was mended`);
  assert.ok(down.at - struck <= CANARY_BOUND_MS + SLACK_MS, `noticed after ${down.at - struck} ms`);
}

function assertFollowed(follower, durable, live) {
  assert.deepEqual(follower.allProblems(), []);
  const [kept, heard] = [follower.book('kept:told'), follower.book('live')];
  assert.deepEqual([kept.n_gaps, heard.n_gaps, follower.connections], [0, 1, 1]);
  assert.deepEqual(kept.places, durable.acknowledged.slice(durable.acknowledged.indexOf(kept.places[0])));
  assert.deepEqual(live.missed(heard.holes), []);
}

for (const [what, towards] of Object.entries(WAYS)) {
  const link = await Link.build();
  it(`packets vanish ${what}: noticed in time, told once, each publish answered, and history goes on where it was`, async () => {
    const redis = await scene.redis(['--bind', link.farAddress, '--protected-mode', 'no'], { within: link.within });
    const node = await scene.barker([
      '--redis-url', `redis://${link.farAddress}:${redis.port}`, '--access-publish', 'anyone', '--namespace-kept-history', '1000',
    ]);
    const follower = scene.follower(node.url('/ws'), { durable: ['kept:told'], live: ['live'] });
    await follower.subscribed();
    const { publishers: [durable, live], running } = startPublishers(redis);
    await until(() => follower.book('kept:told').last > 3 && follower.book('live').last > 3, 'the first messages');
    let isDone = false;
    const speaking = speak(await scene.connectV1(node.url('/ws')), 'kept:said', () => isDone);
    await strike(link, node, towards);
    const [mark, liveMark] = [durable.last, live.last];
    await until(() => follower.book('live').last > liveMark && follower.book('kept:told').last > mark, 'what is published now');
    isDone = true;
    durable.stop();
    live.stop();
    await Promise.all(running);
    await until(() => follower.book('kept:told').last === durable.last, 'the last message');
    assertFollowed(follower, durable, live);
    await assertSaid(redis, 'kept:said', await speaking);
  }, link.fault ? { skip: link.fault } : {});
}

scene.endsClean();
