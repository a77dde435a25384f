// Sentinel and Cluster over TLS, sentinels, data nodes and what they say to each other: all that works in the clear works there,
// through a failover and a slot that moves, and no certificate is taken that does not fit.
import assert from 'node:assert/strict';
import { makeCertificates } from './lib/certificates.mjs';
import { keySlot } from './lib/cluster.mjs';
import { Functions } from './lib/functions.mjs';
import { DURABLE } from './lib/redis.mjs';
import { Scene, it } from './lib/scene.mjs';
import { until } from './lib/wait.mjs';

const scene = new Scene();
const certificates = await makeCertificates(scene.folder);
const misnamed = await makeCertificates(scene.folder, 'misnamed', 'DNS:elsewhere.example', certificates);
const stranger = await makeCertificates(scene.folder, 'stranger');
const DOES_NOT_FIT = /event=broker_down.*certificate of Redis: IP address mismatch/;
const IS_NOT_TRUSTED = /event=broker_down.*certificate of Redis: .*(self-signed|self signed|unable to get local issuer)/;

const start = (url) => scene.barker([
  '--redis-url', url, '--access-publish', 'anyone', '--access-identity', 'anyone', '--namespace-kept-history', '1000',
  '--namespace-kept-presence', 'yes',
]);
const withCa = (url, ca) => url.replace(/ca=.*/, `ca=${encodeURIComponent(ca)}`);

async function join(node, channel, user) {
  const client = await scene.connectV1(node.url(`/ws?user=${user}`));
  const answer = await client.ask({ type: 'subscribe', channel });
  assert.equal(answer.type, 'ok', JSON.stringify(answer));
  return client;
}

const frames = (client) => client.messages.values.map(({ text }) => JSON.parse(text));

// Says it until the client hears it.
async function assertHears(client, publish) {
  const marker = `marker ${Math.random()}`;
  await until(async () => {
    await Promise.resolve(publish(JSON.stringify(marker))).catch(() => {});
    return frames(client).some(({ data }) => data === marker);
  }, 'the marker', 20_000, 50);
}

// master: gives the server that has the channel. Publishes as a backend and as a client, reads history, asks who is there.
async function assertServes(node, client, channel, master) {
  const f = await Functions.over('FCALL', scene.ioredis((await master()).port));
  await assertHears(client, (payload) => f.publish(`barker:${channel}`, payload));
  const said = `said ${Math.random()}`;
  const answer = await client.ask({ type: 'publish', channel, data: said });
  assert.equal(answer.type, 'ok', JSON.stringify(answer));
  await until(() => frames(client).some(({ data }) => data === said), 'what the client published');
  const { messages } = await client.ask({ type: 'history', channel, limit: 1, reverse: true });
  assert.deepEqual(messages.map(({ data }) => data), [said]);
  const users = async () => (await client.ask({ type: 'presence', channel })).members.map(({ user }) => user).join();
  await until(async () => await users() === 'ann', 'presence to name who is there');
  return { epoch: answer.epoch, seq: answer.seq };
}

it('Sentinel over TLS: history and presence, through the death of the master, and certificates that do not fit', async () => {
  const group = await scene.sentinels(DURABLE, { certificates });
  const node = await start(group.url);
  const client = await join(node, 'kept:1', 'ann');
  await assertServes(node, client, 'kept:1', () => group.master());
  const distrustful = await start(withCa(group.url, stranger.ca));
  await distrustful.child.line(IS_NOT_TRUSTED);
  await group.killMaster();
  const master = await group.master();
  await assertHears(client, (payload) => scene.ioredis(master.port).publish('barker:kept:1', payload));
  assert.equal(frames(client).filter(({ type }) => type === 'gap').length, 1);
  const { epoch, seq } = await assertServes(node, client, 'kept:1', () => group.master());
  const late = await scene.connectV1(node.url('/ws?user=ann'));
  const resumed = await late.ask({ type: 'subscribe', channel: 'kept:1', resume: { epoch, seq: seq - 1 } });
  assert.equal(resumed.recovered, true);
  await master.showCertificate(misnamed);
  const wary = await start(group.url);
  await wary.child.line(DOES_NOT_FIT);
}, { timeout: 90_000 });

it('Cluster over TLS: history and presence, through a slot that moves, and certificates that do not fit', async () => {
  const cluster = await scene.cluster(DURABLE, { certificates });
  const node = await start(cluster.url);
  const channel = 'kept:1';
  const slot = keySlot(`barker:${channel}`);
  const client = await join(node, channel, 'ann');
  const before = await assertServes(node, client, channel, () => cluster.ownerOf(slot));
  const owner = await cluster.ownerOf(slot);
  const target = cluster.masters.find((master) => master !== owner);
  await cluster.moveSlot(slot, target);
  const after = await assertServes(node, client, channel, () => cluster.ownerOf(slot));
  assert.equal(after.epoch, before.epoch);
  assert.ok(frames(client).every(({ type }) => type !== 'gap'), 'history went along');
  const distrustful = await start(withCa(cluster.url, stranger.ca));
  await distrustful.child.line(IS_NOT_TRUSTED);
  await target.showCertificate(misnamed);
  const wary = await start(cluster.url);
  await wary.child.line(DOES_NOT_FIT);
});

scene.endsClean();
