// What hostile peers do, each with the bound that ends it and the causes under which it must be counted.
//
// prepare: the peer behaves until its case is turned; absent: it only appears then. turn: it turns hostile; the bound runs
// from its sinceMs; that of a stall from when its kernel takes no more. isFlooded: more is published to the channel "flood"
// than the kernel's buffers hold, right after the turn. isEither: each peer ends by one or more of the causes, and which is a
// matter of chance. limit: outbox.limit, and deadlines: changes to those of hostile.mjs, where the case needs its own.
import { setTimeout as delay } from 'node:timers/promises';
import { CLOSE, PONG, closeBody, frame, handshake } from './raw_socket.mjs';
import { Peer, nowMs } from './hostile_peer.mjs';

const open = (address) => Peer.open(address, '/raw/quiet');
const openFlooded = (address) => Peer.open(address, '/raw/flood');
const openRefused = (address) => Peer.open(address, '/raw/refused?channel=other'); // see Peer.provoke
const connected = (act) => async (none, address) => {
  const sinceMs = nowMs();
  const peer = await Peer.connect(address);
  peer.sinceMs = sinceMs;
  await act(peer);
  return peer;
};
const acting = (act) => async (peer) => {
  peer.sinceMs = nowMs();
  await act(peer);
  return peer;
};
// The bound runs from the act on, once the server's close frame has shown that it is CLOSING.
const closing = (act) => async (peer) => {
  peer.answersPings = false;
  peer.provoke();
  await peer.until(() => peer.isClosed, 'the close frame');
  return acting(act)(peer);
};
// Gives the server, and a flood, time to arrive before the act.
const later = async (peer, act, prelude = () => {}) => {
  prelude(peer);
  await delay(200);
  peer.sinceMs = nowMs();
  act(peer);
};
const halfRequest = (peer) => peer.write(handshake('/raw/quiet').slice(0, 60));

const closed = (...causes) => Object.fromEntries(causes.map((cause) => [cause, 'closed']));
const terminated = (...causes) => Object.fromEntries(causes.map((cause) => [cause, 'terminated']));

export const CASES = {
  'completes TCP and sends nothing': {
    bound: 'handshake', ends: terminated('handshake_timeout'), turn: connected(() => {}),
  },
  'sends half a handshake': {
    bound: 'handshake', ends: terminated('handshake_timeout'), turn: connected(halfRequest),
  },
  'sends its handshake a byte at a time for ever': {
    bound: 'handshake', ends: terminated('handshake_timeout'),
    turn: connected((peer) => {
      peer.write('GET /raw/quiet HTTP/1.1\r\nX: ');
      peer.beat(() => 'x', 50);
    }),
  },
  'never answers pings': {
    bound: 'silence', ends: terminated('pong_timeout'), prepare: open,
    turn: acting((peer) => { peer.answersPings = false; }),
  },
  'stops in the middle of a message': {
    bound: 'silence', ends: terminated('pong_timeout'), prepare: open,
    turn: acting((peer) => {
      peer.answersPings = false;
      peer.write(frame(0x1, 'cut off here').subarray(0, 9));
    }),
  },
  'sends pongs but never reads, under fan-out': {
    bound: 'stall', ends: terminated('stalled'), prepare: openFlooded, isFlooded: true,
    turn: acting((peer) => {
      peer.stopReading();
      peer.beat(() => frame(PONG, 'alive'), 50);
    }),
  },
  'keeps a zero window under fan-out': {
    bound: 'stall', ends: terminated('stalled', 'pong_timeout'), isEither: true, prepare: openFlooded, isFlooded: true,
    turn: acting((peer) => peer.stopReading()),
  },
  'keeps a zero window until its outbox is over the limit, and while CLOSING': {
    bound: 'linger', ends: { ...closed('slow_consumer'), ...terminated('linger_timeout') }, prepare: openFlooded,
    isFlooded: true, limit: '64KiB', turn: acting((peer) => peer.stopReading()),
  },
  'keeps a zero window and sends FIN alone, under fan-out': {
    bound: 'stall', ends: terminated('client_gone', 'stalled', 'pong_timeout'), isEither: true, // the library may see the FIN
    prepare: openFlooded, isFlooded: true,
    turn: acting((peer) => later(peer, () => peer.halfClose(), () => peer.stopReading())),
  },
  'keeps a zero window and sends a close frame, under fan-out': {
    bound: 'linger', ends: { ...closed('client_closed'), ...terminated('linger_timeout', 'client_gone') }, isEither: true,
    prepare: openFlooded, isFlooded: true, // the library may hang up at once, with bytes of ours still waiting
    turn: acting((peer) => later(peer, () => peer.send(CLOSE, closeBody(1000)), () => peer.stopReading())),
  },
  'sends a close frame and never closes TCP': {
    bound: 'linger', ends: closed('client_closed'), prepare: open,
    turn: acting((peer) => peer.send(CLOSE, closeBody(1000))),
  },
  'never answers our close': {
    bound: 'linger', ends: { ...closed('forbidden'), ...terminated('linger_timeout') }, prepare: openRefused,
    turn: acting((peer) => {
      peer.answersPings = false;
      peer.provoke();
    }),
  },
  'sends data for ever instead of answering our close': {
    bound: 'linger', ends: { ...closed('forbidden'), ...terminated('linger_timeout') }, prepare: openRefused,
    turn: acting((peer) => {
      peer.provoke();
      peer.beat(() => frame(0x1, 'I say'), 20);
    }),
  },
  'resets while CONNECTING': {
    bound: 'gone', ends: terminated('client_gone'),
    turn: connected((peer) => later(peer, () => peer.reset(), halfRequest)),
  },
  'resets while OPEN': {
    bound: 'gone', ends: terminated('client_gone'), prepare: open, turn: acting((peer) => peer.reset()),
  },
  'resets while CLOSING': {
    bound: 'gone', ends: closed('forbidden'), prepare: openRefused, deadlines: { linger: 5000 }, // not what ends it
    turn: closing((peer) => peer.reset()),
  },
  'sends FIN alone before a byte of its handshake': {
    bound: 'gone', ends: terminated('client_gone'), turn: connected((peer) => later(peer, () => peer.halfClose())),
  },
  'sends FIN alone while CONNECTING': {
    bound: 'gone', ends: terminated('client_gone'),
    turn: connected((peer) => later(peer, () => peer.halfClose(), halfRequest)),
  },
  'sends FIN alone while OPEN': {
    bound: 'gone', ends: terminated('client_gone'), prepare: open, turn: acting((peer) => peer.halfClose()),
  },
  'sends FIN alone while CLOSING': {
    bound: 'gone', ends: closed('forbidden'), prepare: openRefused, deadlines: { linger: 5000 }, // not what ends it
    turn: closing((peer) => peer.halfClose()),
  },
};

export async function prepareCase({ prepare }, address) {
  return prepare ? prepare(address) : null;
}

export async function turnCase({ turn }, peer, address) {
  return turn(peer, address);
}
