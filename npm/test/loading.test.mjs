// The entry with the wasm in a file of its own: what happens before the file is there, and when it never comes.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { afterEach, beforeEach, test } from "node:test";

import { last, settled, sockets, until } from "./fake.mjs";

const wasm = readFileSync(new URL("../../pkg/everwire.wasm", import.meta.url));
let arrive;
let entries = 0;
let connect;

beforeEach(async () => {
  const arrived = new Promise((resolve) => (arrive = resolve));
  globalThis.fetch = async () => ({ arrayBuffer: async () => arrived });
  // A module of its own for each test: what was loaded once stays.
  ({ connect } = await import(`../../pkg/everwire-wasm.js?${++entries}`));
});

const wires = [];

function start(options) {
  const wire = connect("ws://scripted.example/ws", options);
  wires.push(wire);
  return wire;
}

afterEach(() => {
  for (const wire of wires.splice(0)) wire.close();
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
  globalThis.fetch = async () => ({ arrayBuffer: async () => wasm });
  const before = sockets.length;
  wire.connect();
  await until(() => sockets.length > before, "a socket");
});

test("a wrong option is told when the engine can read it", async () => {
  const wire = start({ outbox: { bytes: 1 } });
  arrive(wasm);
  await assert.rejects(wire.opened, { code: "invalid-option" });
  assert.equal(wire.error.code, "invalid-option");
});

test("no more than a thousand messages wait for the wasm", async () => {
  const wire = start();
  const receipts = Array.from({ length: 1_001 }, (_, i) => wire.send("n", i));
  assert.equal(receipts[999].status, "queued");
  assert.equal(receipts[1_000].error.code, "outbox-full");
});
