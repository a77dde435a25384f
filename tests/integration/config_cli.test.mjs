// Configuration from flags, environment and file, and the subcommands as a person meets them.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { barker, binary, environment } from './lib/barker.mjs';
import { Child } from './lib/child.mjs';
import { Scene, it } from './lib/scene.mjs';

const EX_USAGE = 64, EX_UNAVAILABLE = 69, EX_CONFIG = 78;
const scene = new Scene();
const file = (name, text) => {
  const path = join(scene.folder, name);
  writeFileSync(path, text);
  return path;
};
const check = (args, variables) => barker(['check-config', ...args], { variables });

it('the defaults are printed, and that they let nobody in is said as run says it', async () => {
  const { code, out, errors } = await check([]);
  assert.match(out, /127\.0\.0\.1:8080/);
  assert.equal(code, EX_CONFIG);
  assert.match(errors, /nobody could subscribe or publish/);
  assert.equal((await barker(['run'])).errors, errors);
  assert.equal((await check(['--access-subscribe', 'anyone'])).code, 0);
});

it('a value of the file is used, and its origin is told', async () => {
  const path = file('some.ini', '[watchdog]\nping = 7s\n');
  const { code, out } = await check(['--config', path, '--access-subscribe', 'anyone']);
  assert.equal(code, 0);
  assert.match(out, /ping\s*=\s*7s/);
  assert.match(out, /some\.ini:2/);
});

it('the environment beats the file, and a flag beats both', async () => {
  const path = file('beaten.ini', '[watchdog]\nping = 7s\npong = 7s\nlinger = 7s\n');
  const variables = { BARKER_WATCHDOG_PONG: '8s', BARKER_WATCHDOG_LINGER: '8s' };
  const { out } = await check(['--config', path, '--watchdog-linger', '9s'], variables);
  assert.match(out, /ping\s*=\s*7s/);
  assert.match(out, /pong\s*=\s*8s/);
  assert.match(out, /linger\s*=\s*9s/);
});

it('BARKER_CONFIG names the file', async () => {
  const path = file('named.ini', '[redis]\nprefix = named:\n');
  assert.match((await check([], { BARKER_CONFIG: path })).out, /named:/);
});

for (const [what, text, line, pattern] of [
  ['an unknown key', '[watchdog]\npinng = 7s\n', 2, /ping/],
  ['an unknown section', '[watchdogs]\nping = 7s\n', 2, /watchdog/],
  ['a bad duration', '\n[watchdog]\nping = soon\n', 3, /soon.*duration|duration.*soon/],
  ['a number out of bounds', '[listen]\nworkers = 1000\n', 2, /63/],
  ['a bad address', '[listen]\naddress = here\n', 2, /here/],
  ['a bad choice', '[log]\nlevel = loud\n', 2, /debug.*info.*warn.*error/],
  ['a line that is none', '[watchdog]\nping\n', 2, /./],
]) {
  it(`${what} in the file is refused with file and line`, async () => {
    const { code, out, errors } = await check(['--config', file('bad.ini', text)]);
    assert.equal(code, EX_CONFIG);
    assert.ok(`${out}${errors}`.includes(`bad.ini:${line}`), errors);
    assert.match(`${out}${errors}`, pattern);
  });
}

it('run refuses a bad file as check-config does', async () => {
  const { code, errors } = await barker(['run', '--config', file('bad.ini', '[x]\ny = 1\n')]);
  assert.equal(code, EX_CONFIG);
  assert.match(errors, /bad\.ini:2/);
});

it('a file that is not there is refused with its name', async () => {
  const { code, errors } = await check(['--config', join(scene.folder, 'absent.ini')]);
  assert.ok(code !== 0);
  assert.match(errors, /absent\.ini/);
});

it('an unknown BARKER_ variable is refused', async () => {
  const { code, errors } = await check([], { BARKER_REDIS_URI: 'redis://localhost' });
  assert.equal(code, EX_CONFIG);
  assert.match(errors, /BARKER_REDIS_URI/);
  assert.match(errors, /BARKER_REDIS_URL/);
});

it('a bad value of a flag is refused with the flag', async () => {
  const { code, errors } = await check(['--watchdog-ping', 'never']);
  assert.ok([EX_USAGE, EX_CONFIG].includes(code));
  assert.match(errors, /--watchdog-ping/);
});

it('the password of the URL is never shown', async () => {
  const { out, errors } = await check(['--redis-url', 'redis://user:hidden-word@127.0.0.1:6379']);
  assert.doesNotMatch(out + errors, /hidden-word/);
  assert.match(out, /127\.0\.0\.1:6379/);
});

for (const text of ['--help', 'run --help', 'publish --help', 'check-config --help', 'version --help', 'help', 'help run']) {
  it(`barker ${text} explains itself and ends with 0`, async () => {
    const { code, out, errors } = await barker(text.split(' '));
    assert.equal(code, 0);
    assert.equal(errors, '');
    assert.match(out, /barker/);
    assert.ok(out.split('\n').every((line) => line.length <= 80));
  });
}

it('version tells the version', async () => {
  const { code, out } = await barker(['version']);
  assert.equal(code, 0);
  assert.match(out, /\d+\.\d+\.\d+/);
});

for (const [what, args, pattern] of [
  ['an unknown subcommand', ['pubish'], /publish/],
  ['an unknown flag', ['run', '--redis-ulr', 'x'], /--redis-url/],
  ['a flag without its value', ['run', '--redis-url'], /--redis-url/],
  ['publish without a payload', ['publish', 'channel'], /DATA/],
  ['an argument too many', ['version', 'please'], /please/],
]) {
  it(`${what} ends with 64 and a hint`, async () => {
    const { code, errors } = await barker(args);
    assert.equal(code, EX_USAGE);
    assert.match(errors, pattern);
  });
}

it('publish delivers through the embedded broker, from its argument or standard input', async () => {
  const node = await scene.barker();
  const client = await scene.connectV1(node.url('/ws'));
  await client.ask({ type: 'subscribe', channel: 'typed' });
  const at = ['--embedded-address', `127.0.0.1:${node.embedded.port}`];
  const first = await barker(['publish', ...at, 'typed', '{"n":1}']);
  assert.equal(first.code, 0);
  assert.match(first.out, /1/);
  const second = await barker(['publish', ...at, 'typed', '-'], { input: '{"n":2}' });
  assert.equal(second.code, 0);
  assert.deepEqual((await client.nextJson()).data, { n: 1 });
  assert.deepEqual((await client.nextJson()).data, { n: 2 });
});

it('publish ends with 69 when no broker is there', async () => {
  const { code, errors } = await barker(['publish', '--redis-url', 'redis://127.0.0.1:1', 'x', 'y']);
  assert.equal(code, EX_UNAVAILABLE);
  assert.match(errors, /127\.0\.0\.1 port 1/);
});

it('flags without a subcommand run a node', async () => {
  const node = await scene.barker();
  const busy = `127.0.0.1:${node.address.port}`;
  const { code, errors } = await barker(['--access-subscribe', 'anyone', '--listen-address', busy, '--embedded-address', '']);
  assert.ok(code !== 0);
  assert.match(errors, /in use/i);
  assert.ok(errors.includes(busy), errors);
});

it('the log in JSON is one object a line', async () => {
  const flags = ['--listen-address', '127.0.0.1:0', '--embedded-address', '', '--log-format', 'json', '--log-level', 'debug'];
  const child = new Child(binary(), ['run', '--access-subscribe', 'anyone', '--admin-address', '', '--drain-notice', '0', ...flags],
    { env: environment() });
  await child.line(/"event":\s*"started"/);
  assert.deepEqual(await child.stop(), { code: 0, signal: null });
  for (const line of child.errors) {
    const { ts, level, event } = JSON.parse(line);
    assert.match(ts, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    assert.ok(level && event);
  }
});

scene.endsClean();
