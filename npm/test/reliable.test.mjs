// Reliable delivery as the package offers it, on a socket that the test plays.

import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";

import { z } from "zod";

import { last, settled, sockets, until } from "./fake.mjs";
import { connect } from "../../pkg/everwire-reliable.js";

const wires = [];

/** What a page keeps: as much of `sessionStorage` as the engine uses. */
class FakeStorage {
  items = new Map();
  full = false;

  key(index) {
    return [...this.items.keys()][index] ?? null;
  }

  getItem(key) {
    return this.items.get(key) ?? null;
  }

  setItem(key, value) {
    if (this.full) throw new Error("QuotaExceededError");
    this.items.set(key, String(value));
  }

  removeItem(key) {
    this.items.delete(key);
  }
}

beforeEach(() => {
  globalThis.sessionStorage = new FakeStorage();
  // A lock that is always granted.
  const locks = { request: async (_, granted) => granted({}) };
  Object.defineProperty(globalThis, "navigator", { value: { locks }, configurable: true });
});

afterEach(() => {
  for (const wire of wires.splice(0)) if (wire.status !== "closed") wire.close();
});

function start(options) {
  const wire = connect("ws://scripted.example/ws?token=secret", { delivery: "reliable", ...options });
  wires.push(wire);
  return wire;
}

/** A socket that the server has taken; `$open` is what was asked of it. */
async function accept(before) {
  await until(() => sockets.length > before, "a socket");
  const socket = last();
  socket.protocol = "everwire.v1";
  socket.open();
  const [{ type, data }] = socket.messages;
  assert.equal(type, "$open");
  return { socket, open: data };
}

function session(socket, fields) {
  const data = {
    sid: "s1",
    key: "k1",
    epoch: "e1",
    user: "u1",
    resumed: false,
    got: 0,
    rx: 0,
    from: 1,
    ping_ms: 25_000,
    timeout_ms: 10_000,
    ttl_ms: 120_000,
    max_frame: 1 << 20,
    window: 256,
    window_bytes: 1 << 17,
    ...fields,
  };
  socket.receive({ type: "$session", data });
}

async function open(options, fields) {
  const before = sockets.length;
  const wire = start(options);
  const { socket, open } = await accept(before);
  session(socket, fields);
  return { wire, socket, open };
}

const sent = (socket) => socket.messages.slice(1).flat();

test("the subprotocol is offered, and nothing but $open is written before the session", async () => {
  const before = sockets.length;
  const wire = start();
  const receipt = wire.send("count", 1);
  const { socket, open } = await accept(before);
  assert.deepEqual(socket.protocols, ["everwire.v1"]);
  assert.equal(socket.sent.length, 1);
  assert.equal(wire.status, "connecting");
  assert.match(open.cid, /^[0-9A-F]{32}$/);
  assert.deepEqual([open.v, open.tx0, open.tx, open.resume], [1, 1, 0, undefined]);
  session(socket);
  assert.equal(wire.status, "open");
  assert.deepEqual(sent(socket), [{ type: "count", data: 1, seq: 1 }]);
  assert.equal(receipt.status, "sent");
  socket.receive({ type: "$ack", data: { ack: 1 } });
  assert.equal((await receipt.settled).status, "acked");
});

test("a backlog goes out as one batch, a lone message alone", async () => {
  const before = sockets.length;
  const wire = start();
  for (let n = 1; n <= 3; n++) wire.send("count", n);
  const { socket } = await accept(before);
  session(socket);
  wire.send("count", 4);
  const [, batch, alone] = socket.messages;
  assert.deepEqual(
    batch.map(({ data, seq }) => [data, seq]),
    [
      [1, 1],
      [2, 2],
      [3, 3],
    ],
  );
  assert.deepEqual(alone, { type: "count", data: 4, seq: 4 });
});

test("a request is known by its seq, and its answer settles it", async () => {
  const { wire, socket } = await open();
  const asked = wire.request("sum", [1, 2]);
  assert.deepEqual(sent(socket), [{ type: "sum", data: [1, 2], id: 1, seq: 1 }]);
  socket.receive({ type: "sum", data: 3, re: 1, seq: 1, ack: 1 });
  assert.equal(await asked, 3);
});

test("each message is handed over once and in order, and acked when it was handled", async () => {
  const { wire, socket } = await open();
  const got = [];
  wire.on("n", (n) => got.push(n));
  const message = (seq) => ({ type: "n", data: seq, seq });
  socket.receive([message(1), message(2)]);
  socket.receive([message(2), message(3)]);
  assert.deepEqual(got, [1, 2, 3]);
  socket.receive({ type: "$ping", data: { t: 7 } });
  assert.deepEqual(sent(socket).at(-1), { type: "$pong", data: { t: 7, ack: 3, tx: 0 } });
});

test("a hole is never delivered over: the session is resumed", async () => {
  const { wire, socket } = await open();
  const got = [];
  wire.on("n", (n) => got.push(n));
  socket.receive({ type: "n", data: 1, seq: 1 });
  socket.receive({ type: "n", data: 3, seq: 3 });
  assert.deepEqual(got, [1]);
  assert.equal(socket.closedWith.code, 4410);
  const { open: again } = await accept(sockets.length);
  assert.deepEqual(again.resume, { sid: "s1", key: "k1", epoch: "e1", rx: 1 });
});

test("what a reader has not asked past is not acked", async () => {
  const { wire, socket } = await open();
  const reader = wire.messages("n");
  socket.receive([1, 2, 3].map((seq) => ({ type: "n", data: seq, seq })));
  const acked = () => {
    socket.receive({ type: "$ping", data: { t: 1 } });
    return sent(socket).at(-1).data.ack;
  };
  assert.equal(acked(), 0);
  await reader.next();
  await reader.next();
  assert.equal(acked(), 1);
  await reader.return();
  assert.equal(acked(), 3);
});

test("after a close no handler runs, not even within a batch", async () => {
  const { wire, socket } = await open();
  const got = [];
  wire.on("n", (n) => {
    got.push(n);
    if (n === 2) wire.close();
  });
  socket.receive([1, 2, 3].map((seq) => ({ type: "n", data: seq, seq })));
  assert.deepEqual(got, [1, 2]);
  assert.equal(sent(socket).at(-1).type, "$bye");
});

test("a message without a handler is told and counts as handled", async () => {
  const { wire, socket } = await open();
  const unhandled = [];
  wire.addEventListener("unhandled", ({ detail }) => unhandled.push(detail));
  socket.receive({ type: "n", data: 1, seq: 1 });
  assert.deepEqual(unhandled, [{ type: "n", data: 1 }]);
});

test("a message that its schema refuses is told and counts as handled", async () => {
  const { wire, socket } = await open({ schemas: { count: z.number() } });
  const got = [];
  const errors = [];
  wire.on("count", (n) => got.push(n));
  wire.addEventListener("error", ({ detail }) => errors.push(detail.code));
  socket.receive([1, "two", 3].map((data, index) => ({ type: "count", data, seq: index + 1 })));
  assert.deepEqual([got, errors, wire.stats.position], [[1, 3], ["invalid-data"], 3]);
});

test("what the server refuses is rejected with its code", async () => {
  const { wire, socket } = await open();
  const receipt = wire.send("n", 1);
  socket.receive({ type: "$err", data: { seq: 1, code: "forbidden", message: "Not yours." } });
  socket.receive({ type: "$ack", data: { ack: 1 } });
  const { status, error } = await receipt.settled;
  assert.deepEqual([status, error.code, error.message], ["rejected", "forbidden", "Not yours."]);
});

test("what was lost for the page is told at its place in the order", async () => {
  const { wire, socket } = await open();
  const told = [];
  wire.on("n", (n) => told.push(n));
  wire.addEventListener("resync", ({ detail }) => told.push(detail));
  socket.receive([
    { type: "n", data: 1, seq: 1 },
    { type: "$resync", data: { next: 5, reason: "slow" } },
    { type: "n", data: 5, seq: 5 },
  ]);
  assert.deepEqual(told, [1, { reason: "slow", missedFrom: 2, missedTo: 4 }, 5]);
});

test("a page that goes away leaves what must be sent to the next one, and no token", async () => {
  const { wire, socket, open: first } = await open();
  wire.send("n", 1);
  socket.receive({ type: "$ack", data: { ack: 1 } });
  wire.send("n", 2);
  globalThis.dispatchEvent?.(new Event("pagehide"));
  const kept = [...globalThis.sessionStorage.items].flat().join();
  assert.ok(!kept.includes("secret"), kept);
  assert.ok(kept.includes('{"type":"n","data":2}') && !kept.includes('{"type":"n","data":1}'), kept);

  const before = sockets.length;
  const next = start();
  const { open: second } = await accept(before);
  assert.equal(second.cid, first.cid);
  assert.ok(second.n > first.n);
  assert.deepEqual([second.tx0, second.tx, second.resume], [2, 2, undefined]);
  assert.equal(next.restored.length, 1);
  const resyncs = [];
  next.addEventListener("resync", ({ detail }) => resyncs.push(detail.reason));
  session(last(), { got: 1, rx: 1 });
  assert.deepEqual(resyncs, ["reload"]);
  assert.deepEqual(sent(last()), [{ type: "n", data: 2, seq: 2 }]);
});

test("a full storage is told, and delivery goes on", async () => {
  const { wire, socket } = await open();
  const errors = [];
  wire.addEventListener("error", ({ detail }) => errors.push(detail.code));
  globalThis.sessionStorage.full = true;
  wire.send("n", 1);
  wire.send("n", 2);
  await settled();
  assert.deepEqual(errors, ["storage-failed"]);
  assert.equal(sent(socket).length, 2);
  assert.equal([...globalThis.sessionStorage.items.keys()].length, 0);
});

test("a server that opens without the protocol is refused with what to do", async () => {
  const before = sockets.length;
  const wire = start();
  await until(() => sockets.length > before, "a socket");
  last().protocol = "";
  last().open();
  await assert.rejects(wire.opened, { code: "unsupported-server" });
});

test("a volatile message is written at once or rejected", async () => {
  const before = sockets.length;
  const wire = start();
  await until(() => sockets.length > before, "a socket");
  assert.equal(wire.send("cursor", 1, { volatile: true }).status, "rejected");
  last().protocol = "everwire.v1";
  last().open();
  session(last());
  assert.equal(wire.send("cursor", 2, { volatile: true }).status, "sent");
  assert.deepEqual(sent(last()), [{ type: "cursor", data: 2 }]);
});
