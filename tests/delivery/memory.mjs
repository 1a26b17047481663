// node memory.mjs [--messages N] [--reconnects N] [--delivery plain|reliable]
//
// Sends, receives and reconnects in one page of Chromium, and measures now and then what lives: the heap after a
// collection, wasm memory, sockets and timers. All must be flat after warm-up. `cargo xtask memory` sets what it needs.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { Browser } from "./run/browser.mjs";
import { flat } from "./run/flat.mjs";
import { answers, freePort, Program, required } from "./run/programs.mjs";
import { Site } from "./run/site.mjs";
import { until } from "./run/until.mjs";

/** Measurements in a run. */
const SAMPLES = 20;
/** What a heap may differ by between two collections: compiled code and inline caches come and go. */
const HEAP_TOLERANCE_BYTES = 128 * 1024;

const { values } = parseArgs({
  options: {
    messages: { type: "string", default: "20000" },
    reconnects: { type: "string", default: "200" },
    delivery: { type: "string", default: "plain" },
  },
});
const goal = { messages: Number(values.messages), reconnects: Number(values.reconnects) };
const started = Date.now();
const { samples, progress, end } = await measure();
report();

async function measure() {
  const closables = [];
  const keep = (closable, close) => {
    closables.unshift(() => close(closable));
    return closable;
  };
  try {
    const folder = keep(await mkdtemp(join(tmpdir(), "everwire-memory-")), (path) => rm(path, { recursive: true }));
    const port = await freePort();
    const command = [required("EVERWIRE_DELIVERY_BIN"), "--port", String(port), "--db", join(folder, "ledger.sqlite")];
    keep(await Program.start(command, () => answers(`http://127.0.0.1:${port}/progress`)), (server) =>
      server.end("SIGKILL"),
    );
    const site = keep(await Site.start(`http://127.0.0.1:${port}`), (site) => site.stop());
    const browser = keep(await Browser.start(), (browser) => browser.stop());
    const query = new URLSearchParams({ ws: `ws://127.0.0.1:${port}/ws/ann`, delivery: values.delivery });
    await browser.open(`${site.origin}/page/memory.html?${query}`);
    await until("the page runs", () => browser.run("return Boolean(window.trial)"));
    return await watch(browser);
  } finally {
    for (const close of closables) await close();
  }
}

async function watch(browser) {
  const samples = [];
  for (let index = 1; index <= SAMPLES; index++) {
    const part = (number) => Math.ceil((number * index) / SAMPLES);
    // One command for all of it: WebDriver's own leave traces on the heap.
    const run = "return window.trial.run(arguments[0], arguments[1])";
    await browser.run(run, part(goal.messages), part(goal.reconnects));
    const sample = await look(browser);
    samples.push(sample);
    const { messages, reconnects } = await browser.run("return window.trial.progress()");
    const { heap, wasm, open, closing, timers } = sample;
    const sockets = `${open} open and ${closing} closing sockets`;
    const made = `${messages} messages, ${reconnects} reconnects`;
    console.log(`${made}: heap ${heap} B, wasm ${wasm} B, ${sockets}, ${timers} timers`);
  }
  const progress = await browser.run("return window.trial.progress()");
  await browser.run("window.trial.close()");
  const isClosed = async () => (await look(browser)).open === 0;
  await until("the socket is closed", isClosed);
  return { samples, progress, end: await look(browser) };
}

/** What lives once everything is collected that can be, and old sockets have had a moment to close. */
async function look(browser) {
  const count = () => browser.run("return window.held.count()");
  await until("old sockets are closed", async () => (await count()).closing === 0).catch(() => undefined);
  await browser.devtools("HeapProfiler.collectGarbage");
  const { usedSize } = await browser.devtools("Runtime.getHeapUsage");
  return { heap: usedSize, ...(await count()) };
}

function report() {
  const row = (name) => samples.map((sample) => sample[name]);
  const steady = (name, tolerance) => {
    const { holds, from, to, growth } = flat(row(name), tolerance);
    return [`${name} is flat`, holds, `${from} B, in the end ${to} B: ${growth} B more`];
  };
  const never = (name, most) => {
    const highest = Math.max(...row(name));
    return [`never more than ${most} ${name}`, highest <= most, highest];
  };
  const checks = [
    ["enough messages", progress.messages >= goal.messages, progress.messages],
    ["enough reconnects", progress.reconnects >= goal.reconnects, progress.reconnects],
    steady("heap", HEAP_TOLERANCE_BYTES),
    steady("wasm", 0),
    never("open", 1),
    never("closing", 0),
    never("timers", 2),
    ["no socket and no timer after close", end.open + end.closing + end.timers === 0, JSON.stringify(end)],
    ["never stopped", progress.stops === 0, progress.stops],
  ];
  for (const [name, holds, figures] of checks) console.log(`${holds ? "ok" : "not ok"} - ${name}: ${figures}`);
  console.log(`seconds: ${((Date.now() - started) / 1_000).toFixed(1)}`);
  console.log(`# pass ${checks.filter(([, holds]) => holds).length}`);
  console.log(`# fail ${checks.filter(([, holds]) => !holds).length}`);
  process.exitCode = checks.every(([, holds]) => holds) ? 0 : 1;
}
