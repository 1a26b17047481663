// The spec-exact profile: one connection, by the platform's own socket.
import { WireError } from "./errors.js";
import { closeEvent, messageEvent } from "./socket-events.js";
import type { ExactOptions, Peer } from "./socket-types.js";

export class Exact implements Peer {
  private raw_: WebSocket;

  constructor(
    target: EventTarget,
    Platform: typeof WebSocket,
    url: string | URL,
    protocols: string | string[] | undefined,
    { reconnect: _, ...options }: ExactOptions,
  ) {
    const timeout = timeoutOf(options);
    const raw = new Platform(url, protocols);
    this.raw_ = raw;
    // Node's `ws` begins with a type of its own.
    raw.binaryType = "blob";
    const patience = timeout ? setTimeout(() => raw.readyState === 0 && raw.close(), timeout) : undefined;
    raw.addEventListener("open", () => {
      clearTimeout(patience);
      target.dispatchEvent(new Event("open"));
    });
    raw.addEventListener("message", ({ data }) => target.dispatchEvent(messageEvent(data, raw.url)));
    raw.addEventListener("error", () => target.dispatchEvent(new Event("error")));
    raw.addEventListener("close", (event) => {
      clearTimeout(patience);
      target.dispatchEvent(closeEvent(event));
    });
  }

  get readyState_(): number {
    return this.raw_.readyState;
  }

  get url_(): string {
    return this.raw_.url;
  }

  get protocol_(): string {
    return this.raw_.protocol;
  }

  get extensions_(): string {
    return this.raw_.extensions;
  }

  get bufferedAmount_(): number {
    return this.raw_.bufferedAmount;
  }

  get binaryType_(): BinaryType {
    return this.raw_.binaryType;
  }

  set binaryType_(type: BinaryType) {
    this.raw_.binaryType = type;
  }

  send_(data: string | Blob | BufferSource): void {
    // Node's `ws` throws another error.
    if (this.readyState_ === 0) throw new DOMException("the socket is still connecting", "InvalidStateError");
    this.raw_.send(data as string);
  }

  /** An undefined code is not the same as none everywhere. */
  close_(...args: [code?: number, reason?: string]): void {
    this.raw_.close(...args);
  }

  reconnect_(): void {
    throw new WireError("invalid-option", "this socket was made with reconnect: false: make another");
  }
}

function timeoutOf({ connectTimeoutMs = 0, ...others }: Omit<ExactOptions, "reconnect">): number {
  const [name] = Object.keys(others);
  if (name) throw new WireError("invalid-option", `with reconnect: false there is no option ${name}: only connectTimeoutMs`);
  if (Number.isInteger(connectTimeoutMs) && connectTimeoutMs >= 0) return connectTimeoutMs;
  throw new WireError("invalid-option", "connectTimeoutMs takes a whole number (ms)");
}
