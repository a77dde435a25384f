// 10,000 clients on three nodes, durable channels under load, and one node is drained and restarted: nobody is lost, nothing is
// lost, and no node is stormed.
import assert from 'node:assert/strict';
import { Functions } from './lib/functions.mjs';
import { Herd, peakPerSecond } from './lib/herd.mjs';
import { freePort } from './lib/redis.mjs';
import { Scene, it } from './lib/scene.mjs';
import { until } from './lib/wait.mjs';

const N_CLIENTS = Number(process.env.RESTART_CLIENTS ?? 10_000), N_CHANNELS = 50, PUBLISHES_PER_SECOND = 40;
const CONNECTION_RATE = 500, ARRIVALS_PER_SECOND = 1_200; // of one node; of the whole herd at the beginning
const NOTICE_MS = 1_000, WINDOW_MS = 10_000;

const scene = new Scene();
const redis = await scene.redis();
const ports = [await freePort(), await freePort(), await freePort()];
const flags = (port) => [
  '--redis-url', redis.url, '--listen-address', `127.0.0.1:${port}`, '--listen-workers', '2', '--namespace-kept-history', '1000',
  '--limits-connections-per-address', '0', '--limits-connection-rate', String(CONNECTION_RATE),
  '--drain-notice', `${NOTICE_MS}ms`, '--drain-window', `${WINDOW_MS}ms`,
];
const nodes = await Promise.all(ports.map((port) => scene.barker(flags(port))));
const channels = Array.from({ length: N_CHANNELS }, (_, index) => `kept:${index}`);
const functions = await Functions.over('FCALL', scene.ioredis(redis.port));
const last = {}; // the seq of each channel's newest message
let n_published = 0;

async function publishOne() {
  const channel = channels[n_published++ % N_CHANNELS];
  const { seq } = await functions.publish(`barker:${channel}`, JSON.stringify({ n: n_published }), 'SIZE', '1000');
  assert.equal(seq, (last[channel] ?? 0) + 1);
  last[channel] = seq;
}

// At an even rate until it is stopped.
function publishing() {
  const started = Date.now();
  let n = 0, isStopped = false;
  const run = (async () => {
    while (!isStopped) {
      for (; n < (Date.now() - started) * PUBLISHES_PER_SECOND / 1000; n++) await publishOne();
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  })();
  return async () => {
    isStopped = true;
    await run;
  };
}

const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`;
const quantile = (sorted, part) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];

// Both as clients saw it: when each connection was opened, and when each was away.
function tell({ since, drainedMs, restartedMs, allBackMs, before, after }) {
  const opened = after.opened.filter(([, at]) => at >= since);
  const away = after.away.map(([from, to]) => to - from).sort((a, b) => a - b);
  const peaks = ports.map((port) => peakPerSecond(opened.filter(([to]) => to === port).map(([, at]) => at)));
  console.log(`${N_CLIENTS} clients came in ${seconds(before.ms)}; ${nodes[1].moved} of them were on the node that was drained`);
  console.log(`from SIGTERM: the node had ended after ${seconds(drainedMs)}, a new one served after ${seconds(restartedMs)}, ` +
    `every client was back after ${seconds(allBackMs)}`);
  console.log(`away: half ${seconds(quantile(away, 0.5))} or less, 99 of 100 ${seconds(quantile(away, 0.99))}, ` +
    `all ${seconds(away.at(-1))}`);
  console.log(`connections opened in the busiest second: ${peaks.join(', ')} (limits.connection_rate ${CONNECTION_RATE})`);
  console.log(`${n_published} messages published, ${after.n_messages} delivered, ${after.n_recovered} resumes recovered, ` +
    `${after.n_refused} refused`);
  return peaks;
}

it('one of three nodes is drained and restarted under load: no client fails, no message is lost, no storm', async (t) => {
  for (let n = 0; n < N_CHANNELS; n++) await publishOne(); // so that each channel has its epoch
  const began = Date.now();
  const herd = new Herd(N_CLIENTS, channels, ports, ARRIVALS_PER_SECOND);
  t.after(() => herd.stop());
  await herd.subscribed(60_000);
  const before = { ms: Date.now() - began };
  const stopPublishing = publishing();
  await new Promise((resolve) => setTimeout(resolve, 1_000));

  const since = Date.now();
  nodes[1].child.kill('SIGTERM');
  await nodes[1].child.stop(null, NOTICE_MS + WINDOW_MS + 15_000);
  const drainedMs = Date.now() - since;
  await nodes[1].stop({ isSignalled: true });
  nodes[1].moved = nodes[1].causes().shutdown.closed;
  nodes[3] = await scene.barker(flags(ports[1]));
  const restartedMs = Date.now() - since;
  await herd.subscribed(30_000);
  const allBackMs = Date.now() - since;
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  await stopPublishing();
  await until(async () => (await herd.report({ last })).n_behind === 0, 'all messages at all clients', 20_000, 100);

  const after = await herd.report({ last, isFull: true });
  const peaks = tell({ since, drainedMs, restartedMs, allBackMs, before, after });
  assert.deepEqual(after.problems, []);
  assert.equal(after.n_subscribed, N_CLIENTS);
  assert.equal(after.n_behind, 0);
  assert.equal(after.n_refused, 0);
  assert.deepEqual(after.codes, { 1012: nodes[1].moved });
  assert.equal(after.n_recovered, nodes[1].moved, 'who was told to go has resumed, and nobody else');
  assert.ok(nodes[1].moved > N_CLIENTS / 6, 'the drained node had its part of the clients');
  for (const peak of peaks) assert.ok(peak < CONNECTION_RATE, `${peak} connections in a second`);
  assert.ok(drainedMs >= NOTICE_MS + WINDOW_MS * 0.9, `it kept its window: ${drainedMs} ms`);
}, { timeout: 150_000 });

scene.endsClean();
