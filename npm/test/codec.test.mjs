// Messages as binary frames by a codec, in Node, against a server that speaks MessagePack.

import assert from "node:assert/strict";
import { once } from "node:events";
import { after, afterEach, before, test } from "node:test";

import { decode, encode } from "@msgpack/msgpack";
import { WebSocket, WebSocketServer } from "ws";

import { connect } from "../../pkg/everwire.js";
import { msgpack } from "../../pkg/everwire-msgpack.js";
import { until } from "./fake.mjs";

const wires = [];
/** The frames that the server got, and those who are connected. */
let server, url, frames;

before(async () => {
  globalThis.WebSocket = WebSocket;
  server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  await once(server, "listening");
  url = `ws://127.0.0.1:${server.address().port}/`;
  server.on("connection", (client) => client.on("message", (data, isBinary) => answer(client, data, isBinary)));
});
afterEach(() => {
  for (const wire of wires.splice(0)) wire.close();
  for (const client of server.clients) client.terminate();
});
after(() => server.close());

/** Echoes a message, and answers a request. Text is JSON and the engine's own. */
function answer(client, data, isBinary) {
  const message = isBinary ? decode(data) : JSON.parse(data);
  frames.push([isBinary ? "binary" : "text", message]);
  if (message.type === "ping") client.send(JSON.stringify({ type: "pong", data: null }));
  else if (message.id) client.send(encode({ type: message.type, data: message.data, re: message.id }));
  else if (isBinary) client.send(data);
}

function start(options = {}) {
  frames = [];
  const wire = connect(url, { codec: msgpack, ...options });
  wires.push(wire);
  return wire;
}

/** What comes back of what is sent. */
async function echoed(data) {
  const wire = start();
  const came = new Promise((resolve) => wire.on("thing", resolve));
  wire.send("thing", data);
  return came;
}

const bytes = new Uint8Array([1, 2, 255]);
// [what, what is sent, what arrives]
const PAYLOADS = [
  ["a Uint8Array", bytes, bytes],
  ["a part of one", bytes.subarray(1), new Uint8Array([2, 255])],
  ["an ArrayBuffer", bytes.buffer, bytes],
  ["bytes inside of an object", { name: "a", parts: [bytes] }, { name: "a", parts: [bytes] }],
  ["what JSON has", { a: [1, "ä", null, true, 1.5] }, { a: [1, "ä", null, true, 1.5] }],
];
for (const [what, sent, arrives] of PAYLOADS) {
  test(`${what} arrives`, async () => assert.deepEqual(await echoed(sent), arrives));
}

test("messages go as binary frames of type and data, requests with their id", async () => {
  const wire = start();
  wire.send("thing", bytes);
  assert.deepEqual(await wire.request("ask", bytes), bytes);
  assert.deepEqual(frames, [
    ["binary", { type: "thing", data: Buffer.from(bytes) }],
    ["binary", { type: "ask", data: Buffer.from(bytes), id: 2 }],
  ]);
});

test("the engine's own frames stay JSON texts", async () => {
  const wire = start({ auth: () => "secret", heartbeat: { intervalMs: 100 } });
  wire.send("thing", 1);
  await new Promise((resolve) => wire.addEventListener("latency", resolve, { once: true }));
  assert.deepEqual(frames.map(([kind, { type }]) => [kind, type]), [["text", "auth"], ["binary", "thing"], ["text", "ping"]]);
});

test("a text from the server is read as JSON", async () => {
  const wire = start();
  await wire.opened;
  const came = new Promise((resolve) => wire.on("said", resolve));
  for (const client of server.clients) client.send(JSON.stringify({ type: "said", data: 7 }));
  assert.equal(await came, 7);
});

test("a frame that the codec cannot read is an error event, and the connection goes on", async () => {
  const wire = start();
  await wire.opened;
  const wrong = new Promise((resolve) => wire.addEventListener("error", ({ detail }) => resolve(detail.code), { once: true }));
  for (const client of server.clients) client.send(new Uint8Array([0xc1]));
  assert.equal(await wrong, "invalid-frame");
  assert.equal(wire.status, "open");
});

test("a message that gave way comes back as it was sent", async () => {
  const wire = start({ outbox: { messages: 1, overflow: "drop-oldest" } });
  const dropped = [];
  wire.addEventListener("dropped", ({ detail: { type, data } }) => dropped.push([type, data]));
  wire.send("one", bytes);
  wire.send("two", bytes);
  await until(() => frames.length === 1);
  assert.deepEqual(dropped, [["one", bytes]]);
});

// [what, what is sent, the codec]
const WRONG = [
  ["bytes without a codec", bytes, undefined],
  ["a buffer without a codec", bytes.buffer, undefined],
  ["a buffer inside of an object", { inner: bytes.buffer }, msgpack],
  ["a function", () => {}, msgpack],
];
for (const [what, data, codec] of WRONG) {
  test(`${what} cannot be sent, and the call says so`, () => {
    assert.throws(() => start({ codec }).send("thing", data), { name: "WireError", code: "invalid-message" });
  });
}

test("reliable delivery refuses a codec", () => {
  assert.throws(() => connect(url, { codec: msgpack, delivery: "reliable" }), { code: "invalid-option", message: /codec/ });
});
