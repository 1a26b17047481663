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

/** On a port of its own, until `stop`. */
export class Site {
  #server = createServer((request, response) => this.#answer(request, response));
  #files = new Map([["/", PAGE]]);
  #sockets = new Set();
  /** The WebSocket servers by their paths. */
  #paths = new Map();

  /** `servers` maps a path to `{ options, connected }`: those of a `WebSocketServer`, and what is done with each socket. */
  static async start(servers) {
    const site = new Site();
    for (const [path, { options, connected }] of Object.entries(servers)) {
      const server = new WebSocketServer({ noServer: true, ...options });
      if (connected) server.on("connection", connected);
      site.#paths.set(path, server);
    }
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

  /** The `WebSocketServer` of a path. */
  at(path) {
    return this.#paths.get(path);
  }

  /** Cuts every connection to a path without a close frame. */
  cut(path) {
    for (const socket of this.at(path).clients) socket.terminate();
  }

  /** How many connections a path has. */
  count(path) {
    return this.at(path).clients.size;
  }

  async stop() {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }

  #upgrade(request, socket, head) {
    const { pathname } = new URL(request.url, "http://any");
    // One path never answers.
    if (pathname === "/never") return;
    const path = [...this.#paths.keys()].find((path) => pathname === path || pathname.startsWith(`${path}/`));
    if (!path) return socket.end("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    const server = this.at(path);
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
