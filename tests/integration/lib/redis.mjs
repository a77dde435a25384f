// A real redis-server for one test file: in memory, in its own folder, stopped with the file.
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Child, run } from './child.mjs';

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

export class Redis {
  // settings: lines of redis.conf given as arguments, such as ['--requirepass', 'secret'].
  static async start(folder, settings = [], port = null) {
    for (let attempt = 0; ; attempt++) {
      const redis = new Redis();
      redis.settings = settings;
      redis.folder = folder;
      redis.port = port ?? (await freePort());
      redis.path = join(folder, `redis-${redis.port}.sock`);
      redis.url = `redis://127.0.0.1:${redis.port}`;
      redis.child = new Child('redis-server', [
        '--port', String(redis.port), '--bind', '127.0.0.1', '--unixsocket', redis.path, '--save', '', '--appendonly', 'no',
        '--dir', folder, ...settings,
      ]);
      try {
        await redis.child.line(/Ready to accept connections/, 'readiness');
        return redis;
      } catch (error) {
        if (attempt === 3 || redis.child.exit === null) throw error; // else someone else took the port in between
      }
    }
  }

  // On the same port, after stop or kill.
  async restart() {
    const { child } = await Redis.start(this.folder, this.settings, this.port);
    this.child = child;
  }

  cli(...args) {
    return redisCli(this.port, ...args);
  }

  stop(signal = 'SIGKILL') {
    return this.child.stop(signal);
  }
}

export async function redisCli(port, ...args) {
  const { code, out, errors } = await run('redis-cli', ['-h', '127.0.0.1', '-p', String(port), ...args]);
  if (code !== 0) throw new Error(`redis-cli ${args.join(' ')}: exit ${code}: ${out} ${errors}`);
  return out;
}
