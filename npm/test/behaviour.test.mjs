// The package as it is published, in Node, on a socket that the test plays.

import assert from "node:assert/strict";
import { after, afterEach, test } from "node:test";

import { last, script, settled, sockets, until } from "./fake.mjs";
import { connect, WireError } from "../../pkg/everwire.js";

const URL = "ws://scripted.example/ws";
const wires = [];

function start(options, url = URL) {
  const wire = connect(url, options);
  wires.push(wire);
  return wire;
}

async function open(options) {
  const wire = start(options);
  const before = sockets.length;
  await until(() => sockets.length > before, "a socket");
  last().open();
  return { wire, socket: last() };
}

/** What the wire tells of a kind, from now on. */
function told(wire, kind) {
  const details = [];
  wire.addEventListener(kind, ({ detail }) => details.push(detail));
  return details;
}

afterEach(() => {
  for (const wire of wires.splice(0)) if (wire.status !== "closed") wire.close();
});

test("what is sent before the open goes out in order, and its receipts settle", async () => {
  const wire = start();
  const receipts = [1, 2, 3].map((n) => wire.send("count", n));
  assert.deepEqual(
    receipts.map(({ status }) => status),
    ["queued", "queued", "queued"],
  );
  assert.equal(wire.status, "connecting");
  await until(() => last()?.url === URL);
  last().open();
  assert.deepEqual(
    last().messages,
    [1, 2, 3].map((data) => ({ type: "count", data })),
  );
  const ends = await Promise.all(receipts.map(({ settled }) => settled));
  assert.deepEqual(
    ends.map(({ status, error }) => [status, error]),
    Array(3).fill(["sent", undefined]),
  );
  await wire.opened;
});

test("to a plain server the bytes are exactly type and data", async () => {
  const { wire, socket } = await open();
  wire.send("say", { text: 'hé\n"' });
  assert.deepEqual(socket.sent, ['{"type":"say","data":{"text":"hé\\n\\""}}']);
});

test("messages reach their handlers, and the first is not lost", async () => {
  const wire = start();
  const seen = [];
  wire.on("a", (data, message) => seen.push(["a", data, message.type]));
  wire.on("*", (message) => seen.push(["*", message.data]));
  const off = wire.on("b", () => seen.push("never"));
  off();
  wire.once("a", () => seen.push("once"));
  const before = sockets.length;
  await until(() => sockets.length > before);
  last().open();
  last().receive({ type: "a", data: 1 });
  last().receive({ type: "b", data: 2 });
  last().receive({ type: "a", data: 3 });
  assert.deepEqual(seen, [["a", 1, "a"], "once", ["*", 1], ["*", 2], ["a", 3, "a"], ["*", 3]]);
});

test("types named after an object's own properties are just types", async () => {
  const { wire, socket } = await open();
  const seen = [];
  for (const type of ["__proto__", "constructor", "toString"]) wire.on(type, (data) => seen.push([type, data]));
  for (const type of ["__proto__", "constructor", "toString"])
    socket.raw(`{"type":"${type}","data":{"__proto__":{"x":1}}}`);
  assert.deepEqual(
    seen.map(([type]) => type),
    ["__proto__", "constructor", "toString"],
  );
  assert.equal({}.x, undefined);
  wire.send("__proto__", 1);
  assert.equal(socket.sent.at(-1), '{"type":"__proto__","data":1}');
});

test("a request gets the answer with its id, and a refused one the server's reason", async () => {
  const { wire, socket } = await open();
  const answer = wire.request("get", { id: 7 });
  const refused = wire.request("get", { id: 8 });
  const [first, second] = socket.messages.slice(-2);
  assert.deepEqual({ ...first, id: 0 }, { type: "get", data: { id: 7 }, id: 0 });
  socket.receive({ type: "error", data: { code: "no-such-task", message: "There is no task 8." }, re: second.id });
  socket.receive({ type: "got", data: { title: "x" }, re: first.id });
  assert.deepEqual(await answer, { title: "x" });
  await assert.rejects(refused, { name: "WireError", code: "no-such-task", message: "There is no task 8." });
});

test("a request is uncertain once it was written, and rejected before", async () => {
  const { wire, socket } = await open();
  const written = wire.request("get", 1);
  const late = wire.request("get", 2, { timeoutMs: 20 });
  await assert.rejects(late, ({ code, cause }) => code === "uncertain" && cause.code === "request-timeout");
  socket.end(1006);
  await assert.rejects(written, ({ code, cause }) => code === "uncertain" && cause.code === "connection-lost");
  const queued = wire.request("get", 3, { timeoutMs: 20 });
  await assert.rejects(queued, { code: "request-timeout" });
});

test("an abort withdraws what is not written", async () => {
  const wire = start();
  const abort = new AbortController();
  const receipt = wire.send("a", 1, { signal: abort.signal });
  const request = wire.request("b", 2, { signal: abort.signal });
  await settled();
  abort.abort();
  assert.equal((await receipt.settled).status, "rejected");
  await assert.rejects(request, { code: "aborted" });
  assert.equal(wire.stats.queued, 0);
});

test("a lost connection comes back, and what was sent meanwhile follows", async () => {
  const { wire, socket } = await open({ backoff: { firstMs: 0 } });
  const ends = told(wire, "disconnect");
  socket.end(1006);
  assert.equal(wire.status, "reconnecting");
  assert.deepEqual(
    ends.map(({ code, closeCode }) => [code, closeCode]),
    [["disconnected", 1006]],
  );
  wire.send("kept", 1);
  await until(() => last() !== socket, "another socket");
  last().open();
  assert.deepEqual(last().messages, [{ type: "kept", data: 1 }]);
  assert.equal(wire.stats.reconnects, 1);
});

test("a stop rejects opened, sets the error, and keeps the outbox until connect goes on", async () => {
  const wire = start();
  const errors = told(wire, "error");
  const opened = assert.rejects(wire.opened, { code: "refused" });
  const receipt = wire.send("kept", 1);
  const before = sockets.length;
  await until(() => sockets.length > before);
  last().readyState = 1;
  last().onopen({ type: "open" });
  last().end(4403, "not you");
  await opened.catch(() => {});
  assert.equal(wire.status, "closed");
  assert.equal(wire.error.code, "refused");
  assert.deepEqual(
    errors.map(({ code }) => code),
    ["refused"],
  );
  wire.send("later", 2);
  wire.connect();
  await until(() => last().readyState === 0);
  last().open();
  assert.equal(wire.status, "open");
  assert.deepEqual(last().messages.at(-1), { type: "later", data: 2 });
  assert.equal((await receipt.settled).status, "sent");
});

test("close settles what waits, and no handler runs after", async () => {
  const { wire, socket } = await open();
  const seen = [];
  wire.on("a", () => {
    seen.push("first");
    wire.close(4000, "done");
  });
  wire.on("a", () => seen.push("second"));
  socket.receive({ type: "a", data: 1 });
  assert.deepEqual(seen, ["first"]);
  assert.deepEqual(socket.closedWith, { code: 4000, reason: "done" });
  assert.deepEqual([socket.onopen, socket.onmessage, socket.onclose], [null, null, null]);
  const late = wire.send("b", 2);
  assert.equal((await late.settled).error.code, "closed");
  assert.equal(wire.status, "closed");
  assert.equal(wire.error, undefined);
});

test("close refuses what browsers do not take, and stays open", async () => {
  const { wire } = await open();
  for (const [code, reason] of [
    [1005, ""],
    [999, ""],
    [1000, "x".repeat(124)],
  ]) {
    assert.throws(() => wire.close(code, reason), { code: "invalid-close" });
  }
  assert.equal(wire.status, "open");
});

test("the token goes first, and is nowhere else", async () => {
  const secret = "s3cret-token";
  const { wire, socket } = await open({ auth: () => ({ token: secret, expiresInMs: 60_000 }) });
  wire.send("a", 1);
  await until(() => socket.sent.length === 2);
  assert.deepEqual(socket.messages[0], { type: "auth", data: { token: secret } });
  assert.ok(!socket.url.includes(secret));
  assert.ok(!JSON.stringify(wire.stats).includes(secret));
});

test("a token goes where it is told to", async () => {
  const query = await open({ auth: async () => "a&b", authVia: "query" });
  assert.equal(query.socket.url, `${URL}?token=a%26b`);
  const protocol = await open({ auth: () => "abc", authVia: "subprotocol", protocols: ["bearer"] });
  assert.deepEqual([...protocol.socket.protocols], ["bearer", "abc"]);
  const cookie = await open({ auth: () => {}, authVia: "cookie" });
  assert.deepEqual(cookie.socket.sent, []);
});

test("a provider that fails is asked again, and one that says unauthorized stops it", async () => {
  const asked = [];
  const wire = start({
    backoff: { firstMs: 0, minMs: 0, baseMs: 1 },
    auth: ({ reason, attempt }) => {
      asked.push([reason, attempt]);
      if (asked.length === 1) throw new Error("offline");
      throw Object.assign(new Error("signed out"), { code: "unauthorized" });
    },
  });
  await assert.rejects(wire.opened, ({ code, cause }) => code === "unauthorized" && cause.message === "signed out");
  assert.deepEqual(asked, [
    ["connect", 1],
    ["connect", 2],
  ]);
});

test("an async URL that fails does not stop it for ever", async () => {
  let calls = 0;
  const before = sockets.length;
  start({ backoff: { firstMs: 0 } }, async () => {
    calls += 1;
    if (calls === 1) throw new Error("no network");
    return `${URL}/${calls}`;
  });
  await until(() => sockets.length > before);
  assert.equal(last().url, `${URL}/2`);
});

test("what JSON cannot carry is refused with a reason, and nothing else is lost", async () => {
  const { wire, socket } = await open();
  const cycle = {};
  cycle.self = cycle;
  const deep = JSON.parse(`${"[".repeat(65)}${"]".repeat(65)}`);
  for (const data of [undefined, cycle, 1n, () => {}, deep]) {
    assert.throws(
      () => wire.send("a", data),
      (error) => error instanceof WireError && error.code === "invalid-message",
    );
  }
  assert.throws(() => wire.send("$open", 1), { code: "invalid-message" });
  assert.throws(() => wire.send(7, 1), { code: "invalid-message" });
  wire.send("a", JSON.parse(`${"[".repeat(64)}${"]".repeat(64)}`));
  wire.send("a", "[".repeat(100));
  assert.equal(socket.sent.length, 2);
});

test("a full outbox says so in the receipt, by the policy that was chosen", async () => {
  const codes = async (overflow) => {
    const wire = start({ outbox: { messages: 2, overflow } });
    const dropped = told(wire, "dropped");
    const receipts = [1, 2, 3].map((n) => wire.send("n", n));
    await settled();
    return [receipts.map(({ status }) => status), dropped.map(({ data }) => data)];
  };
  assert.deepEqual((await codes("reject"))[0], ["queued", "queued", "rejected"]);
  assert.deepEqual(await codes("drop-newest"), [["queued", "queued", "rejected"], [3]]);
  assert.deepEqual(await codes("drop-oldest"), [["rejected", "queued", "queued"], [1]]);
});

test("sizes are UTF-8 bytes", async () => {
  const wire = start();
  const texts = ["plain", "é", "漢", "😀", 'a"b\\c\u2028'];
  for (const text of texts) wire.send("n", text);
  const expected = texts.reduce((sum, data) => sum + Buffer.byteLength(JSON.stringify({ type: "n", data })), 0);
  await settled();
  assert.equal(wire.stats.queuedBytes, expected);
});

test("options are checked, and the error says what they take", () => {
  const refused = (options, code, text) => {
    assert.throws(
      () => start(options),
      (error) => {
        assert.equal(error.code, code);
        assert.match(error.message, text);
        return true;
      },
    );
  };
  refused(
    { heartbeat: { intervalMs: 5 } },
    "invalid-option",
    /heartbeat\.intervalMs is 5, but takes .* 100 to 3600000 \(ms\)/,
  );
  refused({ outbox: { messages: 1.5 } }, "invalid-option", /outbox\.messages/);
  refused({ outbox: { overflow: "drop" } }, "invalid-option", /"reject" or "drop-oldest" or "drop-newest"/);
  refused({ hartbeat: {} }, "unknown-option", /hartbeat.*heartbeat/s);
  refused({ backoff: { firstMS: 1 } }, "unknown-option", /backoff\.firstMS.*firstMs/s);
  refused({ name: 7 }, "invalid-option", /^name is 7, but takes a string$/);
  refused({ auth: "token" }, "invalid-option", /^auth .* takes a function$/);
  refused({ delivery: "once" }, "invalid-option", /delivery is "once", but takes "plain" or "reliable"/);
});

test("garbage is left out and reported, and the connection goes on", async () => {
  const { wire, socket } = await open({ maxFrame: 1_024 });
  const errors = told(wire, "error");
  const seen = [];
  wire.on("*", ({ type }) => seen.push(type));
  for (const bad of ["{", "[]", "7", "null", '{"type":7}', "{}", new ArrayBuffer(4)]) socket.raw(bad);
  socket.receive({ type: "large", data: "x".repeat(2_000) });
  socket.receive({ type: "fine", data: 1 });
  assert.deepEqual(seen, ["fine"]);
  assert.deepEqual(
    errors.map(({ code }) => code),
    [...Array(7).fill("invalid-frame"), "frame-too-large"],
  );
  assert.equal(wire.status, "open");
});

test("a handler that throws is reported, and the others still run", async () => {
  const { wire, socket } = await open();
  const reported = [];
  globalThis.reportError = (error) => reported.push(error.message);
  after(() => delete globalThis.reportError);
  const errors = told(wire, "error");
  const seen = [];
  wire.on("a", () => {
    throw new Error("oops");
  });
  wire.on("a", (data) => seen.push(data));
  socket.receive({ type: "a", data: 1 });
  socket.receive({ type: "a", data: 2 });
  assert.deepEqual(seen, [1, 2]);
  assert.deepEqual(reported, ["oops", "oops"]);
  assert.deepEqual(
    errors.map(({ code }) => code),
    ["handler-threw", "handler-threw"],
  );
});

test("a schema keeps what it refuses from the handlers", async () => {
  const number = {
    "~standard": {
      version: 1,
      vendor: "test",
      validate: (value) =>
        typeof value === "number" ? { value: value * 2 } : { issues: [{ message: "not a number" }] },
    },
  };
  const { wire, socket } = await open({ schemas: { n: number } });
  const errors = told(wire, "error");
  const seen = [];
  wire.on("n", (data) => seen.push(data));
  socket.receive({ type: "n", data: 21 });
  socket.receive({ type: "n", data: "21" });
  assert.deepEqual(seen, [42]);
  assert.match(errors[0].message, /not a number/);
});

test("messages() is in order, ends with close, and says what it could not hold", async () => {
  const { wire, socket } = await open();
  const dropped = told(wire, "dropped");
  const reader = wire.messages("n");
  for (let data = 0; data < 1_001; data++) socket.receive({ type: "n", data });
  assert.deepEqual(
    dropped.map(({ data, error }) => [data, error.code]),
    [[1_000, "reader-too-slow"]],
  );
  const read = [];
  for await (const { data } of reader) {
    read.push(data);
    if (read.length === 1_000) break;
  }
  assert.deepEqual(read, [...Array(1_000).keys()]);
  const other = wire.messages();
  const waiting = other.next();
  wire.close();
  assert.deepEqual(await waiting, { value: undefined, done: true });
});

test("a constructor that throws is tried again, unless the URL is wrong", async () => {
  script.throws = new DOMException("no sockets left", "SecurityError");
  const before = sockets.length;
  const wire = start({ backoff: { firstMs: 0 } });
  await until(() => sockets.length > before);
  last().open();
  assert.equal(wire.status, "open");
  script.throws = new DOMException("bad", "SyntaxError");
  await assert.rejects(start().opened, { code: "invalid-url" });
});

test("the application's close policy decides where it says something", async () => {
  const codes = [];
  const onClose = (code, reason) => {
    codes.push([code, reason]);
    return code === 4500 ? "retry" : undefined;
  };
  const { wire, socket } = await open({ onClose, backoff: { firstMs: 0 } });
  socket.end(4500, "come back");
  assert.equal(wire.status, "reconnecting");
  await until(() => last() !== socket);
  last().open();
  last().end(4403, "");
  assert.equal(wire.status, "closed");
  assert.deepEqual(codes, [
    [4500, "come back"],
    [4403, ""],
  ]);
});

test("without autoConnect nothing happens until it is told to connect", async () => {
  const before = sockets.length;
  const abort = new AbortController();
  const wire = start({ autoConnect: false, signal: abort.signal });
  const statuses = [];
  wire.addEventListener("status", ({ detail }) => statuses.push(detail.status));
  const receipt = wire.send("early", 1);
  await settled();
  assert.deepEqual([wire.status, sockets.length, receipt.status], ["idle", before, "queued"]);
  wire.connect();
  // What a framework does that mounts twice.
  wire.connect();
  await until(() => sockets.length > before);
  last().open();
  assert.deepEqual(last().messages, [{ type: "early", data: 1 }]);
  assert.equal((await receipt.settled).status, "sent");
  assert.deepEqual([statuses[0], statuses.at(-1), sockets.length], ["connecting", "open", before + 1]);
  abort.abort();
  assert.equal(wire.status, "closed");
});

test("what never connected can be closed", async () => {
  const before = sockets.length;
  const wire = start({ autoConnect: false });
  const receipt = wire.send("never", 1);
  wire.close();
  assert.equal((await receipt.settled).error.code, "closed");
  wire.connect();
  wire.close();
  await settled();
  assert.deepEqual([wire.status, sockets.length], ["closed", before]);
});

test("the signal closes it, and so does using", async () => {
  const abort = new AbortController();
  const { wire } = await open({ signal: abort.signal });
  abort.abort();
  assert.equal(wire.status, "closed");
  const { wire: scoped, socket } = await open();
  scoped[Symbol.dispose ?? Symbol.for("Symbol.dispose")]();
  assert.equal(scoped.status, "closed");
  assert.equal(socket.closedWith.code, 1000);
});

test("a stop that nobody listens to is warned about once, and rejects nothing unasked", async () => {
  const warnings = [];
  const warn = console.warn;
  console.warn = (text) => warnings.push(text);
  const unhandled = [];
  const onUnhandled = (error) => unhandled.push(error);
  process.on("unhandledRejection", onUnhandled);
  const before = sockets.length;
  const wire = start();
  await until(() => sockets.length > before);
  last().open();
  last().end(4403, "");
  await settled();
  console.warn = warn;
  process.off("unhandledRejection", onUnhandled);
  assert.equal(warnings.length, 1);
  assert.match(warnings[0], /^everwire: /);
  assert.deepEqual(unhandled, []);
  assert.equal(wire.error.code, "refused");
});
