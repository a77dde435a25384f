// The binary under test: BARKER_BINARY, started on ports that the kernel chooses.
import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { Child, run } from './child.mjs';
import { keepLog, noteFlags } from './secrets.mjs';
import { until } from './wait.mjs';

export const SANITIZER = /AddressSanitizer|LeakSanitizer|ThreadSanitizer|runtime error:/;

export function binary() {
  assert.ok(process.env.BARKER_BINARY, 'BARKER_BINARY names the binary under test');
  return resolve(process.env.BARKER_BINARY);
}

// TEST_SECCOMP=yes shuts every node in.
const shut = process.env.TEST_SECCOMP === 'yes' ? { BARKER_PROCESS_SECCOMP: 'yes' } : {};

// The tests' own environment without any BARKER_ variable but those of a whole run.
export function environment(extra = {}) {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('BARKER_'));
  return {
    ...Object.fromEntries(kept),
    ...shut,
    ASAN_OPTIONS: 'detect_leaks=1:abort_on_error=0',
    UBSAN_OPTIONS: 'print_stacktrace=1:halt_on_error=1',
    ...extra,
  };
}

// Runs a subcommand to its end.
export async function barker(args, { variables = {}, ...options } = {}) {
  const result = await run(binary(), args, { env: environment(variables), ...options });
  assert.doesNotMatch(result.errors, SANITIZER);
  return result;
}

// "127.0.0.1:8080", "[::1]:8080" or "unix:/path" as net.connect takes it.
export function parseAddress(text) {
  if (text.startsWith('unix:')) return { path: text.slice('unix:'.length) };
  const [, host, port] = text.match(/^\[?(.*?)\]?:(\d+)$/);
  return { host, port: Number(port) };
}

export class Barker {
  isSettled = false;

  // isFaulty: faults are injected, and the audit is to find them.
  static async start(flags = [], { variables = {}, defaults = true, isFaulty = false } = {}) {
    const node = new Barker();
    node.isFaulty = isFaulty;
    const quiet = defaults ? ['--listen-address', '127.0.0.1:0', '--embedded-address', '127.0.0.1:0'] : [];
    const open = ['--access-subscribe', 'anyone']; // of a flag given twice the last counts
    if (!flags.includes('--config')) open.push('--log-level', 'debug'); // a file says its own
    // Flags count more than these. Several nodes at once each want an admin address of their own.
    const own = { BARKER_ADMIN_ADDRESS: '127.0.0.1:0', BARKER_DRAIN_NOTICE: '0', BARKER_DRAIN_WINDOW: '0', ...variables };
    noteFlags(flags);
    node.child = new Child(binary(), ['run', ...quiet, ...open, ...flags], { env: environment(own) });
    keepLog(node.child.errors);
    await node.child.line(/event=started\b/, 'event=started');
    const listening = node.child.errors.filter((line) => /event=listening\b/.test(line));
    const addresses = (kind) => listening
      .filter((line) => line.includes(`kind=${kind}`))
      .map((line) => parseAddress(line.match(/address="?([^\s"]+)/)[1]));
    node.listeners = addresses('clients');
    node.address = node.listeners[0];
    node.secure = addresses('wss')[0] ?? null;
    node.admin = addresses('admin')[0] ?? null;
    node.embedded = addresses('embedded')[0] ?? null;
    return node;
  }

  url(path, address = this.address, scheme = 'ws') {
    if (address.path) return `ws+unix:${address.path}:${path}`;
    const host = address.host.includes(':') ? `[${address.host}]` : address.host;
    return `${scheme}://${host}:${address.port}${path}`;
  }

  httpUrl(path) {
    return this.url(path, this.address, 'http');
  }

  adminUrl(path) {
    return this.url(path, this.admin, 'http');
  }

  // The lines of the log with this event, as {at, line}.
  events(name) {
    const { errors, errorTimes } = this.child;
    return errors.map((line, index) => ({ at: errorTimes[index], line }))
      .filter(({ line }) => new RegExp(`event=${name}\\b`).test(line));
  }

  // The next such line behind those that were there at a moment: n is events(name).length then.
  async nextEvent(name, n, deadlineMs) {
    return until(() => this.events(name)[n], `${name} in the log`, deadlineMs);
  }

  // A counter of what the node tells at its own end: event=totals, or broker_totals.
  total(name, event = 'totals') {
    const match = this.events(event)[0]?.line.match(new RegExp(` ${name}=(\\d+)`));
    return match ? Number(match[1]) : null;
  }

  // It dies as when the machine goes away; restart() runs it again at the same address.
  async kill() {
    this.isSettled = true;
    await this.child.stop('SIGKILL');
    assert.doesNotMatch(this.child.errors.join('\n'), SANITIZER, this.child.tail());
  }

  isRunning() {
    return this.child.exit === null;
  }

  // How connections ended, as the node tells at its own end: {pong_timeout: {closed, terminated}}.
  causes() {
    const lines = this.child.errors.map((line) => line.match(/event=ended cause=(\w+) closed=(\d+) terminated=(\d+)/));
    return Object.fromEntries(lines.filter(Boolean).map(([, cause, closed, terminated]) => [
      cause, { closed: Number(closed), terminated: Number(terminated) },
    ]));
  }

  assertSane() {
    assert.doesNotMatch(this.child.errors.join('\n'), SANITIZER, this.child.tail());
    const findings = Object.keys(this.causes()).filter((cause) => cause.startsWith('audit_'));
    if (!this.isFaulty) assert.deepEqual(findings, [], 'the audit found what no deadline had');
    const totals = this.child.errors.find((line) => /event=totals\b/.test(line));
    if (totals) assert.match(totals, / connections=0 subscriptions=0 /, 'the gauges are back to zero');
  }

  // SIGTERM, then a clean end: exit code 0 and no sanitizer's report. A test that ends the node in another way says so by
  // isSettled.
  async stop({ isSignalled = false } = {}) {
    if (this.isSettled) return;
    this.isSettled = true;
    const { code, signal } = await this.child.stop(isSignalled ? null : 'SIGTERM', 20_000);
    this.assertSane();
    assert.deepEqual({ code, signal }, { code: 0, signal: null }, this.child.tail());
  }
}
