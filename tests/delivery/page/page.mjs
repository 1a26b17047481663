// The application in the page: it sends numbers, counts those it receives, and goes on after a reload.
//
// The query says where the socket is (`ws`) and which `delivery` to ask for. The test steers it through `window.trial`.

import { connect } from "/pkg/everwire.js";

import { Tally } from "./tally.mjs";

const { ws, delivery } = Object.fromEntries(new URLSearchParams(location.search));
const SAVED = "delivery-test";
/** Messages whose receipts may be open. */
const OPEN_AT_MOST = 200;
/** So many messages every so many milliseconds: 2,000 a second, so that no fault meets a page that is done already. */
const [AT_ONCE, EVERY_MS] = [20, 10];
/** How soon a server that is away is asked again. */
const ASK_AGAIN_MS = 100;
/** Faster than the defaults, which are made for networks that fail less often. */
const PATIENCE = {
  connectTimeoutMs: 4_000,
  backoff: { firstMs: 300, minMs: 20, baseMs: 100, maxMs: 1_000, attemptsPerMinute: 600 },
  heartbeat: { intervalMs: 2_000, timeoutMs: 2_000, hiddenTimeoutMs: 4_000, probeTimeoutMs: 1_000 },
};

const saved = JSON.parse(sessionStorage.getItem(SAVED) ?? "{}");
sessionStorage.removeItem(SAVED);
const tally = new Tally(saved.tally);
/** What was sent: the next number, and what became of those before. */
const sending = { next: 1, acked: 0, sent: 0, rejected: [], uncertain: [], ...saved.sending };
/** How often what happened, by name. */
const events = { ...saved.events };
const open = new Map();
let isSending = true;

const wire = connect(ws, { delivery, rate: false, ...PATIENCE });
count("life");

wire.on("number", ({ number }) => tally.take(number));
wire.addEventListener("status", ({ detail }) => count(`status ${detail.status}`));
wire.addEventListener("disconnect", ({ detail }) => count(`disconnect ${detail.closeCode}`));
wire.addEventListener("resync", ({ detail }) => {
  count(`resync ${detail.reason}`);
  void readState(tally.missed());
});
wire.addEventListener("error", ({ detail }) => {
  count(`error ${detail.code}`);
  // A stop is counted, and is an error wherever the network alone is at fault; the trial goes on.
  if (wire.status === "closed") {
    count("stop");
    wire.connect();
  }
});
/** Numbers of the page before this one whose receipts were open; the wire restores the receipts in the same order. */
const left = saved.left ?? [];
let restored = 0;
addEventListener("pagehide", () => {
  isSending = false;
  const stillOpen = [...left.slice(restored), ...open.values()].sort((a, b) => a - b);
  sessionStorage.setItem(SAVED, JSON.stringify({ tally, sending, events, left: stillOpen }));
});
sendSome();

window.trial = {
  /** Sends no more. */
  finish() {
    isSending = false;
  },
  progress() {
    return { received: tally.received, last: tally.last, sent: sending.next - 1, open: open.size, status: wire.status };
  },
  /** Whether every receipt is settled. */
  isSettled() {
    followRestored();
    return open.size === 0;
  },
  /** Whether besides all up to `sent` is accounted for. */
  isDone: (sent) => open.size === 0 && tally.reaches(sent),
  report: (sent) => ({
    tally: tally.report(sent),
    sending: { ...sending, open: [...open.values()] },
    events,
    stats: { ...wire.stats },
  }),
  reconnect: () => wire.reconnect(),
};

function sendSome() {
  followRestored();
  for (let sent = 0; isSending && sent < AT_ONCE && open.size < OPEN_AT_MOST; sent++) {
    const number = sending.next++;
    follow(wire.send("number", { number }), number);
  }
  if (isSending) setTimeout(sendSome, EVERY_MS);
}

function followRestored() {
  for (const receipt of (wire.restored ?? []).slice(restored)) follow(receipt, left[restored++]);
}

function follow(receipt, number) {
  open.set(receipt, number);
  void receipt.settled.then(({ status, error }) => {
    open.delete(receipt);
    const kept = sending[status];
    if (Array.isArray(kept)) kept.push(number);
    else sending[status] += 1;
    if (error) count(`${status} ${error.code}`);
  });
}

/** Asks the server which numbers its state contains, until it answers. */
async function readState(gaps) {
  for (;;) {
    try {
      const answer = await fetch("/server/progress");
      if (answer.ok) return tally.stateRead(gaps, (await answer.json()).sent);
    } catch {
      // It is away.
    }
    await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS));
  }
}

function count(name) {
  events[name] = (events[name] ?? 0) + 1;
}
