// What helps when something goes wrong: the recording, and the entry `everwire/debug`.

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { last, sockets, until } from "./fake.mjs";
import { connect } from "../../pkg/everwire.js";
import { inspect, log } from "../../pkg/everwire-debug.js";

const SECRETS = ["s3cret-token", "s3cret-payload", "s3cret-query", "s3cret-protocol", "s3cret-user"];
const URL = "wss://s3cret-user:pass@scripted.example/ws?key=s3cret-query";
const wires = [];

async function open(options) {
  const wire = connect(URL, { auth: () => "s3cret-token", protocols: ["s3cret-protocol"], ...options });
  wires.push(wire);
  const before = sockets.length;
  await until(() => sockets.length > before, "a socket");
  last().open();
  return { wire, socket: last() };
}

afterEach(() => {
  for (const wire of wires.splice(0)) if (wire.status !== "closed") wire.close();
});

function holdsNoSecret(text) {
  for (const secret of SECRETS) assert.ok(!text.includes(secret), `${secret} shows in ${text}`);
}

test("a recording has every step and no secret", async () => {
  const { wire, socket } = await open({ trace: true });
  wire.send("say", "s3cret-payload");
  socket.receive({ type: "heard", data: "s3cret-payload" });
  socket.end(4429, '{"retry_after_ms":5}');
  const text = wire.trace();
  holdsNoSecret(text);
  const { begin, steps, drained, lost } = JSON.parse(text);
  assert.equal(begin.version, 1);
  assert.equal(begin.url, "wss://scripted.example/ws");
  assert.ok(Math.abs(Date.parse(begin.date) - Date.now()) < 60_000, begin.date);
  assert.deepEqual([drained, lost], [true, 0]);
  const has = (wanted) => steps.some((step) => Object.entries(wanted).every(([name, value]) => step[name] === value));
  for (const wanted of [
    { do: "connect" },
    { out: "open", url: "wss://scripted.example/ws" },
    { do: "send", bytes: 38 },
    { out: "transmit", message: true },
    { in: "socket", event: "frame", content: "message" },
    { in: "socket", event: "closed", code: 4429, reason: '{"retry_after_ms":5}' },
    { out: "event", event: "status", status: "reconnecting" },
  ]) {
    assert.ok(has(wanted), `${JSON.stringify(wanted)} in ${text}`);
  }
});

test("without the option there is no recording", async () => {
  const { wire } = await open();
  assert.equal(wire.trace(), undefined);
});

test("a connection can be looked at, without its secrets", async () => {
  const { wire, socket } = await open({ backoff: { firstMs: 7 }, maxFrame: 2_000 });
  wire.send("say", "s3cret-payload");
  socket.end(4429, "slower");
  const seen = inspect(wire);
  holdsNoSecret(JSON.stringify(seen));
  assert.equal(seen.status, "reconnecting");
  assert.equal(seen.url, "wss://scripted.example/ws");
  assert.equal(seen.delivery, "plain");
  assert.equal(seen.stats.sent, 1);
  assert.match(seen.version, /^\d+\.\d+\.\d+$/);
  assert.deepEqual(seen.lastClose, { code: "disconnected", closeCode: 4429, reason: "slower" });
  assert.deepEqual(seen.options, {
    auth: "function",
    protocols: "object",
    backoff: { firstMs: 7 },
    maxFrame: 2_000,
  });
});

test("what happens can be read line by line, without secrets, until that is ended", async () => {
  const { wire, socket } = await open();
  const lines = [];
  const end = log(wire, (line) => lines.push(line));
  await wire.send("say", "s3cret-payload").settled;
  wire.addEventListener("error", () => {});
  wire.on("heard", ({ secret }) => {
    throw new Error(secret);
  });
  globalThis.reportError = () => {};
  socket.receive({ type: "heard", data: { secret: "s3cret-payload" } });
  socket.end(4429, "slower");
  const said = lines.map((line) => line.replace(/^everwire \+\d+\.\d{3} s /, "").replace(/\d+ ms/, "N ms"));
  assert.deepEqual(said, [
    "status: open, wss://scripted.example/ws",
    "send: say 1, sent",
    "send: say 1, sent",
    "error: handler-threw",
    'disconnect: disconnected, close code 4429 "slower"',
    "status: reconnecting, attempt 1 in N ms",
  ]);
  holdsNoSecret(lines.join());
  end();
  wire.close();
  await wire.send("say", 1).settled;
  assert.equal(lines.length, said.length);
});
