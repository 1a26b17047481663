// The programs of a trial: started, killed and started again, with nothing left behind.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";

import { until } from "./until.mjs";

const LAST_OUTPUT = 20_000;

/** Each program leads a group of its own, which whoever ends this one does not know. */
const groups = new Set();
for (const signal of ["SIGINT", "SIGTERM"])
  process.once(signal, () => {
    for (const group of groups) kill(group, "SIGKILL");
    process.exit(130);
  });

/** A program that runs until it is ended. */
export class Program {
  #child;
  output = "";

  /** Starts `command` and waits until `isReady(program)`. */
  static async start([program, ...args], isReady, options = {}) {
    const started = new Program();
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], detached: true, ...options });
    started.#child = child;
    groups.add(child.pid);
    let hasEnded = false;
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (chunk) => (started.output = (started.output + chunk).slice(-LAST_OUTPUT)));
    child.once("exit", () => {
      groups.delete(child.pid);
      hasEnded = true;
    });
    child.once("error", (error) => {
      started.output += error.message;
      hasEnded = true;
    });
    const ready = async () => hasEnded || (await isReady(started));
    try {
      await until(`${program} is ready`, ready, { withinMs: 60_000, show: () => started.output });
    } catch (error) {
      await started.end("SIGKILL");
      throw error;
    }
    if (hasEnded) throw new Error(`${program} ended at once:\n${started.output}`);
    return started;
  }

  get isRunning() {
    const { pid, exitCode, signalCode } = this.#child;
    return pid !== undefined && exitCode === null && signalCode === null;
  }

  /** Sends a signal and waits for the end. A program that ignores SIGTERM for 15 s is killed. */
  async end(signal) {
    const child = this.#child;
    if (!this.isRunning) return;
    const ended = once(child, "exit");
    // The group: a virtual screen or a driver has children.
    kill(child.pid, signal);
    const impatience = setTimeout(() => kill(child.pid, "SIGKILL"), 15_000);
    await ended;
    clearTimeout(impatience);
  }
}

function kill(group, signal) {
  try {
    process.kill(-group, signal);
  } catch {
    // It is gone.
  }
}

/** Whether `url` is answered with success. */
export async function answers(url) {
  try {
    return (await fetch(url)).ok;
  } catch {
    return false;
  }
}

/** A port that nobody has. */
export async function freePort() {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address();
  probe.close();
  await once(probe, "close");
  return port;
}

/** The value of an environment variable that `cargo xtask` sets. */
export function required(name) {
  const value = process.env[name];
  if (!value) throw new Error(`set ${name}, or run cargo xtask delivery, which does`);
  return value;
}
