// Everything that one test file starts, so that one call ends it all and checks how it ended.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import IoRedis from 'ioredis';
import { Barker } from './barker.mjs';
import { connect, connectV1 } from './clients.mjs';
import { Cluster } from './cluster.mjs';
import { Follower } from './follower.mjs';
import { RawSocket } from './raw_socket.mjs';
import { Redis } from './redis.mjs';
import { SentinelGroup } from './sentinel.mjs';

export const it = (name, run, options = {}) => test(name, { timeout: 60_000, ...options }, run);

export class Scene {
  folder = mkdtempSync(join(tmpdir(), 'barker-test-'));
  #nodes = [];
  #redises = [];
  #publishers = [];
  #clients = [];
  #sockets = [];
  #followers = [];

  constructor() {
    process.on('exit', () => rmSync(this.folder, { recursive: true, force: true }));
  }

  async redis(settings, options) {
    return this.#keep(await Redis.start(this.folder, settings, options));
  }

  async sentinels(settings, options) {
    return this.#keep(await SentinelGroup.start(this.folder, settings, options));
  }

  async cluster(settings, options) {
    return this.#keep(await Cluster.start(this.folder, settings, options));
  }

  #keep(redis) {
    this.#redises.push(redis);
    return redis;
  }

  async barker(flags, options) {
    const node = await Barker.start(flags, options);
    this.#nodes.push(node);
    return node;
  }

  ioredis(port, options = {}) {
    const publisher = new IoRedis({ host: '127.0.0.1', port, ...options });
    publisher.on('error', () => {});
    this.#publishers.push(publisher);
    return publisher;
  }

  async connect(url, options) {
    const client = await connect(url, options);
    this.#clients.push(client);
    return client;
  }

  async connectV1(url, options) {
    const client = await connectV1(url, options);
    this.#clients.push(client);
    return client;
  }

  // url: an address, or what chooses one before each connection.
  follower(url, channels) {
    const follower = new Follower(typeof url === 'function' ? url : () => url, channels);
    this.#followers.push(follower);
    return follower;
  }

  async raw(address, path, headers) {
    const raw = path ? await RawSocket.open(address, path, headers) : await RawSocket.connect(address);
    this.#sockets.push(raw);
    return raw;
  }

  closeClients() {
    for (const client of this.#clients.splice(0)) client.terminate();
    for (const raw of this.#sockets.splice(0)) raw.destroy();
    for (const follower of this.#followers.splice(0)) follower.stop();
  }

  async end() {
    const failures = [];
    this.closeClients();
    for (const publisher of this.#publishers) publisher.disconnect();
    for (const node of this.#nodes) await node.stop().catch((error) => failures.push(error));
    for (const redis of this.#redises) await redis.stop().catch((error) => failures.push(error));
    if (failures.length > 0) throw failures[0];
  }

  // The last test of a file.
  endsClean() {
    it('every process ends with exit code 0, without a leak or a sanitizer report', () => this.end());
  }
}
