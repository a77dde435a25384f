// What the fault suite throws at the nodes: publishers that never tire, and faults of Redis and of the nodes themselves.
import { setTimeout as delay } from 'node:timers/promises';
import { Functions } from './functions.mjs';

// A connection that tells at once what became of each command, and repeats none by itself.
export const IMPATIENT = {
  retryStrategy: () => 50, enableOfflineQueue: false, autoResendUnfulfilledCommands: false, maxRetriesPerRequest: 0,
};

// {"n":1}, {"n":2} and so on: each until it is acknowledged, then the next. An idempotency key keeps repetitions from counting.
export class DurablePublisher {
  acknowledged = []; // place of each n, by n - 1
  repeated = 0;
  duplicates = 0; // repetitions that had been taken the first time
  #isStopped = false;

  constructor(publisher, channel, everyMs) {
    Object.assign(this, { publisher, channel, everyMs });
  }

  static async load(publisher) {
    await Functions.over('FCALL', publisher);
  }

  async run() {
    while (!this.#isStopped) {
      await this.#publish(this.acknowledged.length + 1);
      await delay(this.everyMs);
    }
  }

  async #publish(n) {
    for (;;) {
      try {
        const [epoch, seq, duplicate] = await this.publisher.call('FCALL', 'barker_publish', '1', `barker:${this.channel}`,
          `{"n":${n}}`, 'SIZE', '5000', 'ID', `n-${n}`);
        this.duplicates += duplicate;
        this.acknowledged.push(`${epoch}-${seq}`);
        return;
      } catch {
        this.repeated++;
        await delay(20);
      }
    }
  }

  // After it run() ends with the message under way.
  stop() {
    this.#isStopped = true;
  }

  get last() {
    return this.acknowledged.length;
  }
}

// The same numbers, each published once whatever becomes of it.
export class LivePublisher {
  acknowledged = new Set();
  failures = 0;
  last = 0;
  #isStopped = false;

  constructor(publisher, channel, everyMs) {
    Object.assign(this, { publisher, channel, everyMs });
  }

  async run() {
    while (!this.#isStopped) {
      this.publish();
      await delay(this.everyMs);
    }
  }

  publish() {
    const n = ++this.last;
    this.publisher.publish(`barker:${this.channel}`, `{"n":${n}}`)
      .then(() => this.acknowledged.add(n), () => this.failures++);
  }

  stop() {
    this.#isStopped = true;
  }

  // Numbers that Redis took, of those within holes.
  missed(holes) {
    const numbers = holes.flatMap(([from, to]) => Array.from({ length: to - from + 1 }, (_, index) => from + index));
    return numbers.filter((n) => this.acknowledged.has(n));
  }
}

// Each strikes and heals, and gives {struck, healed, isSeen}: isSeen when every node that lives has to say broker_down.
export const FAULTS = {
  async 'CLIENT KILL of subscribers'({ admin }) {
    const struck = Date.now();
    await admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub').catch(() => {});
    return { struck, healed: struck, isSeen: true };
  },
  async 'CLIENT KILL of all'({ admin }) {
    const struck = Date.now();
    await admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub').catch(() => {});
    await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes').catch(() => {});
    return { struck, healed: struck, isSeen: true };
  },
  async 'Redis hangs for 4 s'({ redis }) {
    const struck = Date.now();
    redis.pause();
    await delay(4_000);
    redis.resume();
    return { struck, healed: Date.now(), isSeen: true };
  },
  async 'Redis hangs for 1 s'({ redis }) {
    const struck = Date.now();
    redis.pause();
    await delay(1_000);
    redis.resume();
    return { struck, healed: Date.now(), isSeen: false };
  },
  async 'Redis killed'({ redis }) {
    const struck = Date.now();
    await redis.kill();
    await delay(1_000);
    await redis.restart();
    return { struck, healed: Date.now(), isSeen: true };
  },
  async 'Redis restarted in order'({ redis }) {
    const struck = Date.now();
    await redis.stop('SIGTERM');
    await redis.restart();
    return { struck, healed: Date.now(), isSeen: true };
  },
  async 'node killed'({ fleet }) {
    const struck = Date.now();
    await fleet.killOne();
    return { struck, healed: Date.now(), isSeen: false };
  },
  async 'node hangs for 3 s'({ fleet, random }) {
    const struck = Date.now();
    const node = fleet.nodes[Math.floor(random() * fleet.nodes.length)];
    node.child.kill('SIGSTOP');
    await delay(3_000);
    node.child.kill('SIGCONT');
    return { struck, healed: Date.now(), isSeen: false };
  },
  async 'node and Redis killed at once'({ redis, fleet }) {
    const struck = Date.now();
    await Promise.all([redis.kill(), fleet.killOne()]);
    await redis.restart();
    return { struck, healed: Date.now(), isSeen: false };
  },
};

// The nodes: one that is killed is started again at the same address.
export class Fleet {
  nodes = [];

  constructor(scene, flags, random) {
    Object.assign(this, { scene, flags, random });
  }

  async start(count) {
    while (this.nodes.length < count) this.nodes.push(await this.#startAt('127.0.0.1:0', `node-${this.nodes.length}`));
    this.urls = this.nodes.map((node) => node.url('/ws'));
  }

  #startAt(address, id) {
    return this.scene.barker(['--listen-address', address, '--node-id', id, ...this.flags], { defaults: false });
  }

  async killOne() {
    const index = Math.floor(this.random() * this.nodes.length);
    const { host, port } = this.nodes[index].address;
    await this.nodes[index].kill();
    await delay(500);
    this.nodes[index] = await this.#startAt(`${host}:${port}`, `node-${index}`);
  }

  chooseUrl() {
    return this.urls[Math.floor(Math.random() * this.urls.length)];
  }

  // How long after the moment the slowest node said that it had lost the broker; null: some node has not said it.
  detectionMs(struck) {
    const times = this.nodes.map((node) => node.events('broker_down').find(({ at }) => at >= struck)?.at ?? Infinity);
    const slowest = Math.max(...times);
    return slowest === Infinity ? null : slowest - struck;
  }
}

// A generator of random numbers that a seed repeats (mulberry32).
export function randomFrom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
