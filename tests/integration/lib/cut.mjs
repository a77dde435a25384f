// A way to a server that can be cut, and mended.
import { once } from 'node:events';
import { connect, createServer } from 'node:net';

export class Way {
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
      socket.pipe(other);
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
