// A TCP proxy between the page and a server, which can hold back what a WebSocket carries without the peers noticing.

import { once } from "node:events";
import { connect, createServer } from "node:net";

/** Opens the board of ann with a proxy between. Arguments are those of a test's body. */
export async function throughProxy({ server, open, keep }) {
  const proxy = await Proxy.start(server.port);
  keep({ close: () => proxy.stop() });
  const ann = await (await open("ann", { origin: proxy.origin })).ready();
  return { proxy, ann };
}

/** `holdToServer` and `holdToClient` stop one direction of every WebSocket; plain requests always pass. */
export class Proxy {
  #server;
  #sockets = new Set();
  holdToServer = false;
  holdToClient = false;
  #isCut = false;

  static async start(port) {
    const proxy = new Proxy();
    proxy.#server = createServer((client) => proxy.#accept(client, port)).listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    proxy.origin = `http://127.0.0.1:${proxy.#server.address().port}`;
    return proxy;
  }

  /** Ends every WebSocket, and each that is tried from now on. */
  cut() {
    this.#isCut = true;
    for (const pair of [...this.#sockets]) if (pair.isWebSocket) pair.end();
  }

  /** Lets everything pass again. What was held back on a connection that lives on goes out now. */
  release() {
    this.holdToServer = false;
    this.holdToClient = false;
    this.#isCut = false;
    for (const pair of this.#sockets) pair.flush();
  }

  async stop() {
    for (const { client } of this.#sockets) client.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }

  #accept(client, port) {
    const server = connect(port, "127.0.0.1");
    const pair = { client, isWebSocket: false, toServer: [], toClient: [], flush, end };
    this.#sockets.add(pair);
    client.on("data", (chunk) => {
      pair.isWebSocket ||= chunk.toString("latin1").startsWith("GET /ws/");
      if (pair.isWebSocket && this.#isCut) end();
      else if (pair.isWebSocket && this.holdToServer) pair.toServer.push(chunk);
      else server.write(chunk);
    });
    server.on("data", (chunk) => {
      if (pair.isWebSocket && this.holdToClient) pair.toClient.push(chunk);
      else client.write(chunk);
    });
    for (const socket of [client, server]) socket.on("close", end).on("error", end);

    const sockets = this.#sockets;
    function end() {
      sockets.delete(pair);
      client.destroy();
      server.destroy();
    }

    function flush() {
      for (const chunk of pair.toServer.splice(0)) server.write(chunk);
      for (const chunk of pair.toClient.splice(0)) client.write(chunk);
    }
  }
}
