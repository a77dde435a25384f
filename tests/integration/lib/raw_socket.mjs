// A WebSocket client on a bare socket, for what a proper client would never send.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { setImmediate as turn } from 'node:timers/promises';
import { Queue, until, within } from './wait.mjs';

export const CONTINUATION = 0x0, TEXT = 0x1, BINARY = 0x2, CLOSE = 0x8, PING = 0x9, PONG = 0xa;

// rsv: the three reserved bits as a number 0 to 7. isMasked false is what RFC 6455 section 5.1 forbids a client.
export function frame(opcode, payload = '', { isFinal = true, rsv = 0, isMasked = true, nClaimed } = {}) {
  const body = Buffer.from(payload);
  const size = nClaimed ?? body.length;
  const head = [(isFinal ? 0x80 : 0) | (rsv << 4) | opcode];
  const maskBit = isMasked ? 0x80 : 0;
  if (size < 126) head.push(maskBit | size);
  else if (size < 65536) head.push(maskBit | 126, size >> 8, size & 0xff);
  else {
    const wide = Buffer.alloc(8);
    wide.writeBigUInt64BE(BigInt(size));
    head.push(maskBit | 127, ...wide);
  }
  if (!isMasked) return Buffer.concat([Buffer.from(head), body]);
  const mask = randomBytes(4);
  return Buffer.concat([Buffer.from(head), mask, body.map((byte, index) => byte ^ mask[index % 4])]);
}

export function closeBody(code, reason = '') {
  return Buffer.concat([Buffer.from([code >> 8, code & 0xff]), Buffer.from(reason)]);
}

export function handshake(path, headers = {}, method = 'GET') {
  const all = {
    Host: 'localhost', Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': randomBytes(16).toString('base64'), ...headers,
  };
  const lines = Object.entries(all).filter(([, value]) => value !== null).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n`;
}

export class RawSocket {
  frames = new Queue(); // {opcode, payload}, parsed once the handshake has been read
  status = null; // of the HTTP answer
  head = '';
  isEnded = false; // the peer's FIN or reset has come
  answersPings = true;
  #waiting = Buffer.alloc(0);

  // address.tls: how to speak TLS, as tls.connect takes it.
  static async connect({ tls, ...address }) {
    const raw = new RawSocket();
    raw.socket = tls ? connectTls({ ...address, ...tls }) : connect({ ...address, noDelay: true });
    raw.socket.on('error', () => {});
    raw.socket.on('data', (bytes) => raw.#hear(bytes));
    raw.socket.on('end', () => raw.#finish());
    raw.socket.on('close', () => raw.#finish());
    await within(once(raw.socket, tls ? 'secureConnect' : 'connect'), 'a connection');
    return raw;
  }

  static async open(address, path, headers) {
    const raw = await RawSocket.connect(address);
    raw.write(handshake(path, headers));
    await raw.answered();
    if (raw.status !== 101) throw new Error(`handshake: ${raw.head}`);
    return raw;
  }

  async answered(deadlineMs) {
    await until(() => this.status !== null || this.isEnded, 'an HTTP answer', deadlineMs);
    return this.status;
  }

  write(bytes) {
    this.socket.write(bytes);
  }

  // One byte a segment, as far as the kernel lets us say so.
  async dribble(bytes) {
    for (const byte of Buffer.from(bytes)) {
      this.socket.write(Buffer.from([byte]));
      await turn();
    }
  }

  send(...args) {
    this.write(frame(...args));
  }

  async nextFrame(deadlineMs) {
    return this.frames.next('a frame', deadlineMs);
  }

  async nextText(deadlineMs) {
    for (;;) {
      const { opcode, payload } = await this.nextFrame(deadlineMs);
      if (opcode === TEXT) return payload.toString();
      if (opcode === CLOSE) throw new Error(`close ${payload.toString('hex')}`);
    }
  }

  // The code of the close frame, null when the connection ends without one.
  async closeCode(deadlineMs) {
    try {
      for (;;) {
        const { opcode, payload } = await this.nextFrame(deadlineMs);
        if (opcode === CLOSE) return payload.length >= 2 ? payload.readUInt16BE(0) : 1005;
      }
    } catch (error) {
      if (this.isEnded) return null;
      throw error;
    }
  }

  async ended(deadlineMs) {
    await until(() => this.isEnded, 'the end of the connection', deadlineMs);
  }

  destroy() {
    this.socket.destroy();
  }

  #finish() {
    this.isEnded = true;
    this.frames.end('the connection has ended');
    this.socket.destroy();
  }

  #hear(bytes) {
    this.#waiting = this.#waiting.length > 0 ? Buffer.concat([this.#waiting, bytes]) : bytes;
    if (this.status === null) {
      const end = this.#waiting.indexOf('\r\n\r\n');
      if (end < 0) return;
      this.head = this.#waiting.subarray(0, end).toString('latin1');
      this.#waiting = this.#waiting.subarray(end + 4);
      this.status = Number(this.head.split(' ')[1]);
    }
    if (this.status === 101) while (this.#parse());
  }

  #parse() {
    const bytes = this.#waiting;
    if (bytes.length < 2) return false;
    let at = 2, size = bytes[1] & 0x7f;
    if (size === 126) {
      if (bytes.length < 4) return false;
      size = bytes.readUInt16BE(2);
      at = 4;
    } else if (size === 127) {
      if (bytes.length < 10) return false;
      size = Number(bytes.readBigUInt64BE(2));
      at = 10;
    }
    if (bytes.length < at + size) return false;
    const opcode = bytes[0] & 0x0f, payload = Buffer.from(bytes.subarray(at, at + size));
    this.#waiting = bytes.subarray(at + size);
    if (opcode === PING && this.answersPings) this.send(PONG, payload);
    this.frames.push({ opcode, payload, atMs: performance.now() });
    return true;
  }
}
