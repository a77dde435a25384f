// What systemd is told, and the sockets that it keeps open over a restart.
import assert from 'node:assert/strict';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { SANITIZER, binary, environment } from './lib/barker.mjs';
import { makeCertificates } from './lib/certificates.mjs';
import { Child, run } from './lib/child.mjs';
import { Scene, it } from './lib/scene.mjs';
import { until } from './lib/wait.mjs';

const scene = new Scene();
const script = (name) => fileURLToPath(new URL(`lib/${name}`, import.meta.url));
const SCHEDULING_MS = 1500;
const children = [];

async function manager(path) {
  const child = new Child('python3', ['-u', script('manager.py'), path]);
  children.push(child);
  await child.line(/^ready$/);
  child.told = () => child.out.slice(1).map((line) => JSON.parse(line));
  child.has = (text) => child.told().find(({ lines }) => lines.includes(text));
  return child;
}

const QUIET = [
  '--access-subscribe', 'anyone', '--embedded-address', '127.0.0.1:0', '--admin-address', '127.0.0.1:0', '--drain-notice', '0',
  '--drain-window', '0',
];

async function holder(plan, flags, variables) {
  const child = new Child('python3', ['-u', script('holder.py'), JSON.stringify({ runs: 1, pause: 0, ...plan }), binary(), 'run',
    ...QUIET, ...flags], { env: environment(variables) });
  children.push(child);
  const [, addresses] = await child.line(/^holding (.*)$/);
  child.addresses = JSON.parse(addresses).map((address) => ({ host: address[0], port: address[1] }));
  return child;
}

const url = ({ host, port }) => `ws://${host}:${port}/ws`;

it('READY, the watchdog while all loops tick, RELOADING and STOPPING are told', async () => {
  const systemd = await manager(join(scene.folder, 'notify'));
  const node = await scene.barker(['--drain-notice', '500ms', '--drain-window', '500ms'], {
    variables: { NOTIFY_SOCKET: join(scene.folder, 'notify'), WATCHDOG_USEC: '400000' },
  });
  await until(() => systemd.has('READY=1'), 'READY');
  assert.ok(systemd.has('READY=1').lines.includes('STATUS=serving'));
  const beats = () => systemd.told().filter(({ lines }) => lines.includes('WATCHDOG=1'));
  await until(() => beats().length >= 10, 'the watchdog');
  const gaps = beats().slice(1).map(({ at }, index) => at - beats()[index].at);
  assert.ok(gaps.sort((a, b) => a - b)[Math.floor(gaps.length / 2)] < 350, `${gaps}`);
  await scene.connectV1(node.url('/ws'));
  node.child.kill('SIGTERM');
  await until(() => systemd.has('STOPPING=1'), 'STOPPING');
  const extended = systemd.has('STOPPING=1').lines.map((line) => line.match(/^EXTEND_TIMEOUT_USEC=(\d+)$/)).find(Boolean);
  assert.ok(Number(extended[1]) >= 1_000_000 && Number(extended[1]) <= 60_000_000, extended[1]);
  await node.stop({ isSignalled: true });
  assert.ok(beats().at(-1).at > systemd.has('STOPPING=1').at, 'the watchdog is fed while the node drains');
});

it('SIGHUP is answered by RELOADING with its time, then READY', async () => {
  const { certificate, key } = await makeCertificates(scene.folder);
  const path = `@barker-test-${process.pid}`;
  const systemd = await manager(path);
  const node = await scene.barker([
    '--listen-tls-address', '127.0.0.1:0', '--tls-certificate', certificate, '--tls-key', key,
  ], { variables: { NOTIFY_SOCKET: path } });
  await until(() => systemd.has('READY=1'), 'READY');
  node.child.kill('SIGHUP');
  await until(() => systemd.told().filter(({ lines }) => lines.includes('READY=1')).length === 2, 'READY again');
  const reloading = systemd.told().findIndex(({ lines }) => lines[0] === 'RELOADING=1');
  assert.equal(reloading, 1);
  const [, usec] = systemd.told()[reloading].lines[1].match(/^MONOTONIC_USEC=(\d+)$/);
  assert.ok(Math.abs(Number(usec) / 1000 - Number(process.hrtime.bigint() / 1_000_000n)) < 10_000, usec);
  assert.ok(systemd.told().at(-1).lines.includes('STATUS=reloaded'));
  rmSync(certificate);
  node.child.kill('SIGHUP');
  await until(() => systemd.told().filter(({ lines }) => lines.includes('READY=1')).length === 3, 'READY once more');
  assert.match(systemd.told().at(-1).lines.join(), /STATUS=serving; the reload was refused/);
  await node.stop();
});

it('a node that hangs lets the watchdog bark', async () => {
  const path = join(scene.folder, 'hung');
  const systemd = await manager(path);
  const node = await scene.barker([], { variables: { NOTIFY_SOCKET: path, WATCHDOG_USEC: '400000' } });
  await until(() => systemd.has('WATCHDOG=1'), 'the watchdog');
  node.child.kill('SIGSTOP');
  await delay(300);
  const n = systemd.told().length;
  await delay(1000);
  assert.equal(systemd.told().length, n);
  node.child.kill('SIGCONT');
  await until(() => systemd.told().length > n, 'the watchdog again');
  await node.stop();
});

it('a NOTIFY_SOCKET where nobody listens is a warning', async () => {
  const node = await scene.barker([], { variables: { NOTIFY_SOCKET: join(scene.folder, 'nobody') } });
  assert.equal(node.events('cannot_notify').length, 1);
  await node.stop();
});

it('a restart with an inherited socket refuses nobody', async () => {
  const child = await holder({ sockets: [['127.0.0.1:0', 'clients']], runs: 2, pause: 1 }, ['--listen-workers', '2']);
  const [address] = child.addresses;
  await child.line(/event=started/);
  assert.ok(child.errors.some((line) => /event=listening .*socket=inherited/.test(line)), child.tail());
  const clients = await Promise.all(Array.from({ length: 20 }, () => scene.connectV1(url(address))));
  child.kill('SIGTERM');
  for (const client of clients) assert.equal((await client.end()).code, 1012);
  await child.line(/^ended 0$/);
  const since = performance.now();
  const waits = await Promise.all(Array.from({ length: 100 }, async (_, index) => {
    await delay(index * 10); // before, while and after the next process starts
    const from = performance.now();
    const client = await scene.connectV1(url(address));
    assert.equal((await client.ask({ type: 'ping' })).type, 'ok');
    return performance.now() - from;
  }));
  assert.ok(performance.now() - since >= 900, 'the process was away for a second');
  console.log(`100 clients came while the process was away for 1 s: all got in, after ${Math.round(Math.max(...waits))} ms at most`);
  child.kill('SIGTERM');
  assert.deepEqual(await child.stop(null), { code: 0, signal: null }, child.tail());
  assert.doesNotMatch(child.errors.join('\n'), SANITIZER);
});

it('a restart under load refuses nobody either, nor who is connecting when it begins', async () => {
  const plan = { sockets: [['127.0.0.1:0', 'clients']], runs: 4 };
  const child = await holder(plan, ['--drain-window', '5s', '--listen-workers', '2']);
  let isOver = false, n = 0;
  const comers = Array.from({ length: 12 }, async () => {
    for (; !isOver; n++) {
      const client = await scene.connect(url(child.addresses[0]));
      await delay(5);
      client.terminate();
    }
  });
  const running = () => child.out.filter((line) => line.startsWith('running')).length;
  for (let round = 1; round < plan.runs; round++) {
    await delay(500);
    child.kill('SIGTERM');
    await until(() => running() > round, 'the next process', 20_000);
  }
  await delay(500);
  isOver = true;
  await Promise.all(comers);
  assert.ok(n > 20);
  child.kill('SIGTERM');
  assert.equal((await child.stop(null)).code, 0, child.tail());
  assert.doesNotMatch(child.errors.join('\n'), SANITIZER);
});

it('an inherited socket without a name is matched by its address, a unix socket by its path, which stays', async () => {
  const path = join(scene.folder, 'inherited');
  const child = await holder({ sockets: [[path, '']], runs: 2 }, ['--listen-address', `unix:${path}`, '--listen-workers', '2']);
  await child.line(/event=started/);
  const client = await scene.connectV1(`ws+unix:${path}:/ws`);
  child.kill('SIGTERM');
  assert.equal((await client.end()).code, 1012);
  await child.line(/^ended 0$/);
  const again = await scene.connectV1(`ws+unix:${path}:/ws`);
  assert.equal((await again.ask({ type: 'ping' })).type, 'ok');
  child.kill('SIGTERM');
  assert.equal((await child.stop(null)).code, 0, child.tail());
});

it('the admin address is inherited likewise, by its name or its address', async () => {
  const path = join(scene.folder, 'inherited-admin');
  for (const [socket, flags] of [[['127.0.0.1:0', 'admin'], []], [[path, ''], ['--admin-address', `unix:${path}`]]]) {
    const child = new Child('python3', ['-u', script('holder.py'), JSON.stringify({ sockets: [socket], runs: 1, pause: 0 }), binary(),
      'run', ...QUIET, '--listen-address', '127.0.0.1:0', ...flags], { env: environment() });
    children.push(child);
    const [, addresses] = await child.line(/^holding (.*)$/);
    await child.line(/event=started/);
    assert.ok(child.errors.some((line) => /event=listening kind=admin .*socket=inherited/.test(line)), child.tail());
    const [address] = JSON.parse(addresses);
    if (socket[1]) assert.equal((await fetch(`http://${address[0]}:${address[1]}/healthz`)).status, 200);
    child.kill('SIGTERM');
    assert.equal((await child.stop(null)).code, 0, child.tail());
    if (!socket[1]) assert.ok(existsSync(path), 'the path stays, as it is not ours');
  }
});

it('an inherited socket that has no use ends the start with a reason', async () => {
  for (const name of ['', 'wss']) {
    const child = await holder({ sockets: [['127.0.0.1:0', name]] }, ['--listen-address', '127.0.0.1:0']);
    assert.equal((await child.stop(null)).code, 69, child.tail());
    assert.match(child.errors.join('\n'), /event=socket_without_use .*127\.0\.0\.1/);
  }
});

it('an inherited admin address beyond loopback wants a token, as one of the configuration does', async (t) => {
  const apart = ['unshare', '--user', '--map-root-user', '--net', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh'];
  if ((await run(apart[0], [...apart.slice(1), 'true'])).code !== 0) return t.skip('needs a network namespace of its own');
  const token = '0123456789abcdef';
  const start = async (...flags) => {
    const child = new Child(apart[0], [...apart.slice(1), 'python3', '-u', script('holder.py'),
      JSON.stringify({ sockets: [['0.0.0.0:0', 'admin']], runs: 1, pause: 0 }), binary(), 'run', ...QUIET, '--listen-address',
      '127.0.0.1:0', ...flags], { env: environment() });
    children.push(child);
    return child;
  };
  const refused = await start();
  assert.equal((await refused.stop(null)).code, 69, refused.tail());
  assert.match(refused.errors.join('\n'), /event=cannot_listen kind=admin .*beyond loopback.*admin\.token/);
  const file = join(scene.folder, 'token.ini');
  writeFileSync(file, `[admin]\ntoken = ${token}\n`);
  const guarded = await start('--config', file);
  await guarded.line(/event=listening kind=admin .*socket=inherited/);
  const [, pid] = await guarded.line(/event=started .*pid=(\d+)/);
  writeFileSync(file, '');
  process.kill(Number(pid), 'SIGHUP');
  await guarded.line(/event=configuration_refused .*admin\.token/);
  guarded.kill('SIGTERM');
  assert.equal((await guarded.stop(null)).code, 0, guarded.tail());
});

it('systemd-socket-activate hands its socket over', async (t) => {
  const probe = await new Child('systemd-socket-activate', ['--version']).ended.catch(() => null);
  if (probe?.code !== 0) return t.skip('systemd-socket-activate is not installed');
  const path = join(scene.folder, 'activated');
  const set = environment();
  const handed = Object.keys(set).filter((name) => /^(ASAN_OPTIONS|UBSAN_OPTIONS|BARKER_.*)$/.test(name)); // it hands no other over
  const child = new Child('systemd-socket-activate', ['-l', path, '--fdname', 'clients',
    ...handed.flatMap((name) => ['-E', `${name}=${set[name]}`]), binary(), 'run', ...QUIET], { env: set });
  children.push(child);
  await child.line(/Listening on/);
  const client = await scene.connectV1(`ws+unix:${path}:/ws`);
  assert.equal((await client.ask({ type: 'ping' })).type, 'ok');
  child.kill('SIGTERM');
  assert.equal((await client.end()).code, 1012);
  assert.equal((await child.stop(null)).code, 0, child.tail());
});

it('no helper is left', async () => {
  for (const child of children) if (child.exit === null) await child.stop('SIGKILL');
});

scene.endsClean();
