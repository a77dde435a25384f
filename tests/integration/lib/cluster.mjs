// A Redis Cluster of masters without replicas, made by hand: redis-cli --cluster create waits for seconds.
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
  masters = [];

  static async start(folder, settings = [], { nMasters = 3 } = {}) {
    const cluster = new Cluster();
    for (let index = 0; index < nMasters; index++) cluster.masters.push(await startMaster(folder, settings));
    await cluster.#join();
    await until(() => cluster.#isReady(), 'the cluster', 30_000);
    return cluster;
  }

  async #isReady() {
    const infos = await Promise.all(this.masters.map((master) => master.cli('CLUSTER', 'INFO')));
    const known = `cluster_known_nodes:${this.masters.length}`;
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
    const [first, ...others] = this.masters;
    for (const master of others) await first.cli('CLUSTER', 'MEET', '127.0.0.1', String(master.port), String(master.busPort));
  }

  get url() {
    return `redis-cluster://${this.masters.map(({ port }) => `127.0.0.1:${port}`).join(',')}`;
  }

  // Whose the slot is, as the masters themselves say.
  async ownerOf(slot) {
    const lines = (await this.masters[0].cli('CLUSTER', 'NODES')).split('\n');
    const line = lines.find((text) => text.split(' ').slice(8).some((range) => {
      const [first, last = first] = range.split('-').map(Number);
      return first <= slot && slot <= last;
    }));
    return this.masters.find(({ id }) => line.startsWith(id));
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
      await from.cli('MIGRATE', '127.0.0.1', String(to.port), '', '0', '5000', 'KEYS', ...keys);
    }
    for (const master of [to, from, ...this.masters.filter((other) => other !== to && other !== from)])
      await master.cli('CLUSTER', 'SETSLOT', text, 'NODE', to.id);
    return from;
  }

  async stop() {
    for (const master of this.masters) await master.stop();
  }
}

async function startMaster(folder, settings) {
  const busPort = await freePort();
  const master = await Redis.start(folder, [
    ...settings, '--cluster-enabled', 'yes', '--cluster-port', String(busPort), '--cluster-node-timeout', '2000',
  ]);
  master.busPort = busPort;
  return master;
}
