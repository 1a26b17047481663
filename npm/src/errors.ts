/** Something that failed. `code` is stable; `message` says what happened and what to do. */
export class WireError extends Error {
  /** A stable name, in kebab case. */
  readonly code: string;
  /** Whether the same thing may succeed later without a change. */
  readonly retryable: boolean;

  constructor(code: string, message: string, retryable = false, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "WireError";
    this.code = code;
    this.retryable = retryable;
  }
}

/** An error of the engine: its code, what it says, and whether it is retryable. */
export type Failure = [code: string, message: string, retryable?: true];

/** The engine's errors with plain delivery, as `src/error.rs` has them and in its order. */
const FAILURES: Failure[] = [
  [
    "outbox-full",
    "the outbox is full: send less while disconnected, raise the outbox limits, or choose another overflow policy",
    true,
  ],
  ["message-too-large", "the message is larger than the outbox or the server takes: split it or raise the limit"],
  ["expired", "the time to live ended before the message could be written: it was not sent", true],
  ["aborted", "withdrawn by the application"],
  ["closed", "the connection was closed by the application: connect again to send"],
  ["too-many-requests", "too many requests wait for answers: wait for some of them first", true],
  ["request-timeout", "no answer came in time: if the request had been written, the server may still act on it", true],
  [
    "connection-lost",
    "the connection was lost after the request was written: the server may have acted on it, ask before repeating it",
    true,
  ],
  ["connect-timeout", "the connection did not open in time: it will be tried again", true],
  [
    "connect-failed",
    "the handshake failed: the server is away, refuses, or the URL or a subprotocol is wrong; it will be tried again",
    true,
  ],
  ["invalid-url", "the browser refused the URL or a subprotocol: use ws://, wss:// or a path, without a fragment"],
  ["invalid-token", "the token has characters that a subprotocol cannot carry: encode it, or authenticate by message"],
  ["heartbeat-timeout", "the server stopped answering: the connection is made anew", true],
  [
    "heartbeat-refused",
    "the server closed at the first ping: pings are off for this URL, set heartbeat to false to silence this",
    true,
  ],
  ["disconnected", "the connection was lost: it is made anew", true],
  ["refused", "the server closed with a code that means do not come back: see the close code, then connect again"],
  ["token-failed", "the token provider failed: it will be asked again", true],
  ["unauthorized", "the token was refused: sign in again, then connect again"],
  ["attempts-exhausted", "the last permitted attempt failed: connect again, or permit more attempts", true],
  ["invalid-frame", "a frame came that is not a JSON object with a type: it was left out, the connection goes on"],
  ["frame-too-large", "a frame came that is larger than the limit: it was left out, the connection goes on"],
  ["invalid-close", "close takes code 1000 or 3000 to 4999 and a reason of at most 123 bytes"],
  ["not-writable", "a volatile message is sent at once or not at all, and it could not be sent at once", true],
];
const ABORTED = 3;
const CLOSED = 4;

/** The engine's error at this place; `more` are those that follow. */
export function failure(index: number, more: Failure[] = [], cause?: unknown): WireError {
  const [code, message, retryable] = (FAILURES[index] ?? more[index - FAILURES.length])!;
  return new WireError(code, message, retryable, cause);
}

// For the moments when the engine is not asked.
export const aborted = (cause: unknown): WireError => failure(ABORTED, [], cause);
export const closed = (): WireError => failure(CLOSED);
