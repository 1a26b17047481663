// A web server with pages for the browser and WebSocket servers by path.

import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";
import { WebSocketServer } from "ws";

const PACKAGE = fileURLToPath(new URL("../../pkg/", import.meta.url));
const PAGES = fileURLToPath(new URL("page/", import.meta.url));
const TYPES = { ".html": "text/html", ".js": "text/javascript" };
const PAGE = "<!doctype html><meta charset=utf-8><title>WebSocket</title><link rel=icon href=data:,>";

/** Runs until `stop`. `servers` maps a path to `(socket, request) => void`; a path's `handshake` option chooses the rest. */
export class Site {
  #server = createServer((request, response) => this.#answer(request, response));
  #files = new Map([["/", PAGE]]);
  #sockets = new Set();

  static async start(servers) {
    const site = new Site();
    for (const [path, { options = {}, connected }] of Object.entries(servers)) site.#serve(path, options, connected);
    site.#server.on("upgrade", (request, socket, head) => site.#upgrade(request, socket, head));
    site.#server.on("connection", (socket) => site.#keep(socket));
    site.#server.listen(0, "127.0.0.1");
    await once(site.#server, "listening");
    site.host = `127.0.0.1:${site.#server.address().port}`;
    return site;
  }

  /** Serves a page module, bundled with the packages that it imports. */
  async addModule(name) {
    const { outputFiles } = await build({
      entryPoints: [PAGES + name],
      bundle: true,
      format: "esm",
      write: false,
      define: { global: "globalThis" },
      alias: { "everwire/websocket": `${PACKAGE}everwire-websocket.js` },
      logLevel: "error",
    });
    this.#files.set(`/${name.replace(".mjs", ".js")}`, outputFiles[0].text);
  }

  /** Cuts every connection to a path without a close frame. */
  cut(path) {
    for (const socket of this.#paths.get(path).server.clients) socket.terminate();
  }

  /** How many connections a path has. */
  count(path) {
    return this.#paths.get(path).server.clients.size;
  }

  async stop() {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }

  #paths = new Map();

  #serve(path, options, connected) {
    const server = new WebSocketServer({ noServer: true, ...options });
    if (connected) server.on("connection", connected);
    this.#paths.set(path, { server });
    return server;
  }

  /** The `WebSocketServer` of a path, for libraries that want one. */
  at(path) {
    return this.#paths.get(path).server;
  }

  #upgrade(request, socket, head) {
    const { pathname } = new URL(request.url, "http://any");
    const found = [...this.#paths.entries()].find(([path]) => pathname === path || pathname.startsWith(`${path}/`));
    // Some paths never answer, the others are not there.
    if (pathname === "/never") return;
    if (!found) return socket.end("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    const { server } = found[1];
    server.handleUpgrade(request, socket, head, (client) => server.emit("connection", client, request));
  }

  #keep(socket) {
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket)).on("error", () => socket.destroy());
  }

  #answer({ url }, response) {
    const text = this.#files.get(url);
    response.writeHead(text === undefined ? 404 : 200, { "Content-Type": TYPES[extname(url)] ?? "text/html" });
    response.end(text);
  }
}
