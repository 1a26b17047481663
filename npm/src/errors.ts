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

// The engine's words, for the moments when it is not asked. A test compares them.
export const aborted = (cause: unknown): WireError =>
  new WireError("aborted", "withdrawn by the application", false, cause);
export const closed = (): WireError =>
  new WireError("closed", "the connection was closed by the application: connect again to send");
