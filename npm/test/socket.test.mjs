// The reconnecting WebSocket class in Node, on the package `ws` and against a real server. What is asked here follows the public
// API that reconnecting-websocket made known.

import assert from "node:assert/strict";
import { once } from "node:events";
import { after, afterEach, before, test } from "node:test";

import { WebSocket as Platform, WebSocketServer } from "ws";

import { WebSocket, WireError } from "../../pkg/everwire-websocket.js";
import { until } from "./fake.mjs";

const FAST = { firstMs: 5, minMs: 0, baseMs: 1, maxMs: 100, attemptsPerMinute: 600 };
const sockets = [];
/** What the server got, and those who are connected; `greet` runs for each of them. */
let server, url, got, greet, handshake;

before(async () => {
  WebSocket.platform = Platform;
  const handleProtocols = (offered) => [...offered].at(-1);
  const verifyClient = (_, answer) => handshake(answer);
  server = new WebSocketServer({ port: 0, host: "127.0.0.1", handleProtocols, verifyClient });
  await once(server, "listening");
  url = `ws://127.0.0.1:${server.address().port}/`;
  server.on("connection", (client) => {
    client.on("message", (data, isBinary) => {
      got.push(isBinary ? [...data] : String(data));
      if (String(data) !== "quiet") client.send(data, { binary: isBinary });
    });
    greet(client);
  });
  reset();
});
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.close();
  for (const client of server.clients) client.terminate();
  reset();
});
after(() => server.close());

function reset() {
  got = [];
  greet = () => {};
  handshake = (answer) => answer(true);
}

function start({ to = url, protocols, ...options } = {}) {
  const socket = new WebSocket(to, protocols, { backoff: FAST, ...options });
  sockets.push(socket);
  return socket;
}

/** What happens to a socket: kind, state meanwhile, and the close code or the error's. */
function history(socket) {
  const events = [];
  for (const kind of ["open", "error", "close"]) {
    socket.addEventListener(kind, ({ code, error }) => events.push([kind, socket.readyState, ...[code ?? error?.code ?? []].flat()]));
  }
  return events;
}

function cut() {
  for (const client of server.clients) client.terminate();
}

const opened = (socket) => once(socket, "open");
const closed = async (socket) => (await once(socket, "close"))[0];

test("it connects, echoes and closes, through the states of the standard", async () => {
  const socket = start();
  const events = history(socket);
  assert.deepEqual([socket.readyState, socket.url, socket.protocol, socket.extensions], [0, url, "", ""]);
  await opened(socket);
  socket.send("hello");
  const [{ data, origin, target }] = await once(socket, "message");
  assert.deepEqual([data, origin, target], ["hello", new URL(url).origin, socket]);
  socket.close(3001, "bye");
  assert.equal(socket.readyState, WebSocket.CLOSING);
  const { code, wasClean } = await closed(socket);
  assert.deepEqual([code, wasClean, socket.readyState], [3001, true, 3]);
  assert.deepEqual(events, [["open", 1], ["close", 3, 3001]]);
});

test("each loss is a close and each connection an open, with CONNECTING between them", async () => {
  const socket = start();
  const events = history(socket);
  for (let times = 0; times < 3; times++) {
    await opened(socket);
    cut();
    await closed(socket);
  }
  await opened(socket);
  assert.deepEqual(events.filter(([kind]) => kind !== "error"), [
    ...Array(3).fill([["open", 1], ["close", 0, 1006]]).flat(),
    ["open", 1],
  ]);
});

test("what is sent before and between connections arrives in order, after the open event and before what its handler sends", async () => {
  const socket = start();
  socket.onopen = () => socket.send(`open ${got.length}`);
  socket.send("one");
  socket.send("two");
  await until(() => got.length === 3);
  cut();
  await closed(socket);
  socket.send("three");
  await until(() => got.length === 5);
  assert.deepEqual(got, ["one", "two", "open 0", "three", "open 3"]);
});

test("text, buffers, views and blobs go out as they were when they were sent", async () => {
  const socket = start();
  const bytes = new Uint8Array([1, 2, 3, 4]);
  for (const payload of ["ä", bytes.buffer, bytes.subarray(1, 3), new DataView(bytes.buffer, 3), new Blob(["x"]), 7]) socket.send(payload);
  bytes.fill(9);
  await until(() => got.length === 6);
  assert.deepEqual(got, ["ä", [1, 2, 3, 4], [2, 3], [4], [120], "7"]);
});

for (const [type, kind] of [["arraybuffer", ArrayBuffer], ["blob", Blob]]) {
  test(`binary messages come as ${type}, on the next connection too`, async () => {
    const socket = start();
    assert.equal(socket.binaryType, "blob");
    socket.binaryType = type;
    for (let times = 0; times < 2; times++) {
      await opened(socket);
      socket.send(new Uint8Array([5]));
      const [{ data }] = await once(socket, "message");
      assert.ok(data instanceof kind);
      assert.deepEqual([...new Uint8Array(await new Response(data).arrayBuffer())], [5]);
      cut();
      await closed(socket);
    }
    socket.binaryType = "text";
    assert.equal(socket.binaryType, type);
  });
}

// [code of the server's close, what follows]
const POLICY = [
  [1000, "ends"],
  [1011, "retries"],
  [3001, "retries"],
  [4403, "ends"],
  [4500, "ends"],
];
for (const [code, follows] of POLICY) {
  test(`a close with ${code} ${follows}`, async () => {
    greet = (client) => client.close(code, "why");
    const socket = start();
    const event = await closed(socket);
    assert.deepEqual([event.code, event.reason, event.wasClean], [code, "why", true]);
    assert.equal(socket.readyState, follows === "ends" ? 3 : 0);
    if (follows === "retries") await opened(socket);
  });
}

test("onClose replaces the policy", async () => {
  greet = (client) => client.close(1000);
  const socket = start({ onClose: (code) => (code === 1000 ? "retry" : undefined) });
  await closed(socket);
  assert.equal(socket.readyState, 0);
  await opened(socket);
});

test("the last of so many attempts ends it, and the error says so", async () => {
  handshake = (answer) => answer(false, 503);
  const socket = start({ backoff: { ...FAST, maxAttempts: 2 } });
  const events = history(socket);
  await until(() => socket.readyState === 3);
  await until(() => events.length === 4);
  assert.deepEqual(events, [["error", 0, "connect-failed"], ["close", 0, 1006], ["error", 3, "connect-failed"], ["close", 3, 1006]]);
});

test("a server that does not answer is given up after the connect timeout", async () => {
  handshake = () => {};
  const socket = start({ connectTimeoutMs: 100 });
  const events = history(socket);
  await closed(socket);
  handshake = (answer) => answer(true);
  await opened(socket);
  assert.deepEqual(events.slice(0, 2), [["error", 0, "connect-timeout"], ["close", 0, 1006]]);
});

test("the exact profile gives a server up that does not answer, once", async () => {
  handshake = () => {};
  const socket = new WebSocket(url, [], { reconnect: false, connectTimeoutMs: 50 });
  const events = history(socket);
  await closed(socket);
  assert.deepEqual(events.map(([kind]) => kind), ["error", "close"]);
  assert.equal(socket.readyState, 3);
});

test("a server that does not answer the close is not waited for", async () => {
  greet = (client) => client.pause();
  const socket = start();
  await opened(socket);
  socket.close();
  const { code, wasClean } = await closed(socket);
  assert.deepEqual([code, wasClean, socket.readyState], [1006, false, 3]);
});

// What gives the URL.
const SOURCES = {
  "a string": () => url,
  "a URL": () => new URL(url),
  "a function": () => () => url,
  "a promise": () => async () => new URL(url),
  "a promise that is rejected at first": () => {
    let times = 0;
    return async () => (times++ === 0 ? Promise.reject(new Error("not yet")) : url);
  },
};
for (const [name, source] of Object.entries(SOURCES)) {
  test(`the URL may come from ${name}`, async () => {
    const socket = start({ to: source() });
    await opened(socket);
    assert.equal(socket.url, url);
  });
}

test("a function gives the URL of every connection", async () => {
  let times = 0;
  const socket = start({ to: () => `${url}?n=${++times}` });
  await opened(socket);
  cut();
  await opened(socket);
  assert.equal(socket.url, `${url}?n=2`);
});

test("subprotocols are offered each on its own", async () => {
  const one = start({ protocols: "a" });
  const two = start({ protocols: ["a", "b"] });
  await Promise.all([opened(one), opened(two)]);
  assert.deepEqual([one.protocol, two.protocol], ["a", "b"]);
});

const WRONG = [
  ["URL", () => start({ to: "http://" }), "SyntaxError"],
  ["relative URL where there is no page", () => start({ to: "/x" }), "SyntaxError"],
  ["scheme", () => start({ to: "ftp://a.example" }), "SyntaxError"],
  ["fragment", () => start({ to: "ws://a.example/#x" }), "SyntaxError"],
  ["subprotocol", () => start({ protocols: "a b" }), "SyntaxError"],
  ["subprotocol twice", () => start({ protocols: ["a", "a"] }), "SyntaxError"],
  ["close code", () => start().close(1001), "InvalidAccessError"],
  ["close reason", () => start().close(1000, "x".repeat(124)), "SyntaxError"],
  ["option", () => start({ retries: 3 }), "WireError"],
  ["option of the exact profile", () => new WebSocket(url, [], { reconnect: false, backoff: {} }), "WireError"],
];
for (const [what, act, name] of WRONG) {
  test(`a wrong ${what} throws a ${name} at once`, () => assert.throws(act, { name }));
}

test("no error shows the URL, which may carry a token", () => {
  assert.throws(() => start({ to: "ws://a.example/?token=secret#x" }), (error) => !/secret/.test(`${error.message} ${error.stack}`));
});

test("without a WebSocket of the platform it says what to do", () => {
  const platform = WebSocket.platform;
  WebSocket.platform = WebSocket;
  assert.throws(() => start(), (error) => error instanceof WireError && error.code === "no-websocket");
  WebSocket.platform = platform;
});

test("closed before it is open it is closed, as the standard says, and never connects", async () => {
  const socket = start();
  const events = history(socket);
  socket.send("lost");
  socket.close();
  assert.equal(socket.readyState, 2);
  const { code, wasClean } = await closed(socket);
  assert.deepEqual([code, wasClean, socket.bufferedAmount], [1006, false, 4]);
  assert.deepEqual(events, [["error", 3], ["close", 3, 1006]]);
  await assertNoConnection();
});

test("closed while it waits for the next attempt, it is closed and stays so", async () => {
  const socket = start({ backoff: { ...FAST, firstMs: 60_000 } });
  await opened(socket);
  cut();
  await closed(socket);
  const end = closed(socket);
  socket.close();
  assert.deepEqual([(await end).code, socket.readyState], [1006, 3]);
  await assertNoConnection();
});

/** Whoever connects now is the only one. */
async function assertNoConnection() {
  let others = 0;
  greet = () => others++;
  const probe = start();
  await opened(probe);
  assert.equal(others, 1);
}

test("closing twice, or after the end, does nothing", async () => {
  const socket = start();
  const events = history(socket);
  await opened(socket);
  socket.close(3001);
  socket.close(3002);
  await closed(socket);
  socket.close();
  assert.deepEqual(events, [["open", 1], ["close", 3, 3001]]);
});

test("reconnect() leaves the connection for another, and comes back after the end", async () => {
  const socket = start();
  const events = history(socket);
  await opened(socket);
  socket.reconnect();
  await opened(socket);
  socket.close();
  await closed(socket);
  socket.reconnect();
  assert.equal(socket.readyState, 0);
  await opened(socket);
  assert.deepEqual(events, [["open", 1], ["close", 0, 1000], ["open", 1], ["close", 3, 1005], ["open", 1]]);
});

test("bufferedAmount counts the bytes that wait, and those that were sent after the end", async () => {
  const socket = start();
  socket.send("äö");
  socket.send(new Uint8Array(10));
  assert.equal(socket.bufferedAmount, 14);
  await until(() => got.length === 2);
  assert.equal(socket.bufferedAmount, 0);
  socket.close();
  socket.send("late");
  await closed(socket);
  socket.send("later");
  assert.equal(socket.bufferedAmount, 9);
});

test("what does not fit is dropped, and told", async () => {
  const socket = start({ outbox: { messages: 2 } });
  const dropped = [];
  socket.addEventListener("dropped", (event) => {
    event.preventDefault();
    dropped.push([event.detail.data, event.detail.error.code]);
  });
  for (const text of ["one", "two", "three"]) socket.send(text);
  await until(() => got.length === 2);
  assert.deepEqual(dropped, [["three", "outbox-full"]]);
  assert.equal(socket.bufferedAmount, 0);
});

test("close() comes after all that was sent", async () => {
  const socket = start({ backpressure: { high: 1_024, low: 0, pollMs: 1 } });
  await opened(socket);
  const texts = Array.from({ length: 200 }, (_, index) => `${index}`.padEnd(20_000, "x"));
  for (const text of texts) socket.send(text);
  socket.close(3000);
  await closed(socket);
  await until(() => got.length === texts.length, "all have arrived");
  assert.deepEqual(got, texts);
});
