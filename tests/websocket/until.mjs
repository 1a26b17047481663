// Waiting for a condition.

import { setTimeout as pause } from "node:timers/promises";

/** Resolves with the first truthy answer of `look`. */
export async function until(what, look, withinMs = 15_000) {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const answer = await look();
    if (answer) return answer;
    if (Date.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}`);
    await pause(10);
  }
}
