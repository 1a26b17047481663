// The short log of what happened to the connection.

import { byId, element } from "./dom.js";

const KEPT = 60;

const list = byId("log");
const clock = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hour12: false,
});

/** Adds a line on top. `kind` is `plain`, `good`, `bad` or `fault`. */
export function log(text, kind = "plain") {
  const now = new Date();
  const time = element("time", { datetime: now.toISOString(), text: clock.format(now) });
  list.prepend(element("li", { "data-kind": kind }, time, element("span", { text })));
  while (list.children.length > KEPT) list.lastElementChild.remove();
}
