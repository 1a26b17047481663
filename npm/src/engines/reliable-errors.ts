import type { Failure } from "../errors.js";

/** The engine's errors that come with reliable delivery, after the others. */
export const RELIABLE_FAILURES: Failure[] = [
  ["unsupported-server", "the server may not speak everwire.v1: use delivery plain with it"],
  ["superseded", "another page goes on as this client: connect again to take over"],
  ["user-changed", "the user changed: messages of the former user are not sent"],
  ["protocol-error", "the server broke the protocol: update both sides"],
  ["storage-failed", "session storage is full, disabled or not there: a reload of the page loses what was not sent"],
  ["stalled", "the server takes messages and confirms none: its handlers may hang", true],
  ["record-lost", "the server restarted while the message was underway: it may have acted on it"],
  ["page-lost", "the page ended while the message was underway: the server may have acted on it"],
];
