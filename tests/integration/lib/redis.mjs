// A real redis-server for one test file: in its own folder, in memory unless told otherwise, stopped with the file.
import { once } from 'node:events';
import { mkdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Child, run } from './child.mjs';
import { noteCommand } from './secrets.mjs';

export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

// What is acknowledged is on the disk: nothing of it is lost by SIGKILL.
export const DURABLE = ['--appendonly', 'yes', '--appendfsync', 'always'];

export class Redis {
  // settings: lines of redis.conf given as arguments, such as ['--requirepass', 'secret']; the last of a name counts.
  // certificates: also listens with TLS, on tlsPort, and speaks it to other servers.
  // within: a command before its own, such as ip netns exec.
  static async start(folder, settings = [], { port = null, certificates = null, command = [], within = [] } = {}) {
    for (let attempt = 0; ; attempt++) {
      const redis = new Redis();
      redis.port = port ?? (await freePort());
      redis.folder = join(folder, `redis-${redis.port}`);
      redis.path = join(folder, `redis-${redis.port}.sock`);
      redis.url = `redis://127.0.0.1:${redis.port}`;
      redis.command = command;
      redis.within = within;
      redis.settings = settings;
      if (certificates) await redis.#listenWithTls(certificates);
      mkdirSync(redis.folder, { recursive: true });
      try {
        await redis.#run();
        return redis;
      } catch (error) {
        if (attempt === 3 || redis.child.exit === null) throw error; // else someone else took the port in between
      }
    }
  }

  async #listenWithTls({ ca, certificate, key }) {
    this.tlsPort = await freePort();
    this.settings = [
      ...this.settings, '--tls-port', String(this.tlsPort), '--tls-ca-cert-file', ca, '--tls-cert-file', certificate,
      '--tls-key-file', key, '--tls-auth-clients', 'no', '--tls-replication', 'yes',
    ];
    this.tlsUrl = `rediss://127.0.0.1:${this.tlsPort}?ca=${encodeURIComponent(ca)}`;
  }

  async #run() {
    const [program, ...args] = [...this.within, 'redis-server', ...this.command];
    this.child = new Child(program, [
      ...args, '--port', String(this.port), '--bind', '127.0.0.1', '--unixsocket', this.path, '--dir', this.folder,
      '--save', '', '--appendonly', 'no', ...this.settings,
    ]);
    await this.child.line(/Ready to accept connections|monitor master/, 'readiness');
  }

  // Where other servers find it.
  get peerPort() {
    return this.tlsPort ?? this.port;
  }

  // What it shows from now on to whoever connects.
  showCertificate({ certificate, key }) {
    return this.cli('CONFIG', 'SET', 'tls-cert-file', certificate, 'tls-key-file', key);
  }

  // SIGKILL, as when the machine goes away.
  kill() {
    return this.child.stop('SIGKILL');
  }

  // It hangs: its sockets stay open and nothing is answered.
  pause() {
    this.child.kill('SIGSTOP');
  }

  resume() {
    this.child.kill('SIGCONT');
  }

  // On the same port and folder, after stop or kill; what was on the disk is there again.
  async restart() {
    await this.#run();
  }

  // The same, with nothing of what it held.
  async restartEmpty() {
    rmSync(this.folder, { recursive: true, force: true });
    mkdirSync(this.folder);
    await this.#run();
  }

  cli(...args) {
    return redisCli(this.port, ...args);
  }

  stop(signal = 'SIGKILL') {
    return this.child.stop(signal);
  }
}

export async function redisCli(port, ...args) {
  const options = typeof args.at(-1) === 'object' ? args.pop() : {};
  noteCommand(args[0], args.slice(1));
  const { code, out, errors } = await run('redis-cli', ['-h', '127.0.0.1', '-p', String(port), ...args], options);
  if (code !== 0) throw new Error(`redis-cli ${args.join(' ')}: exit ${code}: ${out} ${errors}`);
  return out;
}
