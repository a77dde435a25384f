// A way to a server that can be cut, and mended. A narrow one lets each connection say that many bytes a second.
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

const SLICE_BYTES = 1024;

export class Way {
  bytesPerSecond = Infinity; // of connections made from then on
  #sockets = new Set();

  static async to(port) {
    const way = new Way();
    way.server = createServer((near) => way.#join(near, connect(port, '127.0.0.1')));
    way.server.listen(0, '127.0.0.1');
    await once(way.server, 'listening');
    way.port = way.server.address().port;
    way.url = `redis://127.0.0.1:${way.port}`;
    return way;
  }

  #join(near, far) {
    for (const [socket, other] of [[near, far], [far, near]]) {
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
      if (socket === far || this.bytesPerSecond === Infinity) socket.pipe(other);
      else this.#trickle(socket, other);
    }
  }

  async #trickle(from, to) {
    try {
      for await (const bytes of from) {
        for (let at = 0; at < bytes.length; at += SLICE_BYTES) {
          to.write(bytes.subarray(at, at + SLICE_BYTES));
          await delay(1000 * SLICE_BYTES / this.bytesPerSecond);
        }
      }
    } catch {
      // it was cut
    }
  }

  // What is connected ends, and nobody gets through.
  async cut() {
    const closed = once(this.server, 'close');
    this.server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async mend() {
    this.server.listen(this.port, '127.0.0.1');
    await once(this.server, 'listening');
  }
}
