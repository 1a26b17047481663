// The buttons that break the connection for real.

import { makeFault } from "./api.js";
import { asSentence, byId, element, setText } from "./dom.js";
import { log } from "./log.js";

const FAULTS = {
  drop: {
    name: "Drop this socket",
    what: "Cut the TCP connection, with no goodbye.",
    watch: () =>
      "The status leaves Open at once. The first retry comes within a second, at a random moment; later if the connection was less than 10 s old.",
  },
  stall: {
    name: "Stall it for 15 s",
    what: "The socket stays up, and nothing moves.",
    watch: (answersPings) =>
      answersPings
        ? "The browser notices nothing. Everwire’s ping stays unanswered, so within 9 s it gives the socket up and opens another."
        : "The server has not answered a ping yet (some never do), so its silence proves nothing and Everwire waits. Changes stay “Sent” and are saved when the stall ends.",
  },
  refuse: {
    name: "Refuse for 10 s",
    what: "Drop it, then answer every try with 503.",
    watch: () =>
      "Attempts count up and the waits between them grow, each a bit random. Add a task meanwhile: it queues.",
  },
  restart: {
    name: "Restart the server",
    what: "Everyone is sent away for about two seconds.",
    watch: () =>
      "Every window goes, and each comes back at its own random moment within 10 s, so that a thousand would not come at once.",
  },
};

// What to look at in the counts while messages are numbered.
const COUNTS = {
  plain: "Count messages meanwhile: what the server sends while this window has no socket is lost.",
  reliable: "Count messages meanwhile: they pause, and then come all at once, none lost and none twice.",
};

/** `answersPings()` tells whether the server has shown that it answers pings: only then can a stall be noticed. */
export function startFaults({ faults, tab, user, delivery, answersPings }) {
  const list = byId("faults");
  const watch = byId("watch");
  for (const fault of faults.filter((each) => each in FAULTS)) {
    const { name, what, watch: lookFor } = FAULTS[fault];
    const button = element(
      "button",
      { type: "button", "data-fault": fault, click: () => make(fault) },
      element("strong", { text: name }),
      element("span", { text: what }),
    );
    list.append(button);

    async function make() {
      log(`Fault: ${name.toLowerCase()}.`, "fault");
      watch.hidden = false;
      setText(watch, `${lookFor(answersPings())} ${COUNTS[delivery]}`);
      try {
        await makeFault(fault, tab, user);
      } catch (error) {
        setText(watch, asSentence(error.message));
        log(`The fault was not made: ${error.message}`, "bad");
      }
    }
  }
}
