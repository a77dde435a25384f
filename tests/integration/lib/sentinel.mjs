// A master, its replica and the sentinels that watch them.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis, redisCli } from './redis.mjs';
import { until } from './wait.mjs';

const NAME = 'mymaster';
const DOWN_AFTER_MS = 500;

export class SentinelGroup {
  servers = [];
  sentinels = [];

  // certificates: all of it by TLS.
  static async start(folder, settings = [], { nSentinels = 3, certificates = null } = {}) {
    const group = new SentinelGroup();
    group.certificates = certificates;
    try {
      await group.#startAll(folder, settings, nSentinels);
    } catch (error) {
      await group.stop(); // nobody else knows of its servers
      throw error;
    }
    return group;
  }

  async #startAll(folder, settings, nSentinels) {
    const { certificates } = this;
    const master = await Redis.start(folder, settings, { certificates });
    this.servers.push(master);
    const replica = await Redis.start(folder, [
      ...settings, '--replicaof', `127.0.0.1 ${master.peerPort}`, '--repl-diskless-sync-delay', '0',
    ], { certificates });
    this.servers.push(replica);
    await until(async () => /link_status:up/.test(await replica.cli('INFO', 'replication')), 'the replica to be in sync');
    for (let index = 0; index < nSentinels; index++)
      this.sentinels.push(await this.#startSentinel(join(folder, `sentinel-${master.port}-${index}`), nSentinels));
    await until(() => this.#isSettled(nSentinels), 'the sentinels to know each other and the replica', 30_000);
  }

  // A sentinel writes into its configuration, so each has a file of its own.
  async #startSentinel(folder, nSentinels) {
    mkdirSync(folder);
    const file = join(folder, 'sentinel.conf');
    writeFileSync(file, [
      `sentinel monitor ${NAME} 127.0.0.1 ${this.servers[0].peerPort} ${Math.floor(nSentinels / 2) + 1}`,
      `sentinel down-after-milliseconds ${NAME} ${DOWN_AFTER_MS}`,
      `sentinel failover-timeout ${NAME} 3000`, '',
    ].join('\n'));
    const child = await Redis.start(folder, [], { command: [file, '--sentinel'], certificates: this.certificates });
    return child;
  }

  async #isSettled(nSentinels) {
    const counts = await Promise.all(this.sentinels.map(async (sentinel) => {
      const lines = (await sentinel.cli('SENTINEL', 'MASTER', NAME)).split('\n');
      const value = (field) => Number(lines[lines.indexOf(field) + 1]);
      return value('num-slaves') === 1 && value('num-other-sentinels') === nSentinels - 1;
    }));
    return counts.every(Boolean);
  }

  get url() {
    const sentinels = this.sentinels.map(({ peerPort }) => `127.0.0.1:${peerPort}`).join(',');
    const scheme = this.certificates ? 'rediss-sentinel' : 'redis-sentinel';
    return `${scheme}://${sentinels}/${NAME}${this.certificates ? `?ca=${encodeURIComponent(this.certificates.ca)}` : ''}`;
  }

  async master() {
    const [, port] = (await redisCli(this.sentinels[0].port, 'SENTINEL', 'GET-MASTER-ADDR-BY-NAME', NAME)).split('\n');
    return this.servers.find((server) => server.peerPort === Number(port));
  }

  // In good order: the master lives on as a replica.
  async failover() {
    const before = await this.master();
    await this.sentinels[0].cli('SENTINEL', 'FAILOVER', NAME);
    return this.#succeeded(before);
  }

  // The master dies, and the sentinels have to find out.
  async killMaster() {
    const before = await this.master();
    await before.kill();
    return this.#succeeded(before);
  }

  async #succeeded(before) {
    return until(async () => {
      const now = await this.master();
      if (now === before) return null;
      return /role:master/.test(await now.cli('INFO', 'replication')) && now;
    }, 'the failover', 30_000, 50);
  }

  async stop() {
    for (const redis of [...this.sentinels, ...this.servers]) await redis.stop();
  }
}
