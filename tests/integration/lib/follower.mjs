// A barker.v1 client that follows its channels whatever happens: it connects again with full jitter, subscribes again where the
// node asks for patience, resumes where it was, and keeps a book of each channel.
import WebSocket from 'ws';
import { DurableBook, LiveBook } from './book.mjs';
import { until } from './wait.mjs';

const BACKOFF_MIN_MS = 50, BACKOFF_MAX_MS = 1_000;
const HANDSHAKE_MS = 3_000;

export class Follower {
  books = new Map();
  isStopped = false;
  connections = 0;
  retries = 0; // subscribes that were answered with retry
  problems = [];
  presence = []; // join and leave frames
  #requests = new Map(); // by id: the channel to be subscribed, or what the answer leads to
  #lastId = 0;
  #attempts = 0;
  #subscribed = new Set();
  #timers = new Set();

  // chooseUrl is asked before each connection. durable and live: channel names.
  constructor(chooseUrl, { durable = [], live = [] } = {}) {
    this.chooseUrl = chooseUrl;
    for (const channel of durable) this.books.set(channel, new DurableBook(channel));
    for (const channel of live) this.books.set(channel, new LiveBook(channel));
    this.#connect();
  }

  #later(run, ms) {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      if (!this.isStopped) run();
    }, ms);
    this.#timers.add(timer);
  }

  #connect() {
    this.connections++;
    const socket = new WebSocket(this.chooseUrl(), ['barker.v1'], { perMessageDeflate: false, handshakeTimeout: HANDSHAKE_MS });
    this.socket = socket;
    socket.on('error', () => {});
    socket.on('message', (bytes) => this.#hear(socket, bytes));
    socket.on('close', () => this.#closed(socket));
  }

  #closed(socket) {
    if (socket !== this.socket) return;
    this.#subscribed.clear();
    this.#requests.clear();
    for (const book of this.books.values()) book.disconnected();
    if (this.isStopped) return;
    const limit = Math.min(BACKOFF_MAX_MS, BACKOFF_MIN_MS << Math.min(this.#attempts++, 10));
    this.#later(() => this.#connect(), Math.random() * limit);
  }

  #hear(socket, bytes) {
    if (socket !== this.socket || this.isStopped) return;
    const frame = JSON.parse(bytes);
    const book = this.books.get(frame.channel);
    if (frame.type === 'welcome') this.#welcomed();
    else if (frame.type === 'message') book.message(frame);
    else if (frame.type === 'gap') book.gap(frame);
    else if (frame.type === 'join' || frame.type === 'leave') this.presence.push(frame);
    else if (frame.type === 'ok' || frame.type === 'error') this.#answered(socket, frame);
    else if (frame.type !== 'closing') this.problems.push(`unexpected: ${bytes}`);
    this.onFrame?.(frame);
  }

  #welcomed() {
    this.#attempts = 0;
    for (const channel of this.books.keys()) this.subscribe(channel);
  }

  subscribe(channel) {
    const id = ++this.#lastId;
    this.#requests.set(id, channel);
    this.#send({ type: 'subscribe', id, channel, resume: this.books.get(channel).resume() });
  }

  // Leaves the channel, and subscribes again once that has been answered: until then messages may come.
  rejoin(channel) {
    this.#subscribed.delete(channel);
    const id = ++this.#lastId;
    this.#requests.set(id, () => {
      this.books.get(channel).disconnected();
      this.subscribe(channel);
    });
    this.#send({ type: 'unsubscribe', id, channel });
  }

  #send(frame) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(frame));
  }

  #answered(socket, frame) {
    const channel = this.#requests.get(frame.id);
    this.#requests.delete(frame.id);
    if (typeof channel === 'function') {
      channel();
    } else if (!channel) {
      this.problems.push(`an answer to nothing: ${JSON.stringify(frame)}`);
    } else if (frame.type === 'ok') {
      this.#subscribed.add(channel);
      this.books.get(channel).subscribed(frame);
    } else if (frame.retry) {
      this.retries++;
      this.#later(() => socket === this.socket && this.subscribe(channel), Math.random() * BACKOFF_MAX_MS);
    } else {
      this.problems.push(JSON.stringify(frame));
    }
  }

  isSubscribed() {
    return this.#subscribed.size === this.books.size;
  }

  subscribed(deadlineMs) {
    return until(() => this.isSubscribed(), 'every subscription', deadlineMs);
  }

  book(channel) {
    return this.books.get(channel);
  }

  // The connection breaks without a goodbye; the follower comes back by itself.
  drop() {
    this.socket.terminate();
  }

  allProblems() {
    return [...this.problems, ...[...this.books.values()].flatMap(({ problems }) => problems)];
  }

  stop() {
    this.isStopped = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.socket.terminate();
  }
}
