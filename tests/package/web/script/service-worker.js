// A service worker may not import later: this entry has everything inside.
import { connect } from "/node_modules/everwire/everwire-reliable.js";

import { exchange } from "./exchange.js";

onmessage = (event) => {
  event.waitUntil(exchange(connect, event.data).then((reports) => event.source.postMessage(reports)));
};
