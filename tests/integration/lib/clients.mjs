// WebSocket clients as people use them (npm ws and websocket), with what they received in a queue.
import WebSocket from 'ws';
import websocket from 'websocket';
import { Queue, until, within } from './wait.mjs';

export const CONNECTING = 0, OPEN = 1, CLOSING = 2, CLOSED = 3;
const PROBE = 'probe:';

class Client {
  messages = new Queue(); // {text} or {bytes}
  states = []; // readyState as the client itself showed it at each event
  closed = null; // {code, reason}
  pings = [];

  get readyState() {
    return this.socket.readyState;
  }

  note() {
    this.states.push(this.socket.readyState);
  }

  hear(message) {
    if (message.text?.startsWith(PROBE)) this.isProbed = true;
    else this.messages.push(message);
  }

  finish(code, reason) {
    this.note();
    this.closed = { code, reason: String(reason) };
    this.messages.end(`closed with ${code} ${reason}`);
  }

  async next(what = 'a message', deadlineMs) {
    return this.messages.next(what, deadlineMs);
  }

  async nextText(deadlineMs) {
    const message = await this.next('a text message', deadlineMs);
    if (message.text === undefined) throw new Error(`binary: ${message.bytes.toString('hex')}`);
    return message.text;
  }

  async nextJson(deadlineMs) {
    return JSON.parse(await this.nextText(deadlineMs));
  }

  send(data) {
    this.socket.send(typeof data === 'string' || Buffer.isBuffer(data) ? data : JSON.stringify(data));
  }

  close(code) {
    this.socket.close(code);
    this.note();
  }

  // Publishes until this client hears it: a raw client is never told when its subscription holds.
  async heard(publish) {
    await until(async () => {
      await publish(`${PROBE}${process.pid}`);
      return this.isProbed;
    }, 'a probe', undefined, 30);
    return this;
  }

  async end(deadlineMs) {
    await until(() => this.closed, 'the close event', deadlineMs);
    return this.closed;
  }
}

class WsClient extends Client {
  constructor(url, protocols, options) {
    super();
    this.socket = new WebSocket(url, protocols, { perMessageDeflate: false, ...options });
    this.note();
    this.opened = new Promise((resolve, reject) => {
      this.socket.on('open', () => {
        this.note();
        resolve(this);
      });
      this.socket.on('unexpected-response', (request, response) => {
        response.resume();
        request.destroy();
        reject(Object.assign(new Error(`HTTP ${response.statusCode}`), { status: response.statusCode }));
      });
      this.socket.on('error', reject);
    });
    this.opened.catch(() => {});
    this.socket.on('ping', (bytes) => this.pings.push(bytes));
    this.socket.on('message', (bytes, isBinary) => this.hear(isBinary ? { bytes } : { text: bytes.toString() }));
    this.socket.on('close', (code, reason) => this.finish(code, reason));
  }

  terminate() {
    this.socket.terminate();
  }
}

class W3cClient extends Client {
  constructor(url, protocols) {
    super();
    this.socket = new websocket.w3cwebsocket(url, protocols);
    this.socket.binaryType = 'arraybuffer';
    this.note();
    this.opened = new Promise((resolve, reject) => {
      this.socket.onopen = () => {
        this.note();
        resolve(this);
      };
      this.socket.onerror = () => reject(new Error('error event'));
    });
    this.opened.catch(() => {});
    this.socket.onmessage = ({ data }) => this.hear(typeof data === 'string' ? { text: data } : { bytes: Buffer.from(data) });
    this.socket.onclose = ({ code, reason }) => this.finish(code, reason);
  }

  terminate() {
    this.socket._connection?.socket.destroy();
  }
}

export const KINDS = { ws: WsClient, websocket: W3cClient };

// Resolves when the client is OPEN; rejects with .status when the answer was another HTTP status (ws only).
export async function connect(url, { kind = 'ws', protocols = [], ...options } = {}) {
  const client = new KINDS[kind](url, protocols, options);
  return within(client.opened, `${kind} to open ${url}`);
}

// A barker.v1 client past its welcome. ask() sends a command with a fresh id and gives the answer to it; what else arrives
// meanwhile stays in line.
export async function connectV1(url, options = {}) {
  const client = await connect(url, { protocols: ['barker.v1'], ...options });
  client.welcome = await client.nextJson();
  const answers = new Map();
  const { hear } = client;
  client.hear = (message) => {
    const frame = message.text === undefined ? null : JSON.parse(message.text);
    if (frame && answers.has(frame.id)) answers.get(frame.id)(frame);
    else hear.call(client, message);
  };
  let lastId = 0;
  client.ask = (command) => {
    const id = ++lastId;
    const answer = new Promise((resolve) => answers.set(id, resolve));
    client.send({ id, ...command });
    return within(answer, `the answer to ${command.type}`).finally(() => answers.delete(id));
  };
  return client;
}
