// A peer on a bare socket that keeps no rule by itself: it reads, answers pings and closes only as long as it is told to.
import { once } from 'node:events';
import { connect } from 'node:net';
import { CLOSE, PING, PONG, TEXT, frame, handshake } from './raw_socket.mjs';
import { within } from './wait.mjs';

// Of the machine, not of the process: what one process began another can time.
export const nowMs = () => Number(process.hrtime.bigint() / 1000n) / 1000;

// Hands every whole frame of a server to the callback; the rest is returned.
export function eachFrame(bytes, heard) {
  let at = 0;
  for (;;) {
    if (bytes.length < at + 2) break;
    let size = bytes[at + 1] & 0x7f, head = 2;
    if (size === 126) {
      if (bytes.length < at + 4) break;
      size = bytes.readUInt16BE(at + 2);
      head = 4;
    } else if (size === 127) {
      if (bytes.length < at + 10) break;
      size = Number(bytes.readBigUInt64BE(at + 2));
      head = 10;
    }
    if (bytes.length < at + head + size) break;
    heard(bytes[at] & 0x0f, bytes.subarray(at + head, at + head + size));
    at += head + size;
  }
  return bytes.subarray(at);
}

export class Peer {
  answersPings = true;
  sinceMs = nowMs(); // when its bound began to run
  nMessages = 0;
  isClosed = false; // the server's close frame has come
  isEnded = false; // the server's FIN or reset has come
  heard = () => {}; // a data message's payload
  #waiting = Buffer.alloc(0);
  #isOpen = false;
  #waiters = [];
  #beat = null;

  // A FIN is answered only when said so.
  static async connect(address) {
    const peer = new Peer();
    peer.socket = connect({ ...address, noDelay: true, allowHalfOpen: true });
    peer.socket.on('error', () => {});
    peer.socket.on('data', (bytes) => peer.#hear(bytes));
    for (const event of ['end', 'close']) {
      peer.socket.on(event, () => {
        peer.isEnded = true;
        peer.#wake();
      });
    }
    await within(once(peer.socket, 'connect'), 'a TCP connection', 30_000);
    peer.port = peer.socket.localPort;
    return peer;
  }

  static async open(address, path) {
    const peer = await Peer.connect(address);
    peer.write(handshake(path));
    await peer.until(() => peer.#isOpen || peer.isEnded, 'the end of the handshake');
    if (!peer.#isOpen) throw new Error(`no handshake: ${peer.#waiting}`);
    return peer;
  }

  // Woken by what arrives, not by a timer: thousands of these share a process.
  until(condition, what) {
    if (condition()) return Promise.resolve();
    const promise = new Promise((resolve) => this.#waiters.push({ condition, resolve }));
    return within(promise, what, 30_000);
  }

  write(bytes) {
    this.socket.write(bytes);
  }

  send(...args) {
    this.write(frame(...args));
  }

  // Writes the same again and again until it is destroyed.
  beat(bytes, everyMs) {
    this.#beat = setInterval(() => this.socket.writable && this.socket.write(bytes()), everyMs);
  }

  // The receive buffer fills, then the window is zero.
  stopReading() {
    this.socket.pause();
  }

  // On /raw/<channel>?channel=<another> a message has no one address: the server says goodbye with 1008.
  provoke() {
    this.send(TEXT, 'to whom?');
  }

  halfClose() {
    this.socket.end();
  }

  reset() {
    clearInterval(this.#beat);
    this.socket.resetAndDestroy();
  }

  #wake() {
    this.#waiters = this.#waiters.filter(({ condition, resolve }) => !(condition() && (resolve(), true)));
  }

  #hear(bytes) {
    this.#waiting = this.#waiting.length > 0 ? Buffer.concat([this.#waiting, bytes]) : bytes;
    if (!this.#isOpen) {
      const end = this.#waiting.indexOf('\r\n\r\n');
      if (end < 0) return;
      this.#isOpen = this.#waiting.toString('latin1', 0, 12) === 'HTTP/1.1 101';
      if (this.#isOpen) this.#waiting = this.#waiting.subarray(end + 4);
    }
    if (this.#isOpen) this.#waiting = eachFrame(this.#waiting, (opcode, payload) => this.#take(opcode, payload));
    this.#wake();
  }

  #take(opcode, payload) {
    if (opcode === PING && this.answersPings) this.send(PONG, payload);
    else if (opcode === CLOSE) this.isClosed = true;
    else if (opcode <= 0x2) {
      this.nMessages++;
      this.heard(payload);
    }
  }
}
