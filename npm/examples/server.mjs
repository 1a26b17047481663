// The server of the examples: their pages, and a task list that all of them share.
// Usage: node npm/examples/server.mjs [PORT], once the examples are built.

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

import { WebSocketServer } from "ws";

const PAGES = fileURLToPath(new URL("../../target/examples/", import.meta.url));
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".wasm": "application/wasm" };

export class TaskServer {
  /** Every connection that was made: its path, and the code it was closed with once it is. */
  connections = [];
  #tasks = new Map();
  #http = createServer((request, response) => this.#serve(request, response));
  #sockets = new WebSocketServer({ server: this.#http });

  static async start({ port = 0, pages = PAGES } = {}) {
    const server = new TaskServer();
    server.pages = pages;
    server.#sockets.on("connection", (socket, { url }) => server.#connected(socket, url));
    await new Promise((resolve) => server.#http.listen(port, "127.0.0.1", resolve));
    server.origin = `http://127.0.0.1:${server.#http.address().port}`;
    return server;
  }

  /** Sends a message to everybody. */
  broadcast(type, data) {
    for (const { socket } of this.connections) socket.send(JSON.stringify({ type, data }));
  }

  /** Cuts all connections, as a network does. */
  cut() {
    for (const { socket } of this.connections) socket.terminate();
  }

  stop() {
    this.cut();
    this.#http.closeAllConnections();
    return new Promise((resolve) => this.#http.close(resolve));
  }

  #connected(socket, path) {
    const connection = { socket, path, closedWith: undefined };
    this.connections.push(connection);
    socket.on("close", (code) => (connection.closedWith = code));
    socket.on("message", (text) => {
      const { type, data, id } = JSON.parse(text);
      if (type === "ping") socket.send('{"type":"pong","data":null}');
      else if (type === "list_tasks") socket.send(JSON.stringify({ type: "tasks", data: [...this.#tasks.values()], re: id }));
      else if (type === "create_task") this.#put("task_created", { id: this.#tasks.size + 1, title: data.title, done: false });
      else if (type === "toggle_task") this.#toggle(data.id);
    });
  }

  #toggle(id) {
    const task = this.#tasks.get(id);
    if (task) this.#put("task_updated", { ...task, done: !task.done });
  }

  #put(type, task) {
    this.#tasks.set(task.id, task);
    this.broadcast(type, task);
  }

  async #serve({ url }, response) {
    const { pathname } = new URL(url, "http://localhost");
    const path = join(this.pages, normalize(pathname.endsWith("/") ? `${pathname}index.html` : pathname));
    try {
      const body = await readFile(path);
      response.writeHead(200, { "Content-Type": TYPES[extname(path)] ?? "application/octet-stream" }).end(body);
    } catch {
      response.writeHead(404).end();
    }
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { origin } = await TaskServer.start({ port: Number(process.argv[2] ?? 8080) });
  for (const name of ["react", "vue", "svelte"]) console.log(`${origin}/${name}/`);
}
