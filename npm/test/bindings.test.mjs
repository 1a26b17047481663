// The bindings without a browser: on a server they touch nothing, and where no component is needed they do all they do.

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { createElement } from "react";
import { renderToString } from "react-dom/server";
import { get } from "svelte/store";
import { createSSRApp, effectScope, h } from "vue";
import { renderToString as renderVue } from "vue/server-renderer";

import { last, settled, sockets, until } from "./fake.mjs";
import { connect as connectReally } from "../../pkg/everwire.js";
import * as react from "../../pkg/everwire-react.js";
import * as svelte from "../../pkg/everwire-svelte.js";
import * as vue from "../../pkg/everwire-vue.js";

const URL = "ws://scripted.example/ws";

const wires = [];

function connect(...args) {
  const wire = connectReally(...args);
  wires.push(wire);
  return wire;
}

afterEach(() => {
  delete globalThis.document;
  for (const wire of wires.splice(0)) wire.close();
});

/** A new socket, opened. */
async function opened(before) {
  await until(() => sockets.length > before, "a socket");
  last().open();
  return last();
}

test("react on a server renders an idle connection and opens nothing", async () => {
  const before = sockets.length;
  const Page = () => {
    const wire = react.useWire(connect, URL, { auth: () => assert.fail("a token was asked for") });
    react.useMessage(wire, "task", () => {});
    return `${react.useStatus(wire)} ${react.useLatest(wire, "task")}`;
  };
  assert.equal(renderToString(createElement(Page)), "idle undefined");
  await settled();
  assert.equal(sockets.length, before);
});

test("vue on a server renders an idle connection, opens nothing, and listens to nothing that is shared", async () => {
  const before = sockets.length;
  const shared = connect(URL, { autoConnect: false });
  shared.on = shared.addEventListener = () => assert.fail("a server would never stop to listen");
  const setup = () => {
    const wire = vue.useWire(connect, URL);
    vue.useMessage(shared, "task", () => {});
    const [status, latest] = [vue.useStatus(shared), vue.useLatest(wire, "task")];
    return () => h("p", `${status.value} ${latest.value}`);
  };
  assert.equal(await renderVue(createSSRApp({ setup })), "<p>idle undefined</p>");
  await settled();
  assert.equal(sockets.length, before);
});

test("svelte on a server reads an idle connection and opens nothing", async () => {
  const before = sockets.length;
  const wire = svelte.createWire(connect, URL);
  assert.equal(get(svelte.status(wire)), "idle");
  assert.equal(get(svelte.latest(wire, "task")), undefined);
  await settled();
  assert.equal(sockets.length, before);
});

test("vue: a scope without a component connects at once, follows, and closes with its end", async () => {
  const before = sockets.length;
  const scope = effectScope();
  const seen = [];
  const { wire, status, task, any } = scope.run(() => {
    const wire = vue.useWire(connect, URL);
    vue.useMessage(wire, "task", (data, { type }) => seen.push([type, data]));
    return { wire, status: vue.useStatus(wire), task: vue.useLatest(wire, "task"), any: vue.useLatest(wire, "*") };
  });
  const socket = await opened(before);
  assert.equal(status.value, "open");
  socket.receive({ type: "task", data: 1 });
  socket.receive({ type: "task", data: 2 });
  socket.receive({ type: "note", data: 3 });
  assert.deepEqual([task.value, any.value.data], [2, 3]);
  assert.deepEqual(seen, [
    ["task", 1],
    ["task", 2],
  ]);
  scope.stop();
  assert.deepEqual([wire.status, socket.closedWith.code, sockets.length], ["closed", 1000, before + 1]);
});

test("svelte: it opens with the first subscriber, closes with the last, and opens again", async () => {
  globalThis.document = {};
  const before = sockets.length;
  const wire = svelte.createWire(connect, URL);
  const [statuses, tasks] = [[], []];
  await settled();
  assert.equal(wire.status, "idle");
  const stops = [
    svelte.status(wire).subscribe((status) => statuses.push(status)),
    svelte.latest(wire, "task").subscribe((task) => tasks.push(task)),
  ];
  const socket = await opened(before);
  socket.receive({ type: "task", data: { id: 1 } });
  socket.receive({ type: "task", data: { id: 2 } });
  assert.deepEqual(tasks, [undefined, { id: 1 }, { id: 2 }]);
  assert.deepEqual([statuses[0], statuses.at(-1)], ["connecting", "open"]);

  stops[0]();
  await settled();
  assert.equal(wire.status, "open", "somebody still looks");
  // One page gives way to another: nobody for a moment.
  stops[1]();
  const stop = svelte.hold(wire);
  await settled();
  assert.equal(wire.status, "open");
  stop();
  await settled();
  assert.deepEqual([wire.status, socket.closedWith.code], ["closed", 1000]);

  const again = svelte.hold(wire);
  assert.notEqual(await opened(before + 1), socket);
  again();
  await settled();
  assert.deepEqual([wire.status, sockets.length], ["closed", before + 2]);
});

test("svelte: a connection made by hand is left alone", async () => {
  globalThis.document = {};
  const before = sockets.length;
  const wire = connect(URL);
  const stop = svelte.status(wire).subscribe(() => {});
  await opened(before);
  stop();
  await settled();
  assert.equal(wire.status, "open");
  wire.close();

  const waiting = svelte.createWire(connect, URL, { autoConnect: false });
  svelte.status(waiting).subscribe(() => {})();
  await settled();
  assert.deepEqual([waiting.status, sockets.length], ["idle", before + 1]);
});
