// Plain or reliable, and numbered messages both ways that show the difference while the connection is broken.

import { announce, byId, element, setText } from "./dom.js";
import { log } from "./log.js";

// Four a second each way: a connection that is gone for a moment has some underway.
const MARK_MS = 250;

const WHAT = {
  plain: "In order, at most once. What is underway when the connection breaks may be lost, and nobody is told.",
  reliable: "In order, exactly once, both ways. What is underway when the connection breaks is sent again.",
};

/** The deliveries that the server offers; the first is the default. */
export function chosenDelivery(offered) {
  const asked = new URLSearchParams(location.search).get("delivery");
  return offered.includes(asked) ? asked : offered[0];
}

/** The address of this page with one thing changed. */
export function addressWith(name, value) {
  const query = new URLSearchParams(location.search);
  query.set(name, value);
  return `?${query}`;
}

export class DeliveryCard {
  #wire;
  #tab;
  #button = byId("count-messages");
  #timer;
  #marks = 0;
  #in = new Tally();
  #run;

  constructor({ wire, tab, offered, delivery, counts }) {
    this.#wire = wire;
    this.#tab = tab;
    byId("delivery").append(
      ...offered.map((each) =>
        element("a", {
          href: addressWith("delivery", each),
          "aria-current": each === delivery ? "true" : undefined,
          "data-delivery": each,
          text: each === "plain" ? "Plain" : "Reliable",
        }),
      ),
    );
    setText(byId("delivery-what"), WHAT[delivery]);
    byId("delivery-card").hidden = offered.length < 2;
    this.#button.hidden = !counts;
    this.#button.addEventListener("click", () => (this.#timer ? this.#stop() : this.#start()));
    wire.on("tick", (tick) => this.#count(tick));
    wire.addEventListener("resync", ({ detail }) => this.#resync(detail));
    wire.addEventListener("stalled", () => log("The server confirms nothing.", "bad"));
  }

  #start() {
    this.#in = new Tally();
    byId("counts").hidden = false;
    setText(this.#button, "Stop counting");
    announce("Counting messages.");
    this.#timer = setInterval(() => this.#mark(), MARK_MS);
    this.#mark();
  }

  #stop() {
    clearInterval(this.#timer);
    this.#timer = undefined;
    setText(this.#button, "Count messages");
  }

  #mark() {
    this.#wire.send("mark", { tab: this.#tab, n: ++this.#marks });
  }

  #count({ run, n, marks }) {
    if (!this.#timer) return;
    if (run !== this.#run) this.#in = new Tally();
    this.#run = run;
    this.#in.add(n);
    show("in", this.#in);
    show("out", marks);
  }

  // A server that restarts forgets what it had not delivered, and says so: whoever has state fetches it.
  #resync({ reason }) {
    log(`Resync (${reason}): the list is fetched anew.`);
    this.#in.report();
  }
}

/** Numbers that should come once each and in order. */
class Tally {
  received = 0;
  missing = 0;
  twice = 0;
  reported = 0;
  #last;
  #isReported = false;

  add(n) {
    this.received += 1;
    this.#last ??= n - 1;
    const gap = n - this.#last - 1;
    if (gap < 0) this.twice += 1;
    else if (this.#isReported) this.reported += gap;
    else this.missing += gap;
    this.#last = Math.max(n, this.#last);
    this.#isReported = false;
  }

  /** What is missing before the next number was said to be. */
  report() {
    this.#isReported = true;
  }
}

function show(way, { received, missing, twice, reported }) {
  setText(byId(`${way}-received`), String(received));
  const wrong = missing + twice > 0;
  const parts = [
    missing ? `${missing} lost` : "none lost",
    twice && `${twice} twice`,
    reported && `${reported} told by resync`,
  ];
  setText(byId(`${way}-wrong`), parts.filter(Boolean).join(", "));
  byId(`${way}-wrong`).dataset.wrong = String(wrong);
}
