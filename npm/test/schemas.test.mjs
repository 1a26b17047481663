// Validation by the libraries themselves: what a schema refuses reaches no handler, and what it makes of the rest does.

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { type } from "arktype";
import * as v from "valibot";
import { z } from "zod";

import { last, settled, sockets, until } from "./fake.mjs";
import { connect } from "../../pkg/everwire.js";

// The same three types in each: an object, one that is transformed, one with a default.
const LIBRARIES = {
  zod: {
    task: z.object({ id: z.number(), title: z.string().min(1) }),
    date: z.string().transform((text) => new Date(text)),
    settings: z.object({ theme: z.string().default("light") }),
  },
  valibot: {
    task: v.object({ id: v.number(), title: v.pipe(v.string(), v.minLength(1)) }),
    date: v.pipe(
      v.string(),
      v.transform((text) => new Date(text)),
    ),
    settings: v.object({ theme: v.optional(v.string(), "light") }),
  },
  arktype: {
    task: type({ id: "number", title: "string > 0" }),
    date: type("string").pipe((text) => new Date(text)),
    settings: type({ theme: "string = 'light'" }),
  },
};
const ASYNC = {
  zod: z.string().refine(async () => true),
  valibot: v.pipeAsync(
    v.string(),
    v.checkAsync(async () => true),
  ),
};

const wires = [];

async function open(options) {
  const before = sockets.length;
  const wire = connect("ws://scripted.example/ws", options);
  wires.push(wire);
  const errors = [];
  wire.addEventListener("error", ({ detail }) => errors.push(detail));
  await until(() => sockets.length > before, "a socket");
  last().open();
  return { wire, socket: last(), errors };
}

afterEach(() => {
  for (const wire of wires.splice(0)) wire.close();
});

for (const [library, schemas] of Object.entries(LIBRARIES)) {
  test(`${library}: what it refuses becomes an error that says what and where`, async () => {
    const { wire, socket, errors } = await open({ schemas });
    const seen = [];
    const read = [];
    wire.on("task", (data) => seen.push(data));
    wire.on("*", (message) => seen.push(message));
    const reader = wire.messages("task");
    const reading = (async () => {
      for await (const { data } of reader) read.push(data);
    })();
    const task = { id: 1, title: "Right" };
    for (const data of [{ id: "1", title: "x" }, { id: 1 }, { id: 1, title: "" }, null, task]) {
      socket.receive({ type: "task", data });
    }
    assert.deepEqual(seen, [task, { type: "task", data: task }]);
    assert.deepEqual(
      errors.map(({ code, retryable }) => [code, retryable]),
      Array(4).fill(["invalid-data", false]),
    );
    assert.match(errors[0].message, /^a "task" came that its schema refuses, at id: .*number/);
    assert.match(errors[1].message, /, at title: /);
    assert.match(errors[3].message, /its schema refuses: /);
    assert.equal(errors[0].cause[0].path.length, 1);
    assert.equal(wire.status, "open");
    await settled();
    wire.close();
    await reading;
    assert.deepEqual(read, [task]);
  });

  test(`${library}: handlers get what it makes of the data`, async () => {
    const { wire, socket, errors } = await open({ schemas });
    const seen = [];
    wire.on("*", ({ data }) => seen.push(data));
    socket.receive({ type: "date", data: "2026-01-02T03:04:05Z" });
    socket.receive({ type: "settings", data: {} });
    // A type without a schema is left as it is.
    socket.receive({ type: "other", data: { any: "thing" } });
    assert.deepEqual(seen, [new Date("2026-01-02T03:04:05Z"), { theme: "light" }, { any: "thing" }]);
    assert.deepEqual(errors, []);
  });

  test(`${library}: an answer is validated by the schema of its type`, async () => {
    const { wire, socket } = await open({ schemas });
    const right = wire.request("get_task", 1);
    const wrong = wire.request("get_task", 2);
    const [first, second] = socket.messages;
    socket.receive({ type: "task", data: { id: 1, title: "One" }, re: first.id });
    socket.receive({ type: "task", data: { id: 2, title: 7 }, re: second.id });
    assert.deepEqual(await right, { id: 1, title: "One" });
    await assert.rejects(wrong, { code: "invalid-data" });
  });
}

for (const [library, schema] of Object.entries(ASYNC)) {
  test(`${library}: an asynchronous schema is refused, and nothing of it is left unhandled`, async () => {
    const unhandled = [];
    const onUnhandled = (error) => unhandled.push(error);
    process.on("unhandledRejection", onUnhandled);
    const { wire, socket, errors } = await open({ schemas: { word: schema } });
    wire.on("word", () => assert.fail("it was handled"));
    socket.receive({ type: "word", data: "x" });
    await settled();
    process.off("unhandledRejection", onUnhandled);
    assert.equal(errors[0].code, "async-schema");
    assert.match(errors[0].message, /the schema of "word" is asynchronous: use one that is not/);
    assert.deepEqual(unhandled, []);
  });
}

test("what is no schema is refused at once", () => {
  for (const schema of [{}, null, (data) => data, { parse: (data) => data }]) {
    assert.throws(() => connect("ws://scripted.example/ws", { schemas: { word: schema } }), {
      code: "invalid-option",
      message: /^schemas\.word is no Standard Schema/,
    });
  }
});
