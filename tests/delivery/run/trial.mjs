// One trial: a page, a proxy and a server, and what is done to them until enough has happened.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { Browser } from "./browser.mjs";
import { answers, freePort, Program, required } from "./programs.mjs";
import { Site } from "./site.mjs";
import { until } from "./until.mjs";
import { cutsAmong } from "./verdict.mjs";

/** Without a single message for so long, a trial is over: something is stuck. */
const STUCK_MS = 90_000;
/** How long the end may take: a black hole, a slow network and a few attempts. */
const DRAIN_MS = 60_000;
const LOOK_EVERY_MS = 10;

export class Trial {
  #options;
  #folder;
  #server;
  #proxy;
  #control;
  #site;
  #browser;
  #killed = 0;
  #reloaded = 0;
  /** Lines for whoever wants to know what happened. */
  log = [];

  constructor(options) {
    this.#options = options;
  }

  /** Runs it to its end and gives all that was counted. */
  async run() {
    const started = Date.now();
    try {
      await this.#start();
      await this.#disturb();
      return { ...(await this.#finish()), seconds: (Date.now() - started) / 1_000 };
    } finally {
      await this.#browser?.stop();
      this.#site?.stop();
      for (const program of [this.#proxy, this.#server]) await program?.end("SIGKILL");
      if (this.#folder) await rm(this.#folder, { recursive: true, force: true });
    }
  }

  async #start() {
    const { seed, mix, delivery } = this.#options;
    this.#folder = await mkdtemp(join(tmpdir(), "everwire-delivery-"));
    this.port = await freePort();
    await this.#startServer();
    const address = `127.0.0.1:${this.port}`;
    const proxy = [required("EVERWIRE_PROXY_BIN"), "--server", address, "--seed", String(seed)];
    this.#proxy = await Program.start(proxy, ({ output }) => output.includes("\n"));
    const { listen, control } = JSON.parse(this.#proxy.output);
    this.#control = `http://${control}`;
    await this.#steer("/schedule", { seed, mix });
    this.#site = await Site.start(`http://${address}`);
    this.#browser = await Browser.start();
    const query = new URLSearchParams({ ws: `ws://${listen}/ws/ann`, delivery });
    await this.#browser.open(`${this.#site.origin}/page/index.html?${query}`);
    await until("the page runs", () => this.#browser.run("return Boolean(window.trial)"));
  }

  async #startServer() {
    const command = SERVERS[this.#options.server](String(this.port), join(this.#folder, "ledger.sqlite"));
    this.#server = await Program.start(command, () => answers(`http://127.0.0.1:${this.port}/progress`));
  }

  /** Makes faults, reloads and kills, each after so many messages, until there were enough of everything. */
  async #disturb() {
    const { messages, cuts, reloads, kills, mix } = this.#options;
    const events = cuts + reloads + kills;
    const step = Math.max(1, Math.floor(messages / events));
    let next = step;
    let seen = { handled: 0, at: Date.now() };
    for (let event = 0; ; ) {
      const { handled, sent } = await this.#progress();
      if (handled > seen.handled) seen = { handled, at: Date.now() };
      if (Date.now() - seen.at > STUCK_MS) return this.#note("stuck");
      const made = cutsAmong((await this.#counts()).faults, mix);
      const isDue = handled >= next;
      const isEnough = made >= cuts && this.#reloaded >= reloads && this.#killed >= kills;
      if (isEnough && Math.min(handled, sent) >= messages) {
        const { received } = await this.#browser.run("return window.trial.progress()");
        if (received >= messages) return;
      }
      if (isDue && !isEnough) {
        event += 1;
        await this.#event(event, events);
        next = handled + step;
      }
      await pause(LOOK_EVERY_MS);
    }
  }

  /** Reloads and kills lie evenly among the faults. */
  #event(event, events) {
    const { reloads, kills } = this.#options;
    const share = event / events;
    if (this.#reloaded < Math.floor(share * reloads + 0.5)) return this.#reload();
    if (this.#killed < Math.floor(share * kills + 0.5)) return this.#kill();
    return this.#fault();
  }

  async #fault() {
    const { fault, met } = await this.#steer("/schedule/next");
    this.#note(`${JSON.stringify(fault)} met ${met}`);
  }

  async #reload() {
    this.#reloaded += 1;
    this.#note("reload");
    await this.#browser.reload();
  }

  async #kill() {
    this.#killed += 1;
    const signal = this.#killed % 2 ? "SIGKILL" : "SIGTERM";
    this.#note(signal);
    await this.#server.end(signal);
    await this.#startServer();
  }

  /** Heals the network, lets everything arrive, and asks both applications. */
  async #finish() {
    await this.#steer("/heal");
    await this.#browser.run("window.trial.finish()");
    const arrived = (what, look) =>
      until(what, look, { withinMs: this.#drainMs(), everyMs: 200 }).catch(() => this.#note(`not in time: ${what}`));
    await arrived("all receipts settle", () => this.#browser.run("return window.trial.isSettled()"));
    await fetch(`http://127.0.0.1:${this.port}/quiet`, { method: "POST" });
    const { sent } = await this.#progress();
    const isDone = () => this.#browser.run("return window.trial.isDone(arguments[0])", sent);
    const drained = await arrived("all numbers reach the page", isDone);
    const page = await this.#browser.run("return window.trial.report(arguments[0])", sent);
    const server = await (await fetch(`http://127.0.0.1:${this.port}/report/${page.sending.next - 1}`)).json();
    const { handled } = await this.#progress();
    const proxy = await this.#counts();
    return { page, server, proxy, handled, sent, drained, kills: this.#killed, reloads: this.#reloaded };
  }

  /** Plain delivery gives no promise that would be worth waiting for. */
  #drainMs() {
    return this.#options.delivery === "plain" ? 5_000 : DRAIN_MS;
  }

  async #progress() {
    const url = `http://127.0.0.1:${this.port}/progress`;
    return (await fetch(url)).json();
  }

  async #counts() {
    return (await fetch(`${this.#control}/counts`)).json();
  }

  async #steer(path, body = {}) {
    const headers = { "Content-Type": "application/json" };
    const answer = await fetch(this.#control + path, { method: "POST", headers, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`the proxy answers ${answer.status} to ${path}: ${await answer.text()}`);
    const text = await answer.text();
    return text && JSON.parse(text);
  }

  #note(line) {
    this.log.push(line);
    if (this.#options.verbose) console.log(`  ${line}`);
  }
}

const FASTAPI = fileURLToPath(new URL("../../../server/fastapi/counting.py", import.meta.url));

const SERVERS = {
  rust: (port, database) => [required("EVERWIRE_DELIVERY_BIN"), "--port", port, "--db", database],
  fastapi: (port, database) => [required("EVERWIRE_PYTHON"), FASTAPI, "--port", port, "--db", database],
};

/** The servers that a trial can run on. */
export const KINDS = Object.keys(SERVERS);
