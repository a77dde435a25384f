// An HTTP client on a bare socket, for what a proper client would never send.
import { once } from 'node:events';
import { connect } from 'node:net';
import { until, within } from './wait.mjs';

export class HttpRaw {
  isEnded = false;
  answers = []; // {status, headers, body}
  #waiting = Buffer.alloc(0);

  static async connect(address) {
    const raw = new HttpRaw();
    raw.socket = connect({ ...address, noDelay: true });
    raw.socket.on('error', () => {});
    raw.socket.on('data', (bytes) => raw.#hear(bytes));
    raw.socket.on('end', () => { raw.isEnded = true; });
    raw.socket.on('close', () => { raw.isEnded = true; });
    await within(once(raw.socket, 'connect'), 'a connection');
    return raw;
  }

  #hear(bytes) {
    this.#waiting = Buffer.concat([this.#waiting, bytes]);
    for (;;) {
      const end = this.#waiting.indexOf('\r\n\r\n');
      if (end < 0) return;
      const [line, ...fields] = this.#waiting.subarray(0, end).toString().split('\r\n');
      const headers = Object.fromEntries(fields.map((field) => {
        const colon = field.indexOf(':');
        return [field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim()];
      }));
      const status = Number(line.split(' ')[1]);
      const size = status < 200 ? 0 : Number(headers['content-length']);
      if (this.#waiting.length < end + 4 + size) return;
      this.answers.push({ status, headers, body: this.#waiting.subarray(end + 4, end + 4 + size).toString() });
      this.#waiting = this.#waiting.subarray(end + 4 + size);
    }
  }

  send(bytes) {
    this.socket.write(bytes);
  }

  // Until so many answers have come in all.
  async answer(n = 1) {
    await until(() => this.answers.length >= n, `answer ${n}`);
    return this.answers[n - 1];
  }

  ended(deadlineMs) {
    return until(() => this.isEnded, 'the end of the connection', deadlineMs);
  }

  destroy() {
    this.socket.destroy();
  }
}

// One request on its own connection, which the answer's Connection header or the caller ends.
export async function ask(address, text) {
  const raw = await HttpRaw.connect(address);
  raw.send(text);
  const answer = await raw.answer();
  raw.destroy();
  return answer;
}
