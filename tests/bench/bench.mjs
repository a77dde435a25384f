// Measures Barker against the floor: the same clients, the same Redis, in turns. See README.md beside it.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';

const usage = `usage: node bench.mjs --load PATH --floor PATH [--barker PATH] [options]
Without --barker the floor alone is measured.

  --scenario NAME     fanout (default), window1, window64, channels, protocol, or all
  --rounds N          measurements of each server, in turns (default 11)
  --seconds S         of each measurement (default 1), after --warmup S (default 0.5)
  --limit-ratio R     the most that Barker's CPU per delivery may be of the floor's, fanout only (default 1.3)
  --limit-us U        the most µs of Barker's CPU per delivery, fanout only (default: no limit)
  --report-only       print the table and end with 0 whatever the figures; lost deliveries still fail
`;

const scenarios = {
  fanout: { title: '1000 subscribers, window 8', args: ['--window', '8'], hasFloor: true, isLimited: true },
  window1: { title: '1000 subscribers, window 1', args: ['--window', '1'], hasFloor: true },
  window64: { title: '1000 subscribers, window 64', args: ['--window', '64'], hasFloor: true },
  channels: { title: '1000 channels of one subscriber, window 64', args: ['--window', '64', '--channels', '1000'] },
  protocol: {
    title: '1000 subscribers over /ws (barker.v1), window 8',
    args: ['--window', '8', '--path', '/ws', '--subscribe', '{"type":"subscribe","id":1,"channel":"{channel}"}'],
  },
};

const { values: options } = parseArgs({
  options: {
    load: { type: 'string' },
    floor: { type: 'string' },
    barker: { type: 'string' },
    scenario: { type: 'string', default: 'fanout' },
    rounds: { type: 'string', default: '11' },
    seconds: { type: 'string', default: '1' },
    warmup: { type: 'string', default: '0.5' },
    'limit-ratio': { type: 'string', default: '1.3' },
    'limit-us': { type: 'string', default: 'Infinity' },
    'report-only': { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const children = new Set();

function start(name, file, args) {
  const env = Object.fromEntries(Object.entries(process.env).filter(([key]) => !key.startsWith('BARKER_')));
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'], env });
  child.name = name;
  child.output = '';
  child.errors = '';
  child.stdout.on('data', (data) => (child.output = (child.output + data).slice(-65536)));
  child.stderr.on('data', (data) => (child.errors = (child.errors + data).slice(-4096)));
  child.ended = new Promise((resolve) => {
    child.on('error', (error) => resolve(`cannot be started: ${error.message}`));
    child.on('close', (code, signal) => resolve(code ?? signal));
  });
  child.ended.then((status) => {
    child.status = status;
    children.delete(child);
  });
  children.add(child);
  return child;
}

async function stop(child) {
  if (child.status !== undefined) return;
  child.kill('SIGTERM');
  const killer = setTimeout(() => child.kill('SIGKILL'), 8000);
  await child.ended;
  clearTimeout(killer);
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = net.createServer().on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

function connects(port) {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.on('connect', () => resolve(true)).on('error', () => resolve(false));
    socket.on('connect', () => socket.destroy());
  });
}

async function startServer(name, file, args, port) {
  const child = start(name, file, args);
  for (const deadline = Date.now() + 10000; Date.now() < deadline; await sleep(50)) {
    if (child.status !== undefined) break;
    if (await connects(port)) return child;
  }
  throw new Error(`${name} does not listen on port ${port} (${child.status ?? 'still running'})\n${child.errors}`);
}

async function measure(server, redisPort, scenario) {
  const args = ['--url', `127.0.0.1:${server.port}`, '--redis', `127.0.0.1:${redisPort}`, '--pid', server.child.pid,
    '--label', server.child.name, '--channel', server.channel, '--seconds', options.seconds, '--warmup', options.warmup,
    '--json', ...scenario.args].map(String);
  if (scenario.args.includes('--channels')) args.push('--channel', `${server.channel}{i}`);
  const load = start('barker-load', options.load, args);
  const limit = setTimeout(() => load.kill('SIGKILL'), (Number(options.seconds) + Number(options.warmup) + 100) * 1000);
  const status = await load.ended;
  clearTimeout(limit);
  if (status !== 0) throw new Error(`${server.child.name}: barker-load ended with ${status}\n${load.errors}${load.output}`);
  return JSON.parse(load.output);
}

function spread(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  return { min: sorted[0], median, max: sorted.at(-1) };
}

function row(title, name, results, ratios) {
  const cpu = spread(results.map((result) => result.cpu_us_per_delivery));
  const middle = (pick, digits) => spread(results.map(pick)).median.toFixed(digits);
  const ratio = ratios ? spread(ratios) : undefined;
  return [title, name, results.length, cpu.min.toFixed(3), cpu.median.toFixed(3), cpu.max.toFixed(3),
    ratio ? `${ratio.min.toFixed(2)} / ${ratio.median.toFixed(2)} / ${ratio.max.toFixed(2)}` : '',
    middle((result) => result.deliveries_per_read, 1), middle((result) => result.deliveries_per_second, 0),
    middle((result) => result.latency_us.p50, 0), middle((result) => result.latency_us.p99, 0)];
}

function printRow(cells) {
  console.log(`| ${cells.join(' | ')} |`);
}

// The servers take turns, and each round begins with the one that ended the round before.
async function runScenario(scenario, floor, barker, redisPort) {
  const floorResults = [];
  const barkerResults = [];
  for (let round = 0; round < Number(options.rounds); round++) {
    const turns = [];
    if (scenario.hasFloor) turns.push(async () => floorResults.push(await measure(floor, redisPort, scenario)));
    if (barker) turns.push(async () => barkerResults.push(await measure(barker, redisPort, scenario)));
    if (round % 2 === 1) turns.reverse();
    for (const turn of turns) await turn();
  }
  const hasBoth = floorResults.length > 0 && barkerResults.length > 0;
  const ratios = hasBoth
    ? barkerResults.map((result, i) => result.cpu_us_per_delivery / floorResults[i].cpu_us_per_delivery)
    : undefined;
  if (floorResults.length > 0) printRow(row(scenario.title, 'floor', floorResults));
  if (barkerResults.length > 0) printRow(row(scenario.title, 'Barker', barkerResults, ratios));
  if (!scenario.isLimited || !hasBoth) return [];
  const faults = [];
  const ratio = spread(ratios).median;
  const cpu = spread(barkerResults.map((result) => result.cpu_us_per_delivery)).median;
  if (ratio > Number(options['limit-ratio']))
    faults.push(`median ratio to the floor ${ratio.toFixed(3)}, at most ${options['limit-ratio']} allowed`);
  if (cpu > Number(options['limit-us']))
    faults.push(`median CPU ${cpu.toFixed(3)} µs per delivery, at most ${options['limit-us']} allowed`);
  return faults;
}

function busyTicks() {
  const [user, nice, system, , , irq, softirq, steal] = readFileSync('/proc/stat', 'utf8').split('\n')[0].split(/\s+/).slice(1).map(Number);
  return user + nice + system + irq + softirq + steal;
}

async function printMachine() {
  const before = busyTicks();
  await sleep(1000);
  const others = (busyTicks() - before) / 100;
  console.log(`${os.cpus()[0].model.trim()}, ${os.availableParallelism()} cores, Linux ${os.release()}, ${new Date().toISOString().slice(0, 10)}; ` +
    `other work before the start: ${others.toFixed(2)} cores`);
  if (others > 0.1) console.log('This machine is not quiet: the µs are too high, and the ratio is less sure.');
  console.log();
}

async function main() {
  const names = options.scenario === 'all' ? Object.keys(scenarios) : [options.scenario];
  if (options.help || !options.load || !options.floor || names.some((name) => !scenarios[name])) {
    console.error(usage);
    return options.help ? 0 : 64;
  }
  if (options.barker && !existsSync(options.barker)) throw new Error(`no Barker at ${options.barker}`);

  const folder = mkdtempSync(path.join(os.tmpdir(), 'barker-bench-'));
  process.on('exit', () => {
    for (const child of children) child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });
  const [redisPort, floorPort, barkerPort] = [await freePort(), await freePort(), await freePort()];
  const redis = await startServer('redis-server', 'redis-server',
    ['--port', redisPort, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder].map(String), redisPort);
  // Channels of their own, so that neither server hears what the other is measured with.
  const floor = { port: floorPort, channel: 'floor', child: await startServer('floor', options.floor,
    [`127.0.0.1:${floorPort}`, `127.0.0.1:${redisPort}`, 'barker:floor'], floorPort) };
  const barker = options.barker && { port: barkerPort, channel: 'bench', child: await startServer('barker', options.barker,
    ['run', '--access-subscribe', 'anyone', '--admin-address', '', '--listen-address', `127.0.0.1:${barkerPort}`, '--listen-workers', '1',
      '--drain-notice', '0', '--drain-window', '0',
      '--redis-url', `redis://127.0.0.1:${redisPort}`], barkerPort) };

  await printMachine();
  printRow(['scenario', 'server', 'rounds', 'CPU µs a delivery: min', 'median', 'max', 'ratio to the floor: min / median / max',
    'messages a read', 'deliveries/s', 'p50 µs', 'p99 µs']);
  console.log('|---|---|---|---|---|---|---|---|---|---|---|');
  const faults = [];
  for (const name of names) faults.push(...await runScenario(scenarios[name], floor, barker, redisPort));
  for (const child of [barker?.child, floor.child, redis]) if (child) await stop(child);
  for (const fault of faults) console.log(`\n${options['report-only'] ? 'Note' : 'FAILED'}: ${fault}`);
  return faults.length > 0 && !options['report-only'] ? 1 : 0;
}

for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(130));
main().then((status) => process.exit(status), (error) => {
  console.error(`bench: ${error.message}`);
  process.exit(1);
});
