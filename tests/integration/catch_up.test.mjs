// After an outage every channel with history is behind at once: they are caught up with one after the other, and the links hold.
import assert from 'node:assert/strict';
import { Way } from './lib/cut.mjs';
import { Functions } from './lib/functions.mjs';
import { Scrape } from './lib/metrics.mjs';
import { Scene, it } from './lib/scene.mjs';
import { until } from './lib/wait.mjs';

const CHANNELS = 2_000, MESSAGES = 4, CLIENTS = 4;
const PAYLOAD = JSON.stringify('x'.repeat(4096));
const BYTES_PER_SECOND = 50_000; // the questions take about 5 s, the canary must be heard within 2

const scene = new Scene();
const channels = Array.from({ length: CHANNELS }, (_, index) => `kept:${index}`);

// A client of every CLIENTS-th channel, which notes the numbers that it is handed.
async function join(node, first) {
  const client = await scene.connectV1(node.url('/ws'));
  const own = channels.filter((_, index) => index % CLIENTS === first);
  const answers = await Promise.all(own.map((channel) => client.ask({ type: 'subscribe', channel })));
  assert.ok(answers.every(({ type }) => type === 'ok'));
  client.seqs = new Map(own.map((channel) => [channel, []]));
  client.others = [];
  client.hear = ({ text }) => {
    const { type, channel, seq } = JSON.parse(text);
    if (type === 'message') client.seqs.get(channel).push(seq);
    else client.others.push(text);
  };
  return client;
}

const publishAll = (f, payload) => Promise.all(channels.map((channel) => f.publish(`barker:${channel}`, payload)));

async function functionCalls(publisher) {
  const stats = await publisher.info('commandstats');
  return [...stats.matchAll(/cmdstat_(?:fcall|evalsha)(?:_ro)?:calls=(\d+)/g)].reduce((sum, [, calls]) => sum + Number(calls), 0);
}

it('more than a slow link takes within the canary\'s time is caught up without losing it: one read a channel', async () => {
  const redis = await scene.redis();
  const way = await Way.to(redis.port);
  const node = await scene.barker(['--redis-url', way.url, '--namespace-kept-history', '10', '--log-level', 'info',
    '--limits-subscriptions', String(CHANNELS), '--outbox-limit', '64MiB', '--redis-backoff-max', '100ms']);
  const publisher = scene.ioredis(redis.port, { enableAutoPipelining: true });
  const f = await Functions.over('FCALL', publisher);
  const clients = await Promise.all(Array.from({ length: CLIENTS }, (_, first) => join(node, first)));
  const stand = (seq) => until(() => clients.every(({ seqs }) => [...seqs.values()].every((own) => own.at(-1) >= seq)),
    `every client to be at ${seq}`, 30_000);

  await publishAll(f, '"first"');
  await stand(1);
  await way.cut();
  await node.nextEvent('broker_down', 0);
  for (let n = 0; n < MESSAGES; n++) await publishAll(f, PAYLOAD);
  await publisher.config('RESETSTAT');
  const downs = node.events('broker_down').length;
  way.bytesPerSecond = BYTES_PER_SECOND;
  await way.mend();
  await stand(1 + MESSAGES);

  const all = Array.from({ length: 1 + MESSAGES }, (_, index) => index + 1);
  for (const { seqs, others } of clients) {
    for (const [channel, own] of seqs) assert.deepEqual(own, all, channel);
    assert.deepEqual(others, []);
  }
  const calls = await functionCalls(publisher);
  assert.ok(calls >= CHANNELS && calls < CHANNELS + 10, `${calls} calls, those of the greeting included`);
  const torn = node.events('broker_down').slice(downs).filter(({ line }) => /canary/.test(line));
  assert.deepEqual(torn.map(({ line }) => line), []);
  assert.equal((await Scrape.of(node)).value('barker_broker_reads_waiting'), 0);
  await way.cut();
});

scene.endsClean();
