// The hooks in StrictMode, on sockets that the page plays: bundled and run in a browser with the examples.

import { createElement as h, StrictMode, useEffect } from "react";
import { createRoot } from "react-dom/client";

import { last, settled, sockets, until } from "./fake.mjs";
import { connect } from "../../pkg/everwire.js";
import { useLatest, useMessage, useStatus, useWire } from "../../pkg/everwire-react.js";

globalThis.setImmediate = (act) => setTimeout(act);

/** What happened, for the test to compare. */
export async function run() {
  const seen = { handled: [], tokens: [] };
  const Page = ({ url, name }) => {
    const wire = useWire(connect, url, { auth: () => (seen.tokens.push(name), `token of ${name}`), backoff: { firstMs: 0 } });
    const status = useStatus(wire);
    const latest = useLatest(wire, "task");
    useMessage(wire, "task", (data) => seen.handled.push([name, data]));
    useEffect(() => void wire.send("hello", name), [wire]);
    seen.wire = wire;
    return h("p", null, `${name}: ${status} ${latest}`);
  };
  const container = document.body.appendChild(document.createElement("div"));
  const root = createRoot(container);
  const render = (props) => root.render(h(StrictMode, null, h(Page, props)));
  const shows = (text) => until(() => container.textContent === text, text);

  render({ url: "ws://a.example", name: "first" });
  await until(() => sockets.length > 0, "a socket");
  const [socket] = sockets;
  socket.open();
  await shows("first: open undefined");
  socket.receive({ type: "task", data: 1 });
  await shows("first: open 1");
  seen.sent = socket.messages.map(({ type, data }) => [type, data]);

  // Another render: the same connection, and the functions of now.
  const { wire } = seen;
  render({ url: "ws://a.example", name: "second" });
  await shows("second: open 1");
  socket.receive({ type: "task", data: 2 });
  await shows("second: open 2");
  socket.end(1006);
  await until(() => sockets.length === 2, "a second socket");
  last().open();
  await shows("second: open 2");
  seen.sameWire = wire === seen.wire;

  // Another address: another connection, and the first is closed.
  render({ url: "ws://b.example", name: "third" });
  await until(() => sockets.length === 3, "a third socket");
  last().open();
  await shows("third: open undefined");
  seen.firstStatus = wire.status;
  root.unmount();
  await settled();
  seen.urls = sockets.map(({ url }) => url);
  seen.closes = sockets.map(({ closedWith }) => closedWith?.code ?? null);
  seen.lastStatus = seen.wire.status;
  delete seen.wire;
  return seen;
}
