// What idle connections cost: as many as the descriptors allow, pinged every 25 s, at Barker and then at the floor, which does
// nothing but send() and recv(). The clients answer each ping. Ends with 1 when Barker's CPU is over the limit.
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import net from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';

const { values: options } = parseArgs({
  options: {
    barker: { type: 'string' },
    floor: { type: 'string' },
    connections: { type: 'string', default: '19500' },
    seconds: { type: 'string', default: '50' }, // two rounds of pings
    'limit-ratio': { type: 'string', default: '2.5' }, // to the floor
    'limit-percent': { type: 'string', default: 'Infinity' }, // of a core
  },
});

const PING_SECONDS = 25, AT_ONCE = 100, SPARE_DESCRIPTORS = 400, PING = 0x89, PONG = 0x8a, MASKED = 0x80;
const request = ['GET /raw/idle HTTP/1.1', 'Host: localhost', 'Connection: Upgrade', 'Upgrade: websocket',
  'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', '', ''].join('\r\n');
const children = new Set();
process.on('exit', () => children.forEach((child) => child.kill('SIGKILL')));

function descriptorLimit() {
  const { stdout } = spawnSync('sh', ['-c', 'ulimit -Hn'], { encoding: 'utf8' });
  return stdout.trim() === 'unlimited' ? Infinity : Number(stdout);
}

function start(file, args) {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('BARKER_')));
  const child = spawn(file, args.map(String), { stdio: ['ignore', 'ignore', 'pipe'], env });
  children.add(child);
  child.on('close', () => children.delete(child));
  return child;
}

async function startBarker() {
  const child = start(options.barker, ['run', '--access-subscribe', 'anyone', '--admin-address', '', '--listen-workers', 1,
    '--drain-notice', '0', '--drain-window', '0',
    '--listen-address', '127.0.0.1:0', '--embedded-address', '127.0.0.1:0', '--watchdog-ping', `${PING_SECONDS}s`]);
  const ports = {};
  for await (const line of createInterface({ input: child.stderr })) {
    const [, kind, port] = line.match(/event=listening kind=(\w+) address="?127\.0\.0\.1:(\d+)/) ?? [];
    if (kind) ports[kind] = Number(port);
    if (/event=started\b/.test(line)) break;
  }
  child.stderr.resume();
  if (!ports.clients || !ports.embedded) throw new Error('Barker does not start');
  return { child, ...ports };
}

// Barker's embedded broker, idle, is the floor's Redis.
async function startFloor(redisPort) {
  const probe = net.createServer();
  const port = await new Promise((resolve) => probe.listen(0, '127.0.0.1', () => resolve(probe.address().port)));
  await new Promise((resolve) => probe.close(resolve));
  const child = start(options.floor, [`127.0.0.1:${port}`, `127.0.0.1:${redisPort}`, 'idle', PING_SECONDS]);
  child.stderr.pipe(process.stderr);
  await sleep(500);
  return { child, clients: port };
}

let nPings = 0;
function hold(port) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1', () => socket.write(request));
    let isOpen = false;
    socket.on('data', (data) => {
      if (isOpen && data[0] === PING) {
        nPings++;
        socket.write(Buffer.concat([Buffer.from([PONG, MASKED | data[1], 0, 0, 0, 0]), data.subarray(2)]));
      }
      isOpen = true;
      resolve(socket);
    });
    socket.on('error', reject);
  });
}

// Nanoseconds on a core, of all its threads.
function cpu(pid) {
  const tasks = readdirSync(`/proc/${pid}/task`);
  return tasks.reduce((sum, task) => sum + Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]), 0);
}

async function measure(name, { child, clients }, n) {
  const sockets = [];
  while (sockets.length < n)
    sockets.push(...await Promise.all(Array.from({ length: Math.min(AT_ONCE, n - sockets.length) }, () => hold(clients))));
  await sleep(1000);
  nPings = 0;
  const from = cpu(child.pid), fromMs = performance.now();
  await sleep(Number(options.seconds) * 1000);
  const seconds = (performance.now() - fromMs) / 1000;
  const percent = (cpu(child.pid) - from) / seconds / 1e7;
  console.log(`${name}: ${n} idle connections, ${nPings} pings answered in ${Math.round(seconds)} s: ` +
    `${percent.toFixed(2)} % of a core, ${(percent * seconds * 1e4 / nPings).toFixed(1)} µs a ping`);
  const closed = sockets.map((socket) => new Promise((resolve) => socket.on('close', resolve).destroy()));
  await Promise.all(closed);
  return { percent, perPing: percent * seconds / nPings };
}

async function main() {
  const n = Math.min(Number(options.connections), descriptorLimit() - SPARE_DESCRIPTORS);
  const barker = await startBarker();
  const own = await measure('Barker', barker, n);
  const floor = await startFloor(barker.embedded);
  const least = await measure('floor', floor, n);
  floor.child.kill('SIGTERM');
  barker.child.kill('SIGTERM');
  const ratio = own.perPing / least.perPing;
  console.log(`ratio of the CPU a ping: ${ratio.toFixed(2)}; the limit is ${options['limit-ratio']}`);
  return ratio <= Number(options['limit-ratio']) && own.percent <= Number(options['limit-percent']) ? 0 : 1;
}

main().then((status) => process.exit(status), (error) => {
  console.error(`idle: ${error.message}`);
  process.exit(1);
});
