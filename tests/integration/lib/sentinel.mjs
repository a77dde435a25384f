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

  static async start(folder, settings = [], { nSentinels = 3 } = {}) {
    const group = new SentinelGroup();
    const master = await Redis.start(folder, settings);
    const replica = await Redis.start(folder, [
      ...settings, '--replicaof', `127.0.0.1 ${master.port}`, '--repl-diskless-sync-delay', '0',
    ]);
    group.servers = [master, replica];
    await until(async () => /link_status:up/.test(await replica.cli('INFO', 'replication')), 'the replica to be in sync');
    for (let index = 0; index < nSentinels; index++)
      group.sentinels.push(await group.#startSentinel(join(folder, `sentinel-${master.port}-${index}`), nSentinels));
    await until(() => group.#isSettled(nSentinels), 'the sentinels to know each other and the replica', 30_000);
    return group;
  }

  // A sentinel writes into its configuration, so each has a file of its own.
  async #startSentinel(folder, nSentinels) {
    mkdirSync(folder);
    const file = join(folder, 'sentinel.conf');
    writeFileSync(file, [
      `sentinel monitor ${NAME} 127.0.0.1 ${this.servers[0].port} ${Math.floor(nSentinels / 2) + 1}`,
      `sentinel down-after-milliseconds ${NAME} ${DOWN_AFTER_MS}`,
      `sentinel failover-timeout ${NAME} 3000`, '',
    ].join('\n'));
    const child = await Redis.start(folder, [], { command: [file, '--sentinel'] });
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
    return `redis-sentinel://${this.sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',')}/${NAME}`;
  }

  async master() {
    const [, port] = (await redisCli(this.sentinels[0].port, 'SENTINEL', 'GET-MASTER-ADDR-BY-NAME', NAME)).split('\n');
    return this.servers.find((server) => server.port === Number(port));
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
