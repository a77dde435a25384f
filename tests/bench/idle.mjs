// What idle connections cost: as many as the descriptors allow, pinged every 25 s, and a message a second to one of them. Ends
// with 1 when Barker's CPU is over the limit.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';

const { values: options } = parseArgs({
  options: {
    load: { type: 'string' }, // barker-load
    barker: { type: 'string' },
    connections: { type: 'string', default: '19500' },
    seconds: { type: 'string', default: '50' }, // two rounds of pings
    'limit-percent': { type: 'string', default: '1' }, // of a core
  },
});

const SPARE_DESCRIPTORS = 400;

function descriptorLimit() {
  const { stdout } = spawnSync('sh', ['-c', 'ulimit -Hn'], { encoding: 'utf8' });
  return stdout.trim() === 'unlimited' ? Infinity : Number(stdout);
}

const children = new Set();
process.on('exit', () => children.forEach((child) => child.kill('SIGKILL')));

function start(file, args) {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('BARKER_')));
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'], env });
  children.add(child);
  child.ended = once(child, 'close').then(([code]) => children.delete(child) && code);
  return child;
}

async function startBarker() {
  const child = start(options.barker, ['run', '--listen-workers', '1', '--listen-address', '127.0.0.1:0', '--embedded-address',
    '127.0.0.1:0', '--watchdog-ping', '25s']);
  const addresses = {};
  for await (const line of createInterface({ input: child.stderr })) {
    const [, kind, address] = line.match(/event=listening kind=(\w+) address="?([^\s"]+)/) ?? [];
    if (kind) addresses[kind] = address;
    if (/event=started\b/.test(line)) break;
  }
  child.stderr.resume();
  if (!addresses.clients || !addresses.embedded) throw new Error('Barker does not start');
  return { child, ...addresses };
}

async function main() {
  const n = Math.min(Number(options.connections), descriptorLimit() - SPARE_DESCRIPTORS);
  const barker = await startBarker();
  const load = start(options.load, ['--url', barker.clients, '--redis', barker.embedded, '--pid', barker.child.pid,
    '--connections', n, '--channels', n, '--channel', 'idle{i}', '--rate', '1', '--warmup', '2', '--seconds', options.seconds,
    '--json'].map(String));
  let output = '';
  load.stdout.on('data', (data) => (output += data));
  load.stderr.pipe(process.stderr);
  const code = await load.ended;
  barker.child.kill('SIGTERM');
  await barker.child.ended;
  if (code !== 0) throw new Error(`barker-load ended with ${code}`);
  const { cpu_share: share, pings, seconds } = JSON.parse(output);
  const percent = 100 * share;
  console.log(`${n} idle connections, ${pings} pings in ${Math.round(seconds)} s: ${percent.toFixed(1)} % of a core; ` +
    `the limit is ${options['limit-percent']} %`);
  return percent < Number(options['limit-percent']) ? 0 : 1;
}

main().then((status) => process.exit(status), (error) => {
  console.error(`idle: ${error.message}`);
  process.exit(1);
});
