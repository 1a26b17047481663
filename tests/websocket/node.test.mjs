// Libraries in Node on our class, which stands on the package `ws`, against their servers.

import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";

import WebSocketJsonStream from "@teamwork/websocket-json-stream";
import { defer, retry } from "rxjs";
import { webSocket } from "rxjs/webSocket";
import ShareDB from "sharedb";
import { Connection } from "sharedb/lib/client/index.js";
import { WebSocket as Platform } from "ws";

import { ExactWebSocket, WebSocket } from "../../pkg/everwire-websocket.js";
import { Site } from "./site.mjs";
import { until } from "./until.mjs";

WebSocket.platform = Platform;
const FAST = { firstMs: 50, minMs: 0, baseMs: 10, maxMs: 100 };

test("rxjs webSocket on ExactWebSocket: with retry it subscribes again after a cut", async (t) => {
  let topics = 0;
  const site = await Site.start({
    "/rx": {
      connected: (client) =>
        client.on("message", (text) => {
          const { subscribe } = JSON.parse(text);
          if (subscribe) client.send(JSON.stringify({ topic: subscribe, number: ++topics }));
        }),
    },
  });
  t.after(() => site.stop());
  const got = [];
  const subject = webSocket({ url: `ws://${site.host}/rx`, WebSocketCtor: ExactWebSocket });
  const topic = defer(() => subject.multiplex(() => ({ subscribe: "a" }), () => ({ unsubscribe: "a" }), ({ topic }) => topic === "a"));
  const subscription = topic.pipe(retry({ delay: 10 })).subscribe({ next: ({ number }) => got.push(number) });
  t.after(() => subscription.unsubscribe());
  await until("the first answer", () => got.length === 1);
  site.cut("/rx");
  await until("the answer after the cut", () => got.length === 2);
  assert.deepEqual(got, [1, 2]);
  assert.equal(site.count("/rx"), 1);
  subscription.unsubscribe();
  await until("nothing is left", () => site.count("/rx") === 0);
});

test("sharedb on WebSocket, which reconnects for it: what was written during a cut arrives once", async (t) => {
  const backend = new ShareDB();
  t.after(() => new Promise((resolve) => backend.close(resolve)));
  const site = await Site.start({ "/share": { connected: (client) => backend.listen(new WebSocketJsonStream(client)) } });
  t.after(() => site.stop());
  const sockets = [1, 2].map(() => new WebSocket(`ws://${site.host}/share`, [], { backoff: FAST }));
  const close = () => sockets.forEach((socket) => socket.close());
  t.after(close);
  const docs = sockets.map((socket) => new Connection(socket).get("rooms", "one"));
  const call = (doc, method, ...args) => new Promise((resolve, reject) => doc[method](...args, (error) => (error ? reject(error) : resolve())));
  await call(docs[0], "create", { count: 0 });
  for (const doc of docs) await call(doc, "subscribe");
  const cuts = docs.map((doc) => once(doc.connection, "disconnected"));
  site.cut("/share");
  await Promise.all(cuts);
  await Promise.all(docs.map((doc, index) => call(doc, "submitOp", { p: ["count"], na: index + 1 })));
  await until("both have both", () => docs.every((doc) => doc.data.count === 3));
  assert.equal(site.count("/share"), 2, "a socket each");
  close();
  await until("nothing is left", () => site.count("/share") === 0);
});
