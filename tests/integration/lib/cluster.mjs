// A Redis Cluster, of masters without replicas unless told otherwise, made by hand: redis-cli --cluster create waits for seconds.
import { freePort, Redis } from './redis.mjs';
import { until } from './wait.mjs';

const SLOTS = 16384;

// CRC16 (XMODEM) of the key or its {tag}, as the Cluster's specification has it.
export function keySlot(key) {
  const open = key.indexOf('{');
  const close = open < 0 ? -1 : key.indexOf('}', open + 1);
  const tag = close > open + 1 ? key.slice(open + 1, close) : key;
  let crc = 0;
  for (const byte of Buffer.from(tag)) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
    crc &= 0xffff;
  }
  return crc % SLOTS;
}

export class Cluster {
  masters = []; // as it was made
  replicas = [];

  // hasReplicas: one for each master, in the same order. certificates: all of it by TLS.
  static async start(folder, settings = [], { nMasters = 3, hasReplicas = false, certificates = null } = {}) {
    const cluster = new Cluster();
    cluster.certificates = certificates;
    try {
      for (let index = 0; index < nMasters; index++) cluster.masters.push(await startServer(folder, settings, certificates));
      await cluster.#join();
      await until(() => cluster.#isReady(), 'the cluster', 30_000);
      if (hasReplicas) await cluster.#addReplicas(folder, settings);
    } catch (error) {
      await cluster.stop(); // nobody else knows of its servers
      throw error;
    }
    return cluster;
  }

  get servers() {
    return [...this.masters, ...this.replicas];
  }

  async #addReplicas(folder, settings) {
    const start = () => startServer(folder, [...settings, '--repl-diskless-sync-delay', '0'], this.certificates);
    this.replicas = await Promise.all(this.masters.map(start));
    await Promise.all(this.replicas.map((replica, index) => this.#addReplica(replica, this.masters[index])));
    await until(() => this.#isReady(), 'the replicas', 30_000);
  }

  async #addReplica(replica, master) {
    replica.id = await replica.cli('CLUSTER', 'MYID');
    await this.#meet(replica);
    const replicate = () => replica.cli('CLUSTER', 'REPLICATE', master.id);
    await until(async () => (await replicate()).startsWith('OK'), 'a replica to know its master');
    await until(async () => /link_status:up/.test(await replica.cli('INFO', 'replication')), 'a replica in sync', 30_000);
  }

  #meet(server) {
    return this.masters[0].cli('CLUSTER', 'MEET', '127.0.0.1', String(server.peerPort), String(server.busPort));
  }

  async #isReady() {
    const infos = await Promise.all(this.servers.map((server) => server.cli('CLUSTER', 'INFO')));
    const known = `cluster_known_nodes:${this.servers.length}`;
    return infos.every((info) => info.includes('cluster_state:ok') && info.includes(known));
  }

  async #join() {
    const share = Math.ceil(SLOTS / this.masters.length);
    for (const [index, master] of this.masters.entries()) {
      const last = Math.min((index + 1) * share, SLOTS) - 1;
      await master.cli('CLUSTER', 'SET-CONFIG-EPOCH', String(index + 1));
      await master.cli('CLUSTER', 'ADDSLOTSRANGE', String(index * share), String(last));
      master.id = await master.cli('CLUSTER', 'MYID');
    }
    for (const master of this.masters.slice(1)) await this.#meet(master);
  }

  get url() {
    const masters = this.masters.map(({ peerPort }) => `127.0.0.1:${peerPort}`).join(',');
    if (!this.certificates) return `redis-cluster://${masters}`;
    return `rediss-cluster://${masters}?ca=${encodeURIComponent(this.certificates.ca)}`;
  }

  // Whose the slot is, as a server that lives says.
  async ownerOf(slot) {
    const alive = this.servers.find(({ child }) => child.exit === null);
    const lines = (await alive.cli('CLUSTER', 'NODES')).split('\n');
    const line = lines.find((text) => text.split(' ').slice(8).some((range) => {
      const [first, last = first] = range.split('-').map(Number);
      return first <= slot && slot <= last;
    }));
    return this.servers.find(({ id }) => line.startsWith(id));
  }

  // Moves one slot with its keys to another master, as a resharding does.
  async moveSlot(slot, to) {
    const from = await this.ownerOf(slot);
    const text = String(slot);
    await to.cli('CLUSTER', 'SETSLOT', text, 'IMPORTING', from.id);
    await from.cli('CLUSTER', 'SETSLOT', text, 'MIGRATING', to.id);
    for (;;) {
      const keys = (await from.cli('CLUSTER', 'GETKEYSINSLOT', text, '100')).split('\n').filter(Boolean);
      if (keys.length === 0) break;
      await from.cli('MIGRATE', '127.0.0.1', String(to.peerPort), '', '0', '5000', 'KEYS', ...keys);
    }
    for (const master of [to, from, ...this.masters.filter((other) => other !== to && other !== from)])
      await master.cli('CLUSTER', 'SETSLOT', text, 'NODE', to.id);
    return from;
  }

  async stop() {
    for (const server of this.servers) await server.stop();
  }
}

async function startServer(folder, settings, certificates) {
  const busPort = await freePort();
  const server = await Redis.start(folder, [
    ...settings, '--cluster-enabled', 'yes', '--cluster-port', String(busPort), '--cluster-node-timeout', '2000',
    ...(certificates ? ['--tls-cluster', 'yes'] : []),
  ], { certificates });
  server.busPort = busPort;
  return server;
}
