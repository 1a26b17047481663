// Waiting for a condition.

import { setTimeout as pause } from "node:timers/promises";

/** Resolves with the first truthy answer of `look`; rejects after `withinMs` with `what` and what `show` gives. */
export async function until(what, look, { withinMs = 15_000, everyMs = 20, show = () => "" } = {}) {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const answer = await look();
    if (answer) return answer;
    if (Date.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}\n${await show()}`);
    await pause(everyMs);
  }
}
