// The functions of deploy/redis/barker.lua, called in each of the ways in which a backend or a node may call them.
import { readFileSync } from 'node:fs';
import { Queue } from './wait.mjs';

export const LIBRARY = new URL('../../../deploy/redis/barker.lua', import.meta.url);
export const library = () => readFileSync(LIBRARY, 'utf8');

// The library as one script, for a Redis without functions: its first argument names the function.
export function libraryAsScript() {
  return [
    'local functions = {}',
    'local real = redis',
    'local function register(f) functions[f.function_name] = f.callback end',
    'local redis = setmetatable({register_function = register}, {__index = real})',
    library().replace(/^#!lua[^\n]*\n/, '\n'),
    'return functions[ARGV[1]](KEYS, {unpack(ARGV, 2)})',
  ].join('\n');
}

export const WAYS = {
  FCALL: async (publisher) => {
    await publisher.call('FUNCTION', 'LOAD', 'REPLACE', library());
    return (name, key, ...args) => publisher.call('FCALL', name, '1', key, ...args);
  },
  EVAL: async (publisher) => {
    const script = libraryAsScript();
    return (name, key, ...args) => publisher.call('EVAL', script, '1', key, name, ...args);
  },
  // The embedded broker knows them by itself.
  'the embedded broker': async (publisher) => (name, key, ...args) => publisher.call('FCALL', name, '1', key, ...args),
};

// The functions with their answers named, over one of the ways.
export class Functions {
  static async over(way, publisher) {
    const functions = new Functions();
    functions.publisher = publisher;
    functions.call = await WAYS[way](publisher);
    return functions;
  }

  async publish(key, payload, ...options) {
    const [epoch, seq, duplicate] = await this.call('barker_publish', key, payload, ...options);
    return { epoch, seq, duplicate };
  }

  async history(key, order, { since = { epoch: '0', seq: 0 }, limit = 100 } = {}) {
    const [recovered, epoch, seq, more, flat] = await this.call('barker_history', key, since.epoch, since.seq, limit, order);
    const messages = [];
    for (let index = 0; index < flat.length; index += 3)
      messages.push({ epoch: flat[index], seq: flat[index + 1], payload: flat[index + 2] });
    return { recovered, epoch, seq, more, messages };
  }

  async presenceSet(key, node, user, connections, member = `{"user":"${user}"}`) {
    const [change, version] = await this.call('barker_presence_set', key, node, user, connections, member);
    return { change, version };
  }

  async presence(key) {
    const [version, ...flat] = await this.call('barker_presence', key);
    const users = {};
    for (let index = 0; index < flat.length; index += 3)
      users[flat[index]] = { connections: flat[index + 1], member: flat[index + 2] };
    return { version, users };
  }

  bury(key, node) {
    return this.call('barker_presence_bury', key, node);
  }

  async lease(key, node, leaseMs, isNew) {
    const [kept, ...dead] = await this.call('barker_lease', key, node, leaseMs, isNew);
    return { kept, dead };
  }
}

// What an envelope says (include/broker/envelope.h): {kind, position or version and user, payload}; null for a live payload.
export function openEnvelope(bytes) {
  const match = bytes.toString('latin1').match(/^\0barker\/1 (?:m (\d+)-(\d+)|([jl]) (\d+) (\d+)|(e))\n/);
  if (!match) return null;
  const [head, epoch, seq, event, version, nUser, escape] = match;
  const rest = bytes.subarray(head.length);
  if (escape) return { kind: 'e', payload: rest };
  if (!event) return { kind: 'm', epoch, seq: Number(seq), payload: rest };
  const n = Number(nUser);
  return {
    kind: event, version: Number(version), user: rest.subarray(0, n).toString(), member: rest.subarray(n).toString(),
  };
}

// A Redis connection that hears one channel: its messages as they come, opened.
export async function listen(subscriber, channel, command = 'subscribe') {
  const heard = new Queue();
  subscriber.on(command === 'subscribe' ? 'messageBuffer' : 'smessageBuffer', (name, bytes) => {
    if (String(name) === channel) heard.push(openEnvelope(bytes) ?? { kind: 'live', payload: bytes });
  });
  await subscriber[command](channel);
  return heard;
}
