// Waiting with a deadline: no test sleeps for a time that it hopes will do.
import { setTimeout as delay } from 'node:timers/promises';

export const DEADLINE_MS = 15_000;

export async function within(promise, what, deadlineMs = DEADLINE_MS) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${deadlineMs} ms: ${what}`)), deadlineMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

// Calls condition until it gives something true, which is returned.
export async function until(condition, what, deadlineMs = DEADLINE_MS, everyMs = 10) {
  const end = Date.now() + deadlineMs;
  for (;;) {
    const result = await condition();
    if (result) return result;
    if (Date.now() > end) throw new Error(`not within ${deadlineMs} ms: ${what}`);
    await delay(everyMs);
  }
}

// Values that arrive one by one and are asked for one by one.
export class Queue {
  values = [];
  #waiting = [];
  #end = null;

  push(value) {
    const waiting = this.#waiting.shift();
    if (waiting) waiting.resolve(value);
    else this.values.push(value);
  }

  // What is still asked for is refused with the reason; what has arrived can be taken all the same.
  end(reason) {
    this.#end ??= new Error(reason);
    for (const waiting of this.#waiting.splice(0)) waiting.reject(this.#end);
  }

  next(what = 'another value', deadlineMs = DEADLINE_MS) {
    if (this.values.length > 0) return Promise.resolve(this.values.shift());
    if (this.#end) return Promise.reject(this.#end);
    const waiting = {};
    const promise = new Promise((resolve, reject) => Object.assign(waiting, { resolve, reject }));
    this.#waiting.push(waiting);
    return within(promise, what, deadlineMs).finally(() => {
      const index = this.#waiting.indexOf(waiting);
      if (index >= 0) this.#waiting.splice(index, 1);
    });
  }
}
