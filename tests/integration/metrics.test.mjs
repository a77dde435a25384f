// /metrics: what it tells is true, explained, and what the dashboard and the alerts ask for.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import {
  Scrape, deploy, hasPromtool, metricsTable, parseMetrics, promtool, queries, scrapeText,
} from './lib/metrics.mjs';
import { Scene, it } from './lib/scene.mjs';
import { until } from './lib/wait.mjs';

const scene = new Scene();
const redis = await scene.redis();
const publisher = scene.ioredis(redis.port);
const node = await scene.barker([
  '--redis-url', redis.url, '--access-publish', 'anyone', '--listen-workers', '2',
  '--auth-keys', 'hs256:a-secret-of-at-least-32-characters-1',
  '--namespace-chat-presence', 'yes', '--namespace-chat-history', '10',
]);
const skip = (await hasPromtool()) ? false : 'promtool is not installed';
const settled = (condition, what) => until(async () => condition(await Scrape.of(node)), what);

it('promtool finds nothing to complain of', async () => {
  await promtool(['check', 'metrics'], { input: await scrapeText(node) });
}, { skip });

it('connections, messages and bytes are counted', async () => {
  const before = await Scrape.of(node);
  const raw = await scene.connect(node.url('/raw/metrics:a'));
  const clients = [await scene.connectV1(node.url('/ws')), await scene.connectV1(node.url('/ws'))];
  for (const client of clients) await client.ask({ type: 'subscribe', channel: 'metrics:a' });
  const heard = (scrape, name, labels) => scrape.value(name, labels) - before.value(name, labels);
  await settled((scrape) => scrape.value('barker_subscriptions') === 3, 'three subscriptions');
  for (let i = 0; i < 10; i++) await publisher.publish('barker:metrics:a', `"message ${i}"`);
  await settled((scrape) => heard(scrape, 'barker_deliveries_total') === 30, 'thirty deliveries');
  const after = await Scrape.of(node);
  assert.equal(after.value('barker_connections', { state: 'open' }), 3);
  assert.equal(after.value('barker_dialect_connections', { dialect: 'raw' }), 1);
  assert.equal(after.value('barker_dialect_connections', { dialect: 'barker.v1' }), 2);
  assert.equal(heard(after, 'barker_connections_accepted_total'), 3);
  assert.equal(heard(after, 'barker_client_messages_total'), 2);
  assert.equal(heard(after, 'barker_broker_messages_total'), 10);
  assert.equal(heard(after, 'barker_fan_out_seconds_count'), heard(after, 'barker_messages_total'));
  assert.equal(heard(after, 'barker_fan_out_deliveries_sum'), 30);
  assert.ok(heard(after, 'barker_flush_seconds_count') > 0);
  assert.ok(heard(after, 'barker_sent_bytes_total') > 30 * 10);
  for (const client of [raw, ...clients]) client.close(1000);
  await settled((scrape) => scrape.value('barker_connections') === 0, 'no connection is left');
  const end = await Scrape.of(node);
  assert.equal(end.value('barker_connections_closed_total', { cause: 'client_closed' })
    - before.value('barker_connections_closed_total', { cause: 'client_closed' }), 3);
  assert.equal(end.value('barker_dialect_connections'), 0);
  assert.equal(end.value('barker_outbox_bytes'), 0);
  assert.equal(end.value('barker_outbox_frames'), 0);
});

it('what waits for a client that does not read is a gauge, and falls with it', async () => {
  const socket = await scene.connect(node.url('/raw/metrics:slow'));
  socket.socket.pause();
  const payload = JSON.stringify('x'.repeat(200_000));
  await until(async () => {
    await publisher.publish('barker:metrics:slow', payload);
    return (await Scrape.of(node)).value('barker_outbox_bytes') > 200_000;
  }, 'frames to wait');
  assert.ok((await Scrape.of(node)).value('barker_outbox_frames') > 0);
  socket.terminate();
  await settled((scrape) => scrape.value('barker_outbox_bytes') === 0 && scrape.value('barker_outbox_frames') === 0, 'nothing waits');
});

it('a handshake with a bad token is counted by its reason', async () => {
  await assert.rejects(scene.connect(node.url('/ws?token=bad')));
  await settled((scrape) => scrape.value('barker_upgrades_refused_total', { reason: 'unauthorized' }) >= 1, 'the refusal');
  assert.ok((await Scrape.of(node)).value('barker_tokens_refused_total') >= 1);
});

it('history, presence and what is published are counted', async () => {
  const client = await scene.connectV1(node.url('/ws?user=ada'));
  await client.ask({ type: 'subscribe', channel: 'chat:a' });
  await client.ask({ type: 'publish', channel: 'chat:a', data: 'hi' });
  await client.ask({ type: 'history', channel: 'chat:a' });
  await client.ask({ type: 'presence', channel: 'chat:a' });
  const scrape = await Scrape.of(node);
  assert.equal(scrape.value('barker_published_total'), 1);
  assert.ok(scrape.value('barker_history_requests_total') >= 1);
  assert.equal(scrape.value('barker_presence_requests_total'), 1);
  assert.equal(scrape.value('barker_presence_members'), 1);
  client.close(1000);
});

it('every thread tells how late its ticks are', async () => {
  const scrape = await Scrape.of(node);
  for (const thread of ['worker-0', 'worker-1', 'bus', 'desk']) {
    assert.ok(scrape.value('barker_loop_lag_seconds_count', { thread }) > 0, thread);
  }
});

it('the process tells its memory, descriptors and start', async () => {
  const scrape = await Scrape.of(node);
  assert.ok(scrape.value('process_resident_memory_bytes') > 1e6);
  const open = scrape.value('process_open_fds');
  assert.ok(open > 5 && open < scrape.value('process_max_fds'));
  assert.ok(Math.abs(scrape.value('process_start_time_seconds') - Date.now() / 1000) < 600);
  const again = await Scrape.of(node);
  assert.equal(again.value('process_start_time_seconds'), scrape.value('process_start_time_seconds'));
});

it('no counter is told without an end of its own', async () => {
  for (const [name, { type, samples }] of Object.entries((await Scrape.of(node)).families)) {
    assert.equal(name.endsWith('_total'), type === 'counter', name);
    assert.ok(samples.length > 0, `${name} has a value`);
    const series = samples.map((sample) => sample.name + JSON.stringify(sample.labels));
    assert.equal(new Set(series).size, series.length, `${name} tells no series twice`);
  }
});

it('readings of the configuration and of the keys are counted', async () => {
  const loads = (scrape) => ['barker_configuration_loads_total', 'barker_key_loads_total']
    .map((name) => ['loaded', 'refused'].map((result) => scrape.value(name, { result })));
  assert.deepEqual(loads(await Scrape.of(node)), [[0, 0], [0, 0]]);
  node.child.kill('SIGHUP');
  await settled((scrape) => loads(scrape)[0][0] === 1 && loads(scrape)[1][0] === 1, 'the reading');
  assert.equal((await Scrape.of(node)).value('barker_draining'), 0);
});

// UPDATE_METRICS=1 writes the table anew.
it('deploy/METRICS.md explains every metric and every label', async () => {
  const { families } = await Scrape.of(node);
  const path = deploy('METRICS.md');
  const [prose] = readFileSync(path, 'utf8').split(/(?<=^## Metrics\n\n)/m);
  const expected = `${prose}${metricsTable(families)}\n`;
  if (process.env.UPDATE_METRICS) writeFileSync(path, expected);
  assert.equal(readFileSync(path, 'utf8'), expected, 'UPDATE_METRICS=1 writes the table');
  const labels = new Set(Object.values(families).flatMap(({ samples }) => samples.flatMap((sample) => Object.keys(sample.labels))));
  labels.delete('le');
  for (const label of labels) assert.match(prose, new RegExp(`^\\|.*\`${label}\`.*\\|`, 'm'), label);
});

it('the dashboard and the alerts ask for metrics that there are', async () => {
  const names = (await Scrape.of(node)).names();
  const { dashboard, alerts } = queries();
  assert.ok(dashboard.length > 40 && alerts.length === 13);
  for (const query of [...dashboard, ...alerts]) {
    const asked = query.match(/\b(?:barker|process)_[a-z_]+/g);
    assert.ok(asked, query);
    for (const name of asked) assert.ok(names.has(name), `${name} in ${query}`);
  }
});

it('promtool finds the alert rules good, and that each fires when it should', async () => {
  await promtool(['check', 'rules', deploy('prometheus/alerts.yaml')]);
  await promtool(['test', 'rules', deploy('prometheus/alerts_test.yaml')]);
}, { skip });

it('every alert has its place in the runbook', () => {
  const rules = readFileSync(deploy('prometheus/alerts.yaml'), 'utf8');
  const names = [...rules.matchAll(/- alert: (\w+)/g)].map(([, name]) => name);
  const anchors = [...rules.matchAll(/runbook_url: deploy\/README\.md#(\w+)/g)].map(([, anchor]) => anchor);
  assert.deepEqual(anchors, names.map((name) => name.toLowerCase()));
});

it('a Redis that is gone is told, server by server, and so is its return', async () => {
  const server = `127.0.0.1:${redis.port}`;
  assert.equal((await Scrape.of(node)).value('barker_redis_server_up', { server }), 1);
  await redis.kill();
  await settled((scrape) => scrape.value('barker_redis_server_up', { server }) === 0 && scrape.value('barker_broker_up') === 0
    && scrape.value('barker_ready') === 0, 'the outage');
  const outage = await Scrape.of(node);
  assert.equal(outage.value('barker_healthy'), 1);
  assert.equal(outage.value('barker_redis_server_downs_total', { server }), 1);
  assert.ok(outage.value('barker_redis_links_lost_total') >= 1);
  await redis.restart();
  await settled((scrape) => scrape.value('barker_redis_server_up', { server }) === 1 && scrape.value('barker_ready') === 1, 'the return');
});

it('without Redis there are no values of it, and promtool is content all the same', async () => {
  const alone = await scene.barker(['--access-publish', 'anyone']);
  const text = await scrapeText(alone);
  assert.deepEqual(parseMetrics(text).barker_redis_server_up.samples, []);
  assert.equal(new Scrape(text).value('barker_broker_up'), 1);
  if (!skip) await promtool(['check', 'metrics'], { input: text });
});

scene.endsClean();
