// What an idle connection costs in the process's memory, by ws and by wss: resident bytes before and with all of them open.
// Ends with 1 when one is over its limit.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import tls from 'node:tls';
import { parseArgs } from 'node:util';

const { values: options } = parseArgs({
  options: {
    barker: { type: 'string' },
    connections: { type: 'string', default: '4000' },
    'limit-ws': { type: 'string', default: '4' }, // KiB
    'limit-wss': { type: 'string', default: '20' }, // most of it OpenSSL's own: 13.7 KiB of OpenSSL 3.0 for each connection by TLS 1.3
  },
});

const AT_ONCE = 50, SPARE_DESCRIPTORS = 400, SETTLE_MS = 2000;
const request = ['GET /raw/idle HTTP/1.1', 'Host: localhost', 'Connection: Upgrade', 'Upgrade: websocket',
  'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', '', ''].join('\r\n');
const folder = mkdtempSync(join(tmpdir(), 'barker-memory-'));
const children = new Set();
process.on('exit', () => {
  children.forEach((child) => child.kill('SIGKILL'));
  rmSync(folder, { recursive: true, force: true });
});

function descriptorLimit() {
  const { stdout } = spawnSync('sh', ['-c', 'ulimit -Hn'], { encoding: 'utf8' });
  return stdout.trim() === 'unlimited' ? Infinity : Number(stdout);
}

function makeCertificate() {
  const certificate = join(folder, 'certificate.pem'), key = join(folder, 'key.pem');
  const { status } = spawnSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
    '-days', '2', '-subj', '/CN=localhost', '-keyout', key, '-out', certificate]);
  if (status !== 0) throw new Error('openssl makes no certificate');
  return ['--tls-certificate', certificate, '--tls-key', key];
}

async function start() {
  const child = spawn(options.barker, ['run', '--access-subscribe', 'anyone', '--admin-address', '',
    '--drain-notice', '0', '--drain-window', '0',
    '--listen-workers', '1', '--listen-address', '127.0.0.1:0',
    '--listen-tls-address', '127.0.0.1:0', '--embedded-address', '', ...makeCertificate()],
  { stdio: ['ignore', 'ignore', 'pipe'] });
  children.add(child);
  const ports = {};
  for await (const line of createInterface({ input: child.stderr })) {
    const [, kind, port] = line.match(/event=listening kind=(\w+) address="?127\.0\.0\.1:(\d+)/) ?? [];
    if (kind) ports[kind] = Number(port);
    if (/event=started\b/.test(line)) break;
  }
  child.stderr.resume();
  if (!ports.clients || !ports.wss) throw new Error('Barker does not start');
  return { pid: child.pid, ...ports };
}

function hold(port, isTls) {
  return new Promise((resolve, reject) => {
    const socket = isTls ? tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] })
      : net.connect(port, '127.0.0.1');
    socket.once(isTls ? 'secureConnect' : 'connect', () => socket.write(request));
    socket.once('data', () => resolve(socket));
    socket.on('error', reject);
  });
}

const resident = (pid) => Number(readFileSync(`/proc/${pid}/status`, 'utf8').match(/^VmRSS:\s+(\d+) kB/m)[1]);

// The first quarter fills what the process keeps for all of them.
async function measure(name, pid, port, isTls, n) {
  const sockets = [], open = async (nWanted) => {
    while (sockets.length < nWanted)
      sockets.push(...await Promise.all(Array.from({ length: Math.min(AT_ONCE, nWanted - sockets.length) },
        () => hold(port, isTls))));
    await sleep(SETTLE_MS);
    return resident(pid);
  };
  const from = await open(Math.round(n / 4));
  const nFrom = sockets.length;
  const each = (await open(n) - from) / (n - nFrom);
  const limit = Number(options[`limit-${name}`]);
  console.log(`${name}: ${each.toFixed(1)} KiB for each of ${n} idle connections; the limit is ${limit}`);
  await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.on('close', resolve).destroy())));
  return each <= limit;
}

async function main() {
  const n = Math.min(Number(options.connections), descriptorLimit() - SPARE_DESCRIPTORS);
  const byWs = await start(), byWss = await start(); // each in a process of its own, so that none uses what the other freed
  const isSmall = [await measure('ws', byWs.pid, byWs.clients, false, n), await measure('wss', byWss.pid, byWss.wss, true, n)];
  return isSmall.every(Boolean) ? 0 : 1;
}

main().then((status) => process.exit(status), (error) => {
  console.error(`memory: ${error.message}`);
  process.exit(1);
});
