// The board's server, which projects exchange messages with, and a server for their files.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { createInterface } from "node:readline";

const USER = "ann";
const TYPES = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".css": "text/css",
  ".wasm": "application/wasm",
};

/** The server of the board, with plain and reliable delivery, open to pages of every origin. */
export class Board {
  #child;

  static async start() {
    const program = process.env.EVERWIRE_SERVER_BIN;
    if (!program) throw new Error("set EVERWIRE_SERVER_BIN, or run the step by cargo xtask test");
    const board = new Board();
    const options = ["--memory", "--port", "0", "--allow-origin", "*", "--www", ".", "--pkg", "."];
    board.#child = spawn(program, options, { stdio: ["ignore", "pipe", "ignore"] });
    for await (const line of createInterface(board.#child.stdout)) {
      const [, origin] = /listening on (http:\S+)/.exec(line) ?? [];
      if (!origin) continue;
      board.origin = origin;
      return board;
    }
    throw new Error("the server of the board ended at once");
  }

  /** What a project needs to take part: an address and a token. */
  async settings() {
    const headers = { "Content-Type": "application/json" };
    const body = JSON.stringify({ user: USER });
    const response = await fetch(`${this.origin}/api/token`, { method: "POST", headers, body });
    const { token } = await response.json();
    return { url: `${this.origin.replace("http", "ws")}/ws/${USER}`, token };
  }

  /** The titles of the tasks that the server has. */
  async titles() {
    const response = await fetch(`${this.origin}/api/tasks`, { headers: { "X-User": USER } });
    return (await response.json()).map(({ title }) => title);
  }

  async stop() {
    const ended = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await ended;
  }
}

/** Serves a folder, with a Content-Security-Policy if there is one. */
export class Site {
  #server;

  static async start(folder, policy) {
    const site = new Site();
    site.#server = createServer((request, response) => serve(folder, policy, request, response));
    site.#server.listen(0, "127.0.0.1");
    await once(site.#server, "listening");
    site.origin = `http://127.0.0.1:${site.#server.address().port}`;
    return site;
  }

  stop() {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

/** Answers a request with a file of a folder. */
export async function serve(folder, policy, { url }, response) {
  const { pathname } = new URL(url, "http://site");
  const file = normalize(join("/", pathname.endsWith("/") ? `${pathname}index.html` : pathname));
  const body = await readFile(join(folder, file)).catch(() => undefined);
  if (!body) return response.writeHead(404).end();
  const headers = { "Content-Type": TYPES[extname(file)] ?? "text/plain", "Cache-Control": "no-store" };
  if (policy) headers["Content-Security-Policy"] = policy;
  response.writeHead(200, headers).end(body);
}
