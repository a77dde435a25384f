// What Redis sends to a node is in proportion to what somebody there wants, not to what is published.
import assert from 'node:assert/strict';
import { Scene, it } from './lib/scene.mjs';

const CHANNELS = 1_000, WANTED = 10, EACH = 10;
const scene = new Scene();
const redis = await scene.redis();
const publisher = scene.ioredis(redis.port);

// The bytes that Redis has sent in all.
async function sentBytes() {
  return Number((await publisher.info('stats')).match(/total_net_output_bytes:(\d+)/)[1]);
}

// Publishes to every channel: how many receivers Redis says it had, in all.
async function publishToAll(payload) {
  let receivers = 0;
  for (let round = 0; round < EACH; round++) {
    const pipeline = publisher.pipeline();
    for (let index = 0; index < CHANNELS; index++) pipeline.publish(`barker:topic:${index}`, payload);
    receivers += (await pipeline.exec()).reduce((sum, [, count]) => sum + count, 0);
  }
  return receivers;
}

it(`of ${CHANNELS} channels a node that wants ${WANTED} is sent those alone, once however many clients want them`, async () => {
  const nodes = [];
  for (const workers of ['1', '2']) nodes.push(await scene.barker(['--redis-url', redis.url, '--listen-workers', workers]));
  const clients = [];
  for (const [at, node] of nodes.entries()) {
    for (let index = 0; index < 3; index++) {
      const client = await scene.connectV1(node.url('/ws'));
      for (let of = 0; of < WANTED; of++)
        assert.equal((await client.ask({ type: 'subscribe', channel: `topic:${at * WANTED + of}` })).type, 'ok');
      clients.push(client);
    }
  }
  const payload = JSON.stringify('x'.repeat(10_000));
  const before = await sentBytes();
  const receivers = await publishToAll(payload);
  const bytes = await sentBytes() - before;
  for (const client of clients)
    for (let index = 0; index < WANTED * EACH; index++) assert.equal((await client.nextJson()).type, 'message');
  assert.equal(receivers, nodes.length * WANTED * EACH);
  const wanted = receivers * payload.length;
  console.log(`${CHANNELS * EACH} messages published, ${receivers} sent: ${nodes.length} nodes want ${WANTED} channels each`);
  assert.ok(bytes >= wanted && bytes < wanted * 1.2 + 200_000, `${bytes} bytes for ${wanted} of payloads that are wanted`);
  for (const node of nodes) {
    await node.stop();
    assert.equal(node.total('received', 'broker_totals'), WANTED * EACH, 'as the node itself counts');
  }
});

scene.endsClean();
