// Links to Redis: whatever becomes of them is noticed within the canary's bound, told, and healed.
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { Scene, it } from './lib/scene.mjs';
import { until } from './lib/wait.mjs';

// The canary is sent every second and must be heard within two; ticks and this machine take the rest.
const CANARY_BOUND_MS = 3_000 + 200;
const SLACK_MS = 800;
const PROMPT_MS = 500; // a link that Redis itself ends is noticed at once

// A publisher that learns at once what became of each command, and repeats none.
const IMPATIENT = { retryStrategy: () => 50, enableOfflineQueue: false, autoResendUnfulfilledCommands: false };

const scene = new Scene();
const start = (redis, ...flags) => scene.barker(['--redis-url', redis.url, '--access-publish', 'anyone', ...flags]);

async function join(node, ...channels) {
  const client = await scene.connectV1(node.url('/ws'));
  for (const channel of channels) assert.equal((await client.ask({ type: 'subscribe', channel })).type, 'ok');
  return client;
}

const frames = (client) => client.messages.values.map(({ text }) => JSON.parse(text));

// Publishes until the client hears it: the node is not deaf.
async function assertHears(client, publisher, channel) {
  const marker = `marker ${channel} ${Math.random()}`;
  await until(async () => {
    await publisher.publish(`barker:${channel}`, JSON.stringify(marker)).catch(() => {});
    return frames(client).some(({ data }) => data === marker);
  }, `${channel} to be heard again`, undefined, 50);
}

// What happens to Redis; how long the node may take to notice.
const FAULTS = {
  'the subscriber is killed by CLIENT KILL': {
    boundMs: PROMPT_MS, strike: (redis, admin) => admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub'), heal: () => {},
  },
  'every connection is killed by CLIENT KILL': {
    boundMs: PROMPT_MS,
    strike: async (redis, admin) => {
      await admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
      await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    },
    heal: () => {},
  },
  'Redis is killed and restarted': {
    boundMs: PROMPT_MS, strike: (redis) => redis.kill(), heal: (redis) => redis.restart(),
  },
  'Redis is shut down and restarted': {
    boundMs: PROMPT_MS, strike: (redis) => redis.stop('SIGTERM'), heal: (redis) => redis.restart(),
  },
  'Redis hangs': {
    boundMs: CANARY_BOUND_MS, strike: (redis) => redis.pause(), heal: (redis) => redis.resume(),
  },
};

for (const [what, { boundMs, strike, heal }] of Object.entries(FAULTS)) {
  it(`${what}: noticed within ${boundMs} ms, then each channel gets one gap and is heard again`, async () => {
    const redis = await scene.redis();
    const node = await start(redis, '--listen-workers', '2');
    const clients = [await join(node, 'one', 'two'), await join(node, 'two', 'three')];
    const admin = scene.ioredis(redis.port, { retryStrategy: () => 100 });
    const [downs, ups] = [node.events('broker_down').length, node.events('broker_up').length];
    const struck = Date.now();
    await strike(redis, admin);
    const down = await node.nextEvent('broker_down', downs);
    assert.match(down.line, /reason=/);
    await heal(redis);
    const healed = Date.now();
    const up = await node.nextEvent('broker_up', ups);
    console.log(`${what}: noticed after ${down.at - struck} ms, up ${up.at - healed} ms after it was healed`);
    assert.ok(down.at - struck <= boundMs + SLACK_MS, `noticed after ${down.at - struck} ms`);
    await assertHears(clients[0], admin, 'one');
    await assertHears(clients[1], admin, 'three');
    await assertHears(clients[0], admin, 'two');
    for (const [client, channels] of [[clients[0], ['one', 'two']], [clients[1], ['three', 'two']]]) {
      const gaps = frames(client).filter(({ type }) => type === 'gap');
      assert.deepEqual(gaps.map(({ channel }) => channel).sort(), channels);
      assert.ok(gaps.every(({ reason }) => reason === 'broker_reconnected'));
    }
  });
}

it('Redis kills a subscriber that reads too slowly: the node finds out and tells of the gap', async () => {
  const redis = await scene.redis(['--client-output-buffer-limit', 'pubsub 1mb 0 0']);
  const node = await start(redis, '--outbox-limit', '64MiB', '--outbox-slow', 'drop-oldest');
  const client = await join(node, 'flood');
  const publisher = scene.ioredis(redis.port);
  const payload = JSON.stringify('x'.repeat(100_000));
  const isKilled = async () => (await publisher.client('LIST', 'TYPE', 'pubsub')).trim() === '';
  node.child.kill('SIGSTOP');
  try {
    await until(async () => {
      await Promise.all(Array.from({ length: 20 }, () => publisher.publish('barker:flood', payload)));
      return isKilled();
    }, 'Redis to kill the subscriber', undefined, 1);
  } finally {
    node.child.kill('SIGCONT');
  }
  await until(() => frames(client).some(({ type }) => type === 'gap'), 'the gap');
  await assertHears(client, publisher, 'flood');
});

it('during an outage a subscribe waits until its deadline, then gets unavailable; a publish gets it at once', async () => {
  const redis = await scene.redis();
  const node = await start(redis, '--broker-subscribe-timeout', '1500ms');
  const client = await join(node, 'before');
  await redis.kill();
  await node.nextEvent('broker_down', 0);
  const asked = Date.now();
  const waiting = client.ask({ type: 'subscribe', channel: 'meanwhile' });
  const publishing = await client.ask({ type: 'publish', channel: 'before', data: 1 });
  assert.deepEqual([publishing.type, publishing.code, publishing.retry], ['error', 'unavailable', true]);
  assert.ok(Date.now() - asked < 1_000);
  const answer = await waiting;
  assert.deepEqual([answer.type, answer.code, answer.retry], ['error', 'unavailable', true]);
  assert.ok(Math.abs(Date.now() - asked - 1_500) < 500, `answered after ${Date.now() - asked} ms`);
  const late = client.ask({ type: 'subscribe', channel: 'meanwhile' });
  await redis.restart();
  const patient = (await late).type === 'ok' ? null : client.ask({ type: 'subscribe', channel: 'meanwhile' });
  if (patient) assert.equal((await patient).type, 'ok');
  await assertHears(client, scene.ioredis(redis.port), 'meanwhile');
});

it('a Redis that does not read makes publishers overloaded, and every publish is answered', async () => {
  const redis = await scene.redis();
  const node = await start(redis, '--redis-publish-limit', '256KiB', '--limits-message-size', '64KiB');
  const client = await join(node, 'slow');
  redis.pause();
  const answers = [];
  try {
    const text = 'x'.repeat(30_000);
    for (let index = 0; index < 50; index++) answers.push(client.ask({ type: 'publish', channel: 'slow', text }));
    const codes = (await Promise.all(answers)).map(({ code, retry }) => `${code} ${retry}`);
    assert.ok(codes.includes('overloaded true'), codes.join());
    assert.ok(codes.every((code) => code === 'overloaded true' || code === 'unavailable true'), codes.join());
  } finally {
    redis.resume();
  }
  await assertHears(client, scene.ioredis(redis.port), 'slow');
});

it('publishing at 2,000 a second through outages: each live client misses only inside announced gaps', async () => {
  const redis = await scene.redis();
  const node = await start(redis, '--listen-workers', '2');
  const channels = ['steady-a', 'steady-b'];
  const followers = Array.from({ length: 10 }, () => scene.follower(node.url('/ws'), { live: channels }));
  await Promise.all(followers.map((follower) => follower.subscribed()));
  const publisher = scene.ioredis(redis.port, IMPATIENT);
  const end = Date.now() + 6_000;
  const striking = (async () => {
    for (let round = 0; Date.now() < end - 1_500; round++) {
      await publisher.call('CLIENT', 'KILL', 'TYPE', round % 2 ? 'normal' : 'pubsub', 'SKIPME', 'yes').catch(() => {});
      await delay(700);
    }
  })();
  let n = 0;
  while (Date.now() < end) {
    n++;
    await Promise.all(channels.map((channel) => publisher.publish(`barker:${channel}`, `{"n":${n}}`).catch(() => delay(5))));
  }
  await striking;
  for (const follower of followers) {
    await until(() => channels.every((channel) => follower.book(channel).last === n), 'the last number');
    assert.deepEqual(follower.allProblems(), []);
    for (const channel of channels) assert.deepEqual(follower.book(channel).holes, []);
  }
});

it('50,000 channels are subscribed again within 2 s', async () => {
  const N = 50_000, CLIENTS = 10;
  const redis = await scene.redis();
  const node = await start(redis, '--limits-subscriptions', '65536', '--outbox-limit', '16MiB', '--listen-workers', '2');
  const clients = await Promise.all(Array.from({ length: CLIENTS }, () => scene.connectV1(node.url('/ws'))));
  for (let index = 0; index < N / CLIENTS; index += 500) {
    await Promise.all(clients.flatMap((client, of) => Array.from({ length: 500 }, (_, at) =>
      client.ask({ type: 'subscribe', channel: `many:${of}:${index + at}` }))));
  }
  const admin = scene.ioredis(redis.port);
  const subscribed = async () => Math.max(0, ...[...(await admin.client('LIST', 'TYPE', 'pubsub')).matchAll(/ sub=(\d+)/g)]
    .map(([, count]) => Number(count)));
  assert.ok(await subscribed() >= N);
  const ups = node.events('broker_up').length;
  const struck = Date.now();
  await admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
  await until(async () => await subscribed() >= N, 'every channel', undefined, 5);
  const [up] = node.events('broker_up').slice(ups);
  const [took, inAll] = [Date.now() - (up?.at ?? struck), Date.now() - struck];
  console.log(`50,000 channels subscribed again ${took} ms after the link was up, ${inAll} ms after it was lost`);
  assert.ok(took < 2_000, `${took} ms`);
  await until(() => clients.every((client) => client.messages.values.length === N / CLIENTS), 'a gap for each channel');
  assert.equal(new Set(clients.flatMap((client) => frames(client).map(({ type, channel }) => `${type} ${channel}`))).size, N);
}, { timeout: 120_000 });

scene.endsClean();
