// What happens before an engine is there, and when it does not come: its wasm in the entry `everwire/wasm`, the module of
// the complete one in the default entry.

import assert from "node:assert/strict";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, mock, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";

import { last, settled, sockets, until } from "./fake.mjs";

const pkg = fileURLToPath(new URL("../../pkg/", import.meta.url));
const wasm = readFileSync(join(pkg, "everwire.wasm"));
const RELIABLE = { delivery: "reliable", persist: false };
let arrive;
let entries = 0;
let connect;

beforeEach(async () => {
  const arrived = new Promise((resolve) => (arrive = resolve));
  globalThis.fetch = async () => ({ ok: true, arrayBuffer: async () => arrived });
  // A module of its own for each test: what was loaded once stays.
  ({ connect } = await import(`../../pkg/everwire-wasm.js?${++entries}`));
});

const wires = [];

function start(options, connectTo = connect) {
  const wire = connectTo("ws://scripted.example/ws", options);
  wires.push(wire);
  return wire;
}

afterEach(() => {
  for (const wire of wires.splice(0)) wire.close();
  mock.restoreAll();
});

test("what is sent before the wasm is there goes out in order", async () => {
  const wire = start();
  const before = sockets.length;
  const receipts = [wire.send("a", 1), wire.send("b", 2)];
  const answer = wire.request("c", 3);
  assert.equal(wire.status, "connecting");
  assert.equal(wire.stats.queued, 3);
  arrive(wasm);
  await until(() => sockets.length > before, "a socket");
  last().open();
  assert.deepEqual(last().messages, [
    { type: "a", data: 1 },
    { type: "b", data: 2 },
    { type: "c", data: 3, id: 3 },
  ]);
  assert.deepEqual(
    (await Promise.all(receipts.map((receipt) => receipt.settled))).map(({ status }) => status),
    ["sent", "sent"],
  );
  last().receive({ type: "d", data: 4, re: 3 });
  assert.equal(await answer, 4);
});

test("a close before the wasm is there settles what waits, and nothing is opened", async () => {
  const wire = start();
  const before = sockets.length;
  const receipt = wire.send("a", 1);
  wire.close();
  assert.equal(wire.status, "closed");
  assert.equal((await receipt.settled).error.code, "closed");
  await assert.rejects(wire.opened, { code: "closed" });
  arrive(wasm);
  await settled();
  await settled();
  assert.equal(sockets.length, before);
});

test("a wire that was closed before the wasm came can connect again", async () => {
  const wire = start();
  wire.close();
  arrive(wasm);
  await settled();
  const before = sockets.length;
  wire.connect();
  await until(() => sockets.length > before, "a socket");
  last().open();
  assert.equal(wire.status, "open");
});

test("wasm that cannot be compiled is an error that says what to look at, and may be tried again", async () => {
  const wire = start();
  const errors = [];
  wire.addEventListener("error", ({ detail }) => errors.push(detail.code));
  const receipt = wire.send("a", 1);
  arrive(new Uint8Array([1, 2, 3]));
  await assert.rejects(wire.opened, { code: "wasm-failed", retryable: true });
  assert.equal(wire.status, "closed");
  assert.deepEqual(errors, ["wasm-failed"]);
  assert.equal((await receipt.settled).status, "rejected");
  assert.equal((await wire.send("b", 2).settled).error.code, "wasm-failed");
  globalThis.fetch = async () => ({ ok: true, arrayBuffer: async () => wasm });
  const before = sockets.length;
  wire.connect();
  await until(() => sockets.length > before, "a socket");
});

test("a wrong option is told at once, whatever is loaded later", async () => {
  assert.throws(() => start({ outbox: { bytes: 1 } }), { code: "invalid-option" });
  assert.throws(() => start({ ...RELIABLE, outbox: { bytes: 1 } }), { code: "invalid-option" });
});

test("wasm that does not come is asked for again, and what was sent waits", async () => {
  mock.method(Math, "random", () => 0);
  const answers = [Promise.reject(new TypeError("no network")), { ok: false, status: 503 }];
  globalThis.fetch = async () => answers.shift() ?? { ok: true, arrayBuffer: async () => wasm };
  const before = sockets.length;
  const wire = start();
  const errors = [];
  const statuses = [];
  wire.addEventListener("error", ({ detail }) => errors.push([detail.code, detail.retryable]));
  wire.addEventListener("status", ({ detail }) => statuses.push(detail.status));
  const receipt = wire.send("a", 1);
  await until(() => sockets.length > before, "a socket");
  assert.deepEqual(errors, [
    ["engine-unavailable", true],
    ["engine-unavailable", true],
  ]);
  assert.equal(statuses[0], "reconnecting");
  assert.equal(receipt.status, "queued");
  last().open();
  assert.equal((await receipt.settled).status, "sent");
});

test("a close ends the wait for wasm that does not come", async () => {
  mock.method(Math, "random", () => 0);
  let asked = 0;
  globalThis.fetch = async () => {
    asked++;
    throw new TypeError("no network");
  };
  const wire = start();
  wire.addEventListener("error", () => wire.close());
  await assert.rejects(wire.opened, { code: "closed" });
  await new Promise((resolve) => setTimeout(resolve, 0));
  await settled();
  assert.equal(asked, 1);
});

test("the default entry imports the complete engine when reliable delivery is asked for", async () => {
  const { connect } = await import("../../pkg/everwire.js");
  const before = sockets.length;
  const wire = start(RELIABLE, connect);
  const receipt = wire.send("a", 1);
  assert.equal(wire.status, "connecting");
  assert.equal(wire.stats.queued, 1);
  await until(() => sockets.length > before, "a socket");
  assert.deepEqual(last().protocols, ["everwire.v1"]);
  assert.equal(receipt.status, "queued");
});

test("the entry everwire/wasm fetches the complete engine when reliable delivery is asked for", async () => {
  let asked;
  globalThis.fetch = async (url) => {
    asked = url.href;
    return { ok: true, arrayBuffer: async () => readFileSync(url) };
  };
  const before = sockets.length;
  start(RELIABLE);
  await until(() => sockets.length > before, "a socket");
  assert.deepEqual(last().protocols, ["everwire.v1"]);
  assert.match(asked, /everwire-reliable\.wasm$/);
});

test("a module of the package that does not come is an error that says so, and is asked for again", async (context) => {
  mock.method(Math, "random", () => 0);
  const folder = mkdtempSync(join(tmpdir(), "everwire-"));
  context.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  copyFileSync(join(pkg, "everwire.js"), join(folder, "everwire.js"));
  const { connect } = await import(pathToFileURL(join(folder, "everwire.js")).href);
  const before = sockets.length;
  const wire = start(RELIABLE, connect);
  const { detail } = await new Promise((resolve) => wire.addEventListener("error", resolve, { once: true }));
  assert.equal(detail.code, "engine-unavailable");
  copyFileSync(join(pkg, "everwire-engine.js"), join(folder, "everwire-engine.js"));
  await until(() => sockets.length > before, "a socket");
});

test("no more than a thousand messages wait for the wasm", async () => {
  const wire = start();
  const receipts = Array.from({ length: 1_001 }, (_, i) => wire.send("n", i));
  assert.equal(receipts[999].status, "queued");
  assert.equal(receipts[1_000].error.code, "outbox-full");
});
