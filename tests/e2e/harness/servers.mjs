// Starting, killing and asking the servers of the board.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { until } from "./until.mjs";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));

// Python alone takes ten seconds to load its libraries on a machine that is busy.
const START_LIMIT_MS = 45_000;

const COMMANDS = {
  rust: (port, database) => ({
    program: required("EVERWIRE_SERVER_BIN"),
    args: ["--port", port, "--db", database],
    cwd: ROOT,
  }),
  fastapi: (port, database) => uvicorn("main:app", port, database),
  "fastapi with reliable delivery": (port, database) => uvicorn("reliable:app", port, database),
};

function uvicorn(application, port, database) {
  return {
    program: required("EVERWIRE_PYTHON"),
    args: ["-m", "uvicorn", application, "--port", port],
    cwd: join(ROOT, "server/fastapi"),
    env: { BOARD_DB: database },
  };
}

/** The servers that every test of plain delivery runs on. */
export const PLAIN = ["rust", "fastapi"];
/** Those that offer reliable delivery beside it. */
export const RELIABLE = ["rust", "fastapi with reliable delivery"];

/** A server of the board on a port and a store of its own. */
export class Server {
  #child;
  #folder;

  constructor(kind, port, folder) {
    this.kind = kind;
    this.port = port;
    this.origin = `http://127.0.0.1:${port}`;
    this.#folder = folder;
  }

  static async start(kind) {
    const folder = await mkdtemp(join(tmpdir(), "everwire-e2e-"));
    const server = new Server(kind, await freePort(), folder);
    try {
      await server.start();
    } catch (error) {
      await server.stop();
      throw error;
    }
    return server;
  }

  /** Starts it (again), on the same port and store, and waits until it answers. */
  async start() {
    const { program, args, cwd, env } = COMMANDS[this.kind](String(this.port), join(this.#folder, "tasks.sqlite"));
    this.#child = spawn(program, args, { cwd, env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
    const child = this.#child;
    let output = "";
    let hasEnded = false;
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += chunk));
    child.once("exit", () => (hasEnded = true));
    child.once("error", (error) => {
      output += error.message;
      hasEnded = true;
    });
    const hasSettled = async () => hasEnded || (await this.#answers());
    await until(`${this.kind} answers`, hasSettled, { withinMs: START_LIMIT_MS, show: () => output });
    if (hasEnded) throw new Error(`the ${this.kind} server ended at once:\n${output}`);
  }

  /** SIGKILL: no goodbye, nothing flushed. */
  async kill() {
    const child = this.#child;
    const isRunning = child?.pid !== undefined && child.exitCode === null && child.signalCode === null;
    if (!isRunning) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  }

  async stop() {
    await this.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** The tasks that `user` can see, asked over REST. */
  async tasks(user) {
    const response = await fetch(`${this.origin}/api/tasks`, { headers: { "X-User": user } });
    return response.json();
  }

  async #answers() {
    try {
      return (await fetch(`${this.origin}/api/config`)).ok;
    } catch {
      return false;
    }
  }
}

async function freePort() {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address();
  probe.close();
  await once(probe, "close");
  return port;
}

function required(name) {
  const value = process.env[name];
  if (!value) throw new Error(`set ${name}, or run cargo xtask test e2e, which does`);
  return value;
}
