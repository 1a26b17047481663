// A page that sends, receives and reconnects for as long as it is asked to, and keeps nothing of it.

import { connect } from "/pkg/everwire.js";

const { ws, delivery } = Object.fromEntries(new URLSearchParams(location.search));
/** So many messages every so many milliseconds. */
const [AT_ONCE, EVERY_MS] = [20, 10];
/** Open receipts, and messages that wait, at most. */
const WAITING_AT_MOST = 200;
/** As many as the outbox takes: wasm memory never shrinks, so its queues are at their deepest before anything is measured. */
const AT_FIRST = 1_000;
/** The most attempts that the options allow: ten a second. */
const BACKOFF = { firstMs: 10, minMs: 0, baseMs: 10, maxMs: 100, attemptsPerMinute: 600 };

const later = window.held.setTimeout;
let received = 0;
let open = 0;
let number = 0;
/** The number of reconnects once the one that was asked for is done. */
let due = 0;

const wire = connect(ws, { delivery, rate: false, backoff: BACKOFF });
wire.on("number", () => (received += 1));
// Counted so that a stop does not pass for quiet.
let stops = 0;
wire.addEventListener("error", () => (stops += wire.status === "closed" ? 1 : 0));

for (let sent = 0; sent < AT_FIRST; sent++) send();

window.trial = {
  /** Goes on until so many messages went both ways together and so many connections were replaced. */
  run: (messages, reconnects) => new Promise((resolve) => step({ messages, reconnects }, resolve)),
  progress: () => ({ messages: total(), reconnects: wire.stats.reconnects, stops }),
  close: () => wire.close(),
};

function step(goal, done) {
  const isSending = total() < goal.messages;
  const isReconnecting = wire.stats.reconnects < goal.reconnects;
  for (let sent = 0; isSending && sent < AT_ONCE && open < WAITING_AT_MOST; sent++) send();
  // The newest connection is replaced as soon as it is there.
  if (isReconnecting && wire.status === "open" && wire.stats.reconnects >= due) {
    due = wire.stats.reconnects + 1;
    wire.reconnect();
  }
  if (isSending || isReconnecting || open > 0) later(() => step(goal, done), EVERY_MS);
  else done();
}

function send() {
  open += 1;
  number += 1;
  void wire.send("number", { number }).settled.then(() => (open -= 1));
}

function total() {
  return wire.stats.sent + received;
}
