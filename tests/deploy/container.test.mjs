// The image as it is really run: by podman, read-only and without a capability, with a Redis beside it. container.sh builds it
// and makes the namespaces.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Queue, until, within } from '../integration/lib/wait.mjs';

const require = createRequire(new URL('../integration/package.json', import.meta.url));
const { WebSocket } = require('ws');

const IMAGE = 'localhost/barker';
const SIZE_LIMIT = 15 * 1024 * 1024;
const USER = '65532';
const DRAIN_MS = 20_000;
const HEAL_MS = 12_000; // an attempt (redis.connect_timeout) and a pause before it (redis.backoff_max), at most, and some
const GONE_MS = 8000; // a second of drain, and what the end waits for at most: never for a look-up
const CUT_MS = 8000;
const CONFINED = ['--read-only', '--cap-drop', 'all', '--security-opt', 'no-new-privileges'];
const clients = new Set();

const podman = async (...args) => (await promisify(execFile)('podman', args, { maxBuffer: 1 << 24 })).stdout.trim();
const inspect = async (what) => JSON.parse(await podman('inspect', what))[0];
const publish = (channel, text) => podman('exec', 'redis', 'redis-cli', 'PUBLISH', `barker:${channel}`, text);
const processStatus = async (name) => readFileSync(`/proc/${(await inspect(name)).State.Pid}/status`, 'utf8');
// It complains of the timers of health checks, which systemd would have.
const remove = (...names) => podman('rm', '-f', '-t', '0', ...names).catch(() => {});
const health = () => podman('healthcheck', 'run', 'gateway').then(() => true, () => false);

async function connect(path, host = '127.0.0.1') {
  const socket = new WebSocket(`ws://${host}:8080${path}`);
  const messages = new Queue();
  socket.on('message', (data) => messages.push(String(data)));
  socket.on('error', () => {});
  clients.add(socket);
  const closed = new Promise((resolve) => socket.once('close', resolve));
  await within(new Promise((resolve, reject) => socket.once('open', resolve).once('close', reject)), `opening ${path}`);
  return { socket, messages, closed };
}

// Publishes until the client has it: at first nobody may be subscribed yet, or only a link that Redis does not know to be dead.
function passes(client, channel, text) {
  return until(async () => {
    await publish(channel, text);
    await delay(100);
    return client.messages.values.splice(0).includes(text);
  }, `${text} on ${channel}`, HEAL_MS);
}

before(async () => {
  await podman('network', 'create', 'front');
  await podman('network', 'create', 'back');
  await podman('run', '-d', '--name', 'redis', '--network', 'back', 'docker.io/library/redis:8');
  await podman('run', '-d', '--name', 'gateway', '--network', 'front,back', '-p', '127.0.0.1:8080:8080', ...CONFINED,
    '-e', 'BARKER_REDIS_URL=redis://redis:6379', '-e', 'BARKER_ACCESS_SUBSCRIBE=anyone', '-e', 'BARKER_DRAIN_NOTICE=100ms',
    // Once begun, a look-up without an answer lasts for most of a minute, longer than any patience here.
    '-e', 'BARKER_DRAIN_WINDOW=1s', '-e', 'RES_OPTIONS=timeout:20 attempts:2', IMAGE);
});

after(async () => {
  for (const socket of clients) socket.terminate();
  await remove('-a');
});

it('the image is at most 15 MiB', async (t) => {
  const { Size } = await inspect(IMAGE);
  t.diagnostic(`size ${(Size / 1024 / 1024).toFixed(1)} MiB of ${SIZE_LIMIT / 1024 / 1024}`);
  assert.ok(Size <= SIZE_LIMIT, `${Size} bytes`);
});

it('the image says what it is, whose it is and how it is asked for its health', async () => {
  const { Config, Healthcheck, HealthCheck } = await inspect(IMAGE);
  assert.equal(Config.User, `${USER}:${USER}`);
  assert.deepEqual(Config.Entrypoint, ['/barker']);
  assert.deepEqual(Config.Cmd, ['run']);
  assert.equal(Config.Labels['org.opencontainers.image.version'], '0.1.0');
  assert.equal(Config.Labels['org.opencontainers.image.licenses'], 'Apache-2.0');
  const check = Config.Healthcheck ?? Healthcheck ?? HealthCheck;
  assert.deepEqual(check.Test, ['CMD', '/barker', 'status', '--quiet']);
});

it('every library in it stands in the bill of materials and in the list that scanners read', async () => {
  const mount = await podman('image', 'mount', IMAGE);
  try {
    const bill = JSON.parse(readFileSync(`${mount}/usr/share/sbom/barker.spdx.json`, 'utf8'));
    assert.equal(bill.spdxVersion, 'SPDX-2.3');
    const named = bill.packages.map((entry) => entry.name);
    for (const name of ['barker', 'libc6', 'libsodium23', 'libwebsockets-evlib-uv', 'ca-certificates'])
      assert.ok(named.includes(name), `${name} is not among ${named}`);
    assert.deepEqual(readdirSync(`${mount}/var/lib/dpkg/status.d`).sort(), named.filter((name) => name !== 'barker').sort());
    assert.ok(!existsSync(`${mount}/bin/sh`), 'there is a shell in it');
  } finally {
    await podman('image', 'unmount', IMAGE);
  }
});

it('it runs as nobody in particular, without a capability, and cannot write', async () => {
  const status = await until(() => processStatus('gateway').catch(() => null), 'the process');
  assert.match(status, new RegExp(`^Uid:\\t${USER}\\t${USER}\\t${USER}\\t${USER}$`, 'm'));
  assert.match(status, new RegExp(`^Gid:\\t${USER}\\t${USER}\\t${USER}\\t${USER}$`, 'm'));
  for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb']) assert.match(status, new RegExp(`^${set}:\\t0+$`, 'm'));
  assert.match(status, /^NoNewPrivs:\t1$/m);
  assert.match(status, /^Seccomp:\t2$/m);
  const { HostConfig, State } = await inspect('gateway');
  assert.ok(HostConfig.ReadonlyRootfs);
  const mounts = readFileSync(`/proc/${State.Pid}/mounts`, 'utf8').split('\n').map((line) => line.split(' '));
  assert.match(mounts.find(([, where]) => where === '/')[3], /^ro,/);
});

it('it runs under its filter of system calls, all of it', async () => {
  const said = await until(async () => /event=sandboxed.*/.exec(await logs())?.[0], 'the log to say so', 10_000, 100);
  assert.match(said, /kind=full/);
});

it('it is healthy, and its clients get what backends publish', async () => {
  await until(health, 'health', 20_000, 250);
  const client = await connect('/raw/news');
  await passes(client, 'news', 'hello');
  client.socket.close();
});

it('cut off from Redis it stays healthy and keeps its clients; joined again they get what comes', async (t) => {
  // Which of its networks a published port leads through is podman's choice: this client's own way must not be cut.
  const client = await connect('/raw/cut', (await inspect('gateway')).NetworkSettings.Networks.front.IPAddress);
  await passes(client, 'cut', 'before');
  await podman('network', 'disconnect', 'back', 'gateway');
  const cut = Date.now();
  await until(async () => /event=broker_down/.test(await logs()), 'the log to say so', 20_000, 100);
  t.diagnostic(`known after ${Date.now() - cut} ms`);
  assert.ok(await health(), 'an outage of Redis must not get the gateway killed');
  await delay(cut + CUT_MS - Date.now()); // for the look-ups of its name to hang as well
  await podman('network', 'connect', 'back', 'gateway');
  const joined = Date.now();
  await passes(client, 'cut', 'after').catch(async (error) => assert.fail(`${error}\n${(await logs()).slice(-4000)}`));
  t.diagnostic(`healed after ${Date.now() - joined} ms`);
  assert.equal(client.socket.readyState, WebSocket.OPEN);
});

it('a Redis that hangs is noticed likewise', async () => {
  const client = await connect('/raw/hung');
  await passes(client, 'hung', 'before');
  const { Pid } = (await inspect('redis')).State;
  const downs = (await logs()).match(/event=broker_down/g).length;
  process.kill(Pid, 'SIGSTOP');
  try {
    await until(async () => (await logs()).match(/event=broker_down/g).length > downs, 'the log to say so', 20_000, 100);
    assert.ok(await health(), 'a Redis that hangs must not get the gateway killed');
  } finally {
    process.kill(Pid, 'SIGCONT');
  }
  await passes(client, 'hung', 'after');
});

it('as process 1 it heeds SIGTERM, says goodbye to its clients and exits with 0', async (t) => {
  const client = await connect('/raw/bye');
  const begun = Date.now();
  await podman('kill', '-s', 'TERM', 'gateway');
  const code = await within(client.closed, 'a close frame', DRAIN_MS);
  assert.ok([1001, 1012].includes(code), `closed with ${code}`);
  assert.equal(await within(podman('wait', 'gateway'), 'the end', DRAIN_MS), '0');
  const goneMs = Date.now() - begun;
  t.diagnostic(`gone after ${goneMs} ms`);
  assert.ok(goneMs < GONE_MS, `gone after ${goneMs} ms`);
  assert.doesNotMatch(await logs(), /level=error/);
});

it('one command brings up compose.yaml: clients of both gateways get a message, by a balancer', async (t) => {
  await remove('gateway', 'redis');
  const file = fileURLToPath(new URL('../../deploy/compose.yaml', import.meta.url));
  const compose = (...args) => promisify(execFile)('podman-compose', ['-f', file, ...args], { maxBuffer: 1 << 24 });
  const begun = Date.now();
  const { stdout, stderr } = await compose('up', '-d');
  const names = (await podman('ps', '--format', '{{.Names}}')).split('\n');
  const redis = names.find((name) => /redis/.test(name));
  assert.equal(names.length, 4, `${names}\n${stdout}${stderr}`);
  const both = [];
  await until(async () => {
    const client = await connect('/raw/both').catch(() => null);
    if (client) both.push(client);
    return both.length === 6;
  }, 'six clients', 30_000, 250).catch(async (error) => {
    const said = await Promise.all(names.map((name) => promisify(execFile)('podman', ['logs', '--tail', '20', name])));
    assert.fail(`${error}\n${said.map(({ stdout, stderr }) => stdout + stderr).join('\n')}`);
  });
  t.diagnostic(`open after ${Date.now() - begun} ms`);
  const subscribed = () => podman('exec', redis, 'redis-cli', 'PUBLISH', 'barker:both', 'ping');
  await until(async () => Number(await subscribed()) === 2, 'both gateways subscribed', 20_000, 250);
  await podman('exec', redis, 'redis-cli', 'PUBLISH', 'barker:both', 'hello');
  for (const { messages } of both) {
    let text;
    do text = await messages.next('hello');
    while (text !== 'hello');
  }
});

async function logs() {
  const { stdout, stderr } = await promisify(execFile)('podman', ['logs', 'gateway'], { maxBuffer: 1 << 24 });
  return stdout + stderr;
}
