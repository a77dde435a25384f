// A child process: its output by lines, its end by a deadline. None outlives the test's own process.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { until, within } from './wait.mjs';

const running = new Set();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export class Child {
  out = [];
  errors = [];
  errorTimes = []; // when each came, by Date.now()
  exit = null; // {code, signal} once it has ended

  constructor(command, args, options = {}) {
    this.name = `${command.split('/').at(-1)} ${args.join(' ')}`;
    this.process = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], ...options });
    running.add(this.process);
    this.process.on('error', (error) => this.errors.push(String(error)));
    this.process.stdin.on('error', () => {});
    createInterface({ input: this.process.stdout }).on('line', (line) => this.out.push(line));
    createInterface({ input: this.process.stderr }).on('line', (line) => {
      this.errors.push(line);
      this.errorTimes.push(Date.now());
    });
    this.ended = once(this.process, 'close').then(([code, signal]) => {
      running.delete(this.process);
      this.exit = { code, signal };
      // Fails the test file though nobody waits for this end: no test wants the sandbox to end a process.
      if (signal === 'SIGSYS') queueMicrotask(() => { throw new Error(`${this.name} made a refused system call\n${this.tail()}`); });
      return this.exit;
    });
  }

  // The first line of output or errors that the pattern or function accepts: its match.
  async line(pattern, what = String(pattern), deadlineMs) {
    const find = () => [...this.errors, ...this.out].map((text) => text.match(pattern)).find(Boolean);
    const match = await until(() => find() ?? this.exit !== null, `${this.name}: ${what}`, deadlineMs);
    const found = match === true ? find() : match;
    if (!found) throw new Error(`${this.name} ended before ${what}:\n${this.tail()}`);
    return found;
  }

  tail() {
    return [...this.out.slice(-20), ...this.errors.slice(-80)].join('\n');
  }

  kill(signal) {
    this.process.kill(signal);
  }

  // A null signal: it has been told already.
  async stop(signal = 'SIGTERM', deadlineMs = 15_000) {
    if (this.exit === null && signal) this.kill(signal);
    try {
      return await within(this.ended, `the end of ${this.name}`, deadlineMs);
    } catch (error) {
      this.kill('SIGKILL');
      await this.ended;
      throw new Error(`${error.message}\n${this.tail()}`);
    }
  }
}

// Runs to its end: {code, out, errors}, the output as text.
export async function run(command, args, { input, deadlineMs, ...options } = {}) {
  const child = new Child(command, args, options);
  child.process.stdin.end(input);
  await within(child.ended, `the end of ${child.name}`, deadlineMs);
  return { code: child.exit.code, out: child.out.join('\n'), errors: child.errors.join('\n') };
}
