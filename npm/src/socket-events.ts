// The events of the standard interface, as the platform makes them where it has them.
import type { WireError } from "./errors.js";

/** How a connection ended. */
export interface Ending {
  code: number;
  reason: string;
  wasClean: boolean;
}

/** An `error` event; `error` says what happened, as far as that is known. The standard's own says nothing. */
export class FailureEvent extends Event {
  constructor(readonly error: WireError | undefined) {
    super("error");
  }

  get message(): string {
    return this.error?.message ?? "";
  }
}

export function messageEvent(data: unknown, url: string): Event {
  return new MessageEvent("message", { data, origin: new URL(url).origin });
}

/** Node has no `CloseEvent` before 23. */
export function closeEvent({ code, reason, wasClean }: Ending): Event {
  const ending = { code, reason, wasClean };
  return typeof CloseEvent === "function" ? new CloseEvent("close", ending) : Object.assign(new Event("close"), ending);
}
