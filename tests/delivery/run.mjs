// node run.mjs [--messages N] [--cuts N] [--reloads N] [--kills N] [--delivery plain|reliable] [--server rust|fastapi]
//              [--mix cuts|network|frames|garbage] [--seed N] [--verbose]
//              [--expect-loss]
//
// Sends numbers both ways between a page and a server, through faults, reloads and kills, and checks at both
// applications that each arrived once and in order. With --expect-loss it is right that some do not: that shows that
// the test would see it. `cargo xtask delivery` sets the environment it needs.

import { parseArgs } from "node:util";

import { KINDS, Trial } from "./run/trial.mjs";
import { judge, judgeLoss } from "./run/verdict.mjs";

const options = read();
const trial = new Trial(options);
const result = await trial.run();
const checks = options["expect-loss"] ? judgeLoss(result) : judge(options, result);
summarize();
process.exitCode = checks.every(([, holds]) => holds) ? 0 : 1;

function read() {
  const number = (fallback) => ({ type: "string", default: String(fallback) });
  const { values } = parseArgs({
    options: {
      messages: number(2_000),
      cuts: number(20),
      reloads: { type: "string" },
      kills: { type: "string" },
      seed: number(1),
      delivery: { type: "string", default: "reliable" },
      server: { type: "string", default: "rust" },
      mix: { type: "string", default: "frames" },
      "expect-loss": { type: "boolean", default: false },
      verbose: { type: "boolean", default: false },
    },
  });
  if (!KINDS.includes(values.server)) throw new Error(`--server is one of ${KINDS.join(", ")}`);
  const cuts = whole(values.cuts, "cuts");
  // Of ten cuts, so to speak, one more is a reload and one a kill.
  const tenth = Math.ceil(cuts / 10);
  return {
    ...values,
    cuts,
    messages: whole(values.messages, "messages"),
    seed: whole(values.seed, "seed"),
    reloads: whole(values.reloads ?? String(tenth), "reloads"),
    kills: whole(values.kills ?? String(tenth), "kills"),
  };
}

function whole(text, name) {
  if (!/^\d+$/.test(text)) throw new Error(`--${name} wants a whole number`);
  return Number(text);
}

function summarize() {
  const { page, proxy, seconds } = result;
  for (const [name, holds, figures] of checks) console.log(`${holds ? "ok" : "not ok"} - ${name}: ${figures}`);
  console.log(`faults: ${list(proxy.faults)}`);
  console.log(`page: ${list(page.events)}`);
  const { acked, sent, rejected, uncertain } = page.sending;
  console.log(`receipts: ${acked} acked, ${sent} sent, ${rejected.length} rejected, ${uncertain.length} uncertain`);
  const { opened, unreachable, frames_to_server: up, frames_to_client: down } = proxy;
  console.log(`sockets: ${opened} opened, ${unreachable} found no server`);
  console.log(`frames: ${up} to the server, ${down} to the page`);
  console.log(`seconds: ${seconds.toFixed(1)}`);
  if (checks.some(([, holds]) => !holds)) console.log(`what was done:\n  ${trial.log.join("\n  ")}`);
  // As node's own test runner ends.
  console.log(`# pass ${checks.filter(([, holds]) => holds).length}`);
  console.log(`# fail ${checks.filter(([, holds]) => !holds).length}`);
}

function list(counts) {
  return Object.entries(counts)
    .map(([name, count]) => `${count} × ${name}`)
    .join(", ");
}
