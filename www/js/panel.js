// The connection panel: what the wire is doing, in words and numbers.

import { announce, asSentence, byId, setText } from "./dom.js";
import { log } from "./log.js";
import { Sparkline, inMs } from "./sparkline.js";

const NAME = { idle: "Idle", connecting: "Connecting", open: "Open", reconnecting: "Reconnecting", closed: "Closed" };
const TICK_MS = 200;
// The send rate is the mean over this time: long enough to read, short enough to be true.
const RATE_OVER_MS = 5_000;

export class Panel {
  #wire;
  #sync;
  #status;
  #sparkline = new Sparkline(byId("sparkline"));
  #sentAt = [];
  #lostAt;
  #lastReason;

  constructor(wire, sync) {
    this.#wire = wire;
    this.#sync = sync;
    const button = byId("reconnect");
    button.disabled = false;
    button.addEventListener("click", () => {
      log("Reconnect asked for by hand.");
      wire.reconnect();
    });
    wire.addEventListener("status", () => this.#showStatus());
    wire.addEventListener("disconnect", ({ detail }) => this.#logDisconnect(detail));
    wire.addEventListener("latency", ({ detail }) => this.#showRoundTrip(detail, "ping"));
    sync.addEventListener("roundtrip", ({ detail }) => this.#showRoundTrip(detail, "request"));
    setInterval(() => document.hidden || this.#tick(), TICK_MS);
    this.#showStatus();
  }

  #showStatus() {
    const { status } = this.#wire;
    if (status !== this.#status) this.#logStatus(status);
    this.#status = status;
    for (const [id, label] of [
      ["state", NAME[status]],
      ["pill-text", NAME[status]],
    ])
      setText(byId(id), label);
    byId("state").dataset.status = status;
    byId("pill").dataset.status = status;
    this.#tick();
  }

  #logStatus(status) {
    const wasLost = this.#lostAt !== undefined;
    if (status === "open") {
      const away = wasLost ? ` after ${((performance.now() - this.#lostAt) / 1000).toFixed(1)} s away` : "";
      log(`Open${away}.`, "good");
      announce(wasLost ? "Connected again." : "Connected.");
      this.#lostAt = undefined;
      this.#lastReason = undefined;
    } else if (this.#status === "open") {
      this.#lostAt = performance.now();
      announce(status === "closed" ? "Connection closed." : "Connection lost. What you change is kept and sent later.");
    }
  }

  // An attempt that failed says the same each time; the countdown already tells that it goes on.
  #logDisconnect({ error, closeCode }) {
    if (error.message === this.#lastReason) return;
    this.#lastReason = error.message;
    log(asSentence(error.message) + (closeCode ? ` Close code ${closeCode}.` : ""), "bad");
  }

  #showRoundTrip(ms, of) {
    this.#sparkline.add(ms);
    setText(byId("round-trip-of"), of);
    setText(byId("latency"), inMs(ms));
  }

  #tick() {
    const { stats, status } = this.#wire;
    this.#sync.markSent();
    setText(byId("state-detail"), this.#detail(stats, status));
    setText(byId("attempt"), isTrying(status) ? String(stats.attempt) : "–");
    setText(byId("next-try"), this.#countdown(stats, status) ?? (isTrying(status) ? "now" : "–"));
    setText(byId("queued"), String(stats.queued));
    setText(byId("queued-bytes"), inBytes(stats.queuedBytes));
    setText(byId("rate"), `${this.#rate(stats.sent).toFixed(1)} /s`);
    setText(byId("reconnects"), String(stats.reconnects));
  }

  #detail(stats, status) {
    const countdown = this.#countdown(stats, status);
    if (status === "open") return `Messages: ${stats.received} in, ${stats.sent} out`;
    if (status === "closed") return asSentence(this.#wire.error?.message ?? "closed by this page");
    if (status === "idle") return "Not asked to connect yet.";
    return `Attempt ${stats.attempt} ${countdown ? `in ${countdown}` : "under way"}`;
  }

  #countdown({ retryAt }, status) {
    const left = retryAt - Date.now();
    return isTrying(status) && left > 0 ? `${(left / 1000).toFixed(1)} s` : undefined;
  }

  #rate(sent) {
    const now = performance.now();
    this.#sentAt = [...this.#sentAt, { now, sent }].filter((sample) => now - sample.now <= RATE_OVER_MS);
    return ((sent - this.#sentAt[0].sent) * 1000) / RATE_OVER_MS;
  }
}

function isTrying(status) {
  return status === "connecting" || status === "reconnecting";
}

function inBytes(bytes) {
  return bytes < 1024 ? `${bytes} B` : `${(bytes / 1024).toFixed(1)} KiB`;
}
