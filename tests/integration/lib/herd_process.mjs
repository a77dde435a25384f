// Thousands of barker.v1 clients on bare sockets, each with one durable channel, which it follows whatever happens: it comes back
// with full jitter, not before the time that closing asks for, to any of the nodes, and resumes where it was.
// A process of its own: its parent sends {connect, report} and gets {…} back (lib/herd.mjs).
import { connect } from 'node:net';

const BACKOFF_MIN_MS = 100, BACKOFF_MAX_MS = 3_000;
const CLOSE = 8, PING = 9, PONG = 10;
const MASK = Buffer.from([0x5a, 0x17, 0xc3, 0x88]);
const HEAD_END = Buffer.from('\r\n\r\n');
const herd = {
  clients: [], n_connected: 0, n_subscribed: 0, n_messages: 0, n_recovered: 0, n_refused: 0, n_retries: 0, problems: [],
  opened: [], // [port, when], by Date.now()
  away: [], // [when it was told to go or lost its connection, when it was back]
  codes: {}, // of close frames
};
let ports = [];

function problem(client, text) {
  if (herd.problems.length < 20) herd.problems.push(`client ${client.number} on ${client.channel}: ${text}`);
}

function frame(opcode, payload) {
  const size = payload.length;
  const head = size < 126 ? Buffer.from([0x80 | opcode, 0x80 | size])
    : Buffer.from([0x80 | opcode, 0x80 | 126, size >> 8, size & 255]);
  const masked = Buffer.from(payload);
  for (let at = 0; at < size; at++) masked[at] ^= MASK[at & 3];
  return Buffer.concat([head, MASK, masked]);
}

class Client {
  place = null; // {epoch, seq}: all up to here has come
  attempts = 0;
  isSubscribed = false;
  leftAt = null;

  constructor(number, channel) {
    this.number = number;
    this.channel = channel;
  }

  connect() {
    this.port = ports[Math.floor(Math.random() * ports.length)];
    this.waiting = null;
    this.isOpen = false;
    this.reconnectAfterMs = 0;
    const socket = connect({ host: '127.0.0.1', port: this.port, noDelay: true });
    this.socket = socket;
    socket.on('connect', () => socket.write('GET /ws HTTP/1.1\r\nHost: herd\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: barker.v1\r\n\r\n'));
    socket.on('data', (bytes) => this.hear(bytes));
    socket.on('error', () => {});
    socket.on('close', () => this.closed());
  }

  closed() {
    if (this.isSubscribed) herd.n_subscribed--;
    if (this.isOpen) herd.n_connected--;
    if (this.leftAt === null && this.place) this.leftAt = Date.now();
    this.isSubscribed = this.isOpen = false;
    const span = Math.min(BACKOFF_MAX_MS, BACKOFF_MIN_MS << Math.min(this.attempts++, 10));
    setTimeout(() => this.connect(), this.reconnectAfterMs + Math.random() * span);
  }

  hear(bytes) {
    let waiting = this.waiting ? Buffer.concat([this.waiting, bytes]) : bytes;
    if (!this.isOpen) {
      const end = waiting.indexOf(HEAD_END);
      if (end < 0 || !waiting.subarray(0, 12).equals(Buffer.from('HTTP/1.1 101'))) {
        this.waiting = waiting;
        if (end >= 0) this.socket.destroy(); // refused for now
        return;
      }
      waiting = waiting.subarray(end + 4);
      this.isOpen = true;
      this.attempts = 0;
      herd.n_connected++;
      herd.opened.push([this.port, Date.now()]);
    }
    let at = 0;
    for (;;) {
      const left = waiting.length - at;
      if (left < 2) break;
      let size = waiting[at + 1] & 0x7f, head = 2;
      if (size === 126) {
        if (left < 4) break;
        size = waiting.readUInt16BE(at + 2);
        head = 4;
      }
      if (left < head + size) break;
      this.take(waiting[at] & 0x0f, waiting.subarray(at + head, at + head + size));
      at += head + size;
    }
    this.waiting = at < waiting.length ? waiting.subarray(at) : null;
  }

  take(opcode, payload) {
    if (opcode === PING) this.socket.write(frame(PONG, payload));
    else if (opcode === CLOSE) this.goodbye(payload);
    else this.told(JSON.parse(payload));
  }

  goodbye(payload) {
    const code = payload.length >= 2 ? payload.readUInt16BE(0) : 1005;
    herd.codes[code] = (herd.codes[code] ?? 0) + 1;
    this.socket.end(frame(CLOSE, payload));
  }

  subscribe() {
    const resume = this.place ?? undefined;
    this.socket.write(frame(1, Buffer.from(JSON.stringify({ type: 'subscribe', id: 1, channel: this.channel, resume }))));
  }

  told(message) {
    switch (message.type) {
    case 'welcome': return this.subscribe();
    case 'ok': return this.subscribed(message);
    case 'message': return this.message(message);
    case 'closing':
      this.reconnectAfterMs = message.reconnect_after_ms ?? 0;
      return;
    case 'error':
      herd.n_retries++;
      if (!message.retry) return problem(this, JSON.stringify(message));
      { const { socket } = this; setTimeout(() => socket === this.socket && this.isOpen && this.subscribe(), Math.random() * 1000); }
      return;
    default: problem(this, JSON.stringify(message));
    }
  }

  subscribed({ epoch, seq, recovered }) {
    this.isSubscribed = true;
    herd.n_subscribed++;
    if (this.place && recovered) herd.n_recovered++;
    else if (this.place) {
      herd.n_refused++;
      problem(this, `not recovered from ${this.place.epoch}-${this.place.seq}, now at ${epoch}-${seq}`);
    }
    this.place = { epoch, seq };
    if (this.leftAt !== null) herd.away.push([this.leftAt, Date.now()]);
    this.leftAt = null;
  }

  message({ epoch, seq }) {
    herd.n_messages++;
    if (epoch !== this.place.epoch || seq !== this.place.seq + 1)
      problem(this, `${epoch}-${seq} after ${this.place.epoch}-${this.place.seq}`);
    this.place = { epoch, seq };
  }
}

// {first, n, channels, perSecond}: client i follows channel i % channels.length.
function begin(plan) {
  ports = plan.ports;
  let n = 0;
  const started = Date.now();
  const timer = setInterval(() => {
    const due = Math.min(plan.n, Math.ceil((Date.now() - started) * plan.perSecond / 1000));
    for (; n < due; n++) {
      const client = new Client(plan.first + n, plan.channels[(plan.first + n) % plan.channels.length]);
      herd.clients.push(client);
      client.connect();
    }
    if (n === plan.n) clearInterval(timer);
  }, 20);
}

// How many have not all that was published: last is the seq of each channel's newest message.
const behind = (last) => herd.clients.filter(({ channel, place }) => (place?.seq ?? 0) !== last[channel]).length;

process.on('message', ({ id, plan, last, isFull }) => {
  if (plan) begin(plan);
  const { clients, opened, away, ...counts } = herd;
  process.send({ id, ...counts, n_behind: last ? behind(last) : null, ...(isFull ? { opened, away } : {}) });
});
process.on('disconnect', () => process.exit());
