// What must never stand in a log: every payload that the tests send, every token that they show, every key that a node is
// given. Each test file leaves what it has noted, and its nodes' logs at level debug, in the folder that TEST_SECRETS names;
// lib/secrecy.test.mjs looks for the ones in the others.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import IoRedis from 'ioredis';
import WebSocket from 'ws';

const SHORTEST = 8; // what is shorter stands in any text by chance
const LONGEST = 64; // a log line cuts what is longer
const folder = process.env.TEST_SECRETS;
const noted = new Set();
const logs = [];

// The start of a long text is what is looked for, as a log would show it.
export function note(text) {
  if (!folder || text === undefined || text === null) return;
  const start = String(text).slice(0, LONGEST);
  if (start.length >= SHORTEST) noted.add(start);
}

// A frame of barker.v1 is noted as it stands, and so are the data, token and user's info within it.
function noteFrame(data) {
  if (typeof data !== 'string') return;
  note(data);
  if (!data.startsWith('{')) return;
  try {
    const frame = JSON.parse(data);
    note(frame.token);
    if (frame.data !== undefined) note(typeof frame.data === 'string' ? frame.data : JSON.stringify(frame.data));
  } catch {
    // no JSON: it has been noted whole
  }
}

const PAYLOAD_AT = { publish: 1, spublish: 1 };

export function noteCommand(name, args) {
  const command = String(name).toLowerCase();
  if (command in PAYLOAD_AT) note(args[PAYLOAD_AT[command]]);
  else if (command === 'fcall' || command === 'evalsha') note(args[3]);
}

const SECRET_FLAGS = ['--auth-keys', '--admin-token', '--api-keys'];

// The keys among a node's flags: each word whole, and without what stands before its colon.
export function noteFlags(flags) {
  flags.forEach((flag, index) => {
    if (!SECRET_FLAGS.includes(flag)) return;
    for (const word of String(flags[index + 1]).split(' ')) {
      note(word);
      note(word.slice(word.indexOf(':') + 1));
    }
  });
}

export function keepLog(lines) {
  if (folder) logs.push(lines);
}

if (folder) {
  const { send } = WebSocket.prototype;
  WebSocket.prototype.send = function sendNoted(data, ...rest) {
    noteFrame(data);
    return send.call(this, data, ...rest);
  };
  const { sendCommand } = IoRedis.prototype;
  IoRedis.prototype.sendCommand = function sendCommandNoted(command, ...rest) {
    noteCommand(command.name, command.args);
    return sendCommand.call(this, command, ...rest);
  };
  const { fetch } = globalThis;
  globalThis.fetch = (url, options) => {
    note(options?.body);
    return fetch(url, options);
  };
  process.on('exit', () => {
    writeFileSync(join(folder, `${process.pid}.noted`), JSON.stringify([...noted]));
    writeFileSync(join(folder, `${process.pid}.log`), logs.flat().join('\n'));
  });
}
