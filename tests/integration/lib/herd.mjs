// A herd of clients in processes of their own (lib/herd_process.mjs), as each may hold only so many descriptors.
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { until } from './wait.mjs';

const PROCESS = fileURLToPath(new URL('herd_process.mjs', import.meta.url));
const PER_PROCESS = 5_000;

export class Herd {
  #processes = [];
  #answers = new Map();
  #lastId = 0;

  constructor(n, channels, ports, perSecond) {
    this.n = n;
    for (let first = 0; first < n; first += PER_PROCESS) {
      const child = fork(PROCESS);
      child.on('message', (answer) => this.#answers.get(answer.id)?.(answer));
      this.#processes.push(child);
      const count = Math.min(PER_PROCESS, n - first);
      this.#ask(child, { plan: { first, n: count, channels, ports, perSecond: perSecond * count / n } });
    }
  }

  #ask(child, question) {
    const id = ++this.#lastId;
    return new Promise((resolve) => {
      this.#answers.set(id, resolve);
      child.send({ id, ...question });
    }).finally(() => this.#answers.delete(id));
  }

  // The counts of all together. last: {channel: seq} for n_behind.
  async report(question = {}) {
    const answers = await Promise.all(this.#processes.map((child) => this.#ask(child, question)));
    const sum = (name) => answers.reduce((total, answer) => total + answer[name], 0);
    const numbers = Object.keys(answers[0]).filter((name) => name.startsWith('n_'));
    const codes = {};
    for (const answer of answers) for (const [code, n] of Object.entries(answer.codes)) codes[code] = (codes[code] ?? 0) + n;
    return {
      ...Object.fromEntries(numbers.map((name) => [name, sum(name)])), codes, problems: answers.flatMap(({ problems }) => problems),
      opened: answers.flatMap(({ opened = [] }) => opened), away: answers.flatMap(({ away = [] }) => away),
    };
  }

  async subscribed(deadlineMs) {
    await until(async () => (await this.report()).n_subscribed === this.n, `${this.n} subscribed clients`, deadlineMs, 100);
  }

  stop() {
    for (const child of this.#processes) child.kill('SIGKILL');
  }
}

// The most of these moments (of any order) within one second.
export function peakPerSecond(moments) {
  const sorted = [...moments].sort((a, b) => a - b);
  let first = 0, peak = 0;
  for (let last = 0; last < sorted.length; last++) {
    while (sorted[last] - sorted[first] >= 1000) first++;
    peak = Math.max(peak, last - first + 1);
  }
  return peak;
}
