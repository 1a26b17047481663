// The standard `WebSocket` interface, over one connection or over as many as it takes.
import { WireError } from "./errors.js";
import { Exact } from "./socket-exact.js";
import { Lasting } from "./socket-lasting.js";
import { checkClose } from "./socket-rules.js";
import type { Peer, SocketOptions, SocketUrl } from "./socket-types.js";

type Socket = globalThis.WebSocket;
type Kind = keyof WebSocketEventMap;

const STATES = ["CONNECTING", "OPEN", "CLOSING", "CLOSED"] as const;
const KINDS: Kind[] = ["open", "message", "error", "close"];
const ATTRIBUTES = ["readyState", "url", "protocol", "extensions", "bufferedAmount", "binaryType", "send", "close"];

/**
 * A `WebSocket` that reconnects and keeps what is sent meanwhile; with `reconnect: false`, exactly the standard's. Assignable
 * to `typeof WebSocket`.
 */
export class WebSocket extends EventTarget implements Socket {
  /**
   * The class that connections are made with. By default the global one; to be set where there is none, and before this
   * class takes the place of the global one.
   */
  static platform: typeof globalThis.WebSocket | undefined;

  declare static readonly CONNECTING: 0;
  declare static readonly OPEN: 1;
  declare static readonly CLOSING: 2;
  declare static readonly CLOSED: 3;
  declare readonly CONNECTING: 0;
  declare readonly OPEN: 1;
  declare readonly CLOSING: 2;
  declare readonly CLOSED: 3;

  declare onopen: ((this: Socket, event: Event) => any) | null;
  declare onmessage: ((this: Socket, event: MessageEvent) => any) | null;
  declare onerror: ((this: Socket, event: Event) => any) | null;
  declare onclose: ((this: Socket, event: CloseEvent) => any) | null;

  private peer_: Peer;
  private handlers_: { [kind: string]: { value_: unknown; listener_: (event: Event) => void } } = {};

  constructor(url: SocketUrl, protocols?: string | string[], options: SocketOptions = {}) {
    super();
    this.peer_ =
      options.reconnect === false
        ? new Exact(this, platform(), url as string | URL, protocols, options)
        : new Lasting(this, platform, url, protocols, options);
  }

  get readyState(): 0 | 1 | 2 | 3 {
    return this.peer_.readyState_ as 0;
  }

  /** Of the present connection; empty until the first one if a function gives it. */
  get url(): string {
    return this.peer_.url_;
  }

  get protocol(): string {
    return this.peer_.protocol_;
  }

  get extensions(): string {
    return this.peer_.extensions_;
  }

  /** Bytes that are not on their way yet, in the queue and in the platform's buffer. */
  get bufferedAmount(): number {
    return this.peer_.bufferedAmount_;
  }

  get binaryType(): BinaryType {
    return this.peer_.binaryType_;
  }

  set binaryType(type: BinaryType) {
    // As an attribute of an enumeration does.
    if (type === "blob" || type === "arraybuffer") this.peer_.binaryType_ = type;
  }

  send(data: string | Blob | BufferSource): void {
    if (arguments.length < 1) throw new TypeError("send takes an argument");
    this.peer_.send_(data);
  }

  close(code?: number, reason?: string): void {
    const number = code === undefined ? undefined : clamped(code);
    const text = reason === undefined ? undefined : String(reason);
    checkClose(number, text);
    this.peer_.close_(number, text);
  }

  /** Gives up the present connection or wait and connects anew; also after the end. */
  reconnect(): void {
    this.peer_.reconnect_();
  }

  private handler_(kind: Kind): unknown {
    return this.handlers_[kind]?.value_ ?? null;
  }

  /** A handler keeps its place among the listeners until it is taken away. */
  private handle_(kind: Kind, given: unknown): void {
    const value = typeof given === "function" || (typeof given === "object" && given) ? given : null;
    const present = this.handlers_[kind];
    if (present && value) present.value_ = value;
    else if (present) {
      this.removeEventListener(kind, present.listener_);
      delete this.handlers_[kind];
    } else if (value) {
      const handler = {
        value_: value as unknown,
        listener_: (event: Event): void => {
          if (typeof handler.value_ === "function") handler.value_.call(this, event);
        },
      };
      this.handlers_[kind] = handler;
      this.addEventListener(kind, handler.listener_);
    }
  }

  static {
    const { prototype } = this;
    for (const [value, name] of STATES.entries()) {
      for (const object of [this, prototype]) Object.defineProperty(object, name, { value, enumerable: true });
    }
    for (const kind of KINDS) {
      Object.defineProperty(prototype, `on${kind}`, {
        get(this: WebSocket) {
          return this.handler_(kind);
        },
        set(this: WebSocket, value: unknown) {
          this.handle_(kind, value);
        },
        enumerable: true,
        configurable: true,
      });
    }
    for (const name of ATTRIBUTES) {
      const descriptor = Object.getOwnPropertyDescriptor(prototype, name);
      Object.defineProperty(prototype, name, { ...descriptor, enumerable: true });
    }
    Object.defineProperty(prototype, Symbol.toStringTag, { value: "WebSocket", configurable: true });
  }
}

/** The same as a class of its own, for libraries that make their sockets themselves and anew for every connection. */
export class ExactWebSocket extends WebSocket {
  constructor(url: string | URL, protocols?: string | string[]) {
    super(url, protocols, { reconnect: false });
  }
}

function platform(): typeof globalThis.WebSocket {
  const found = WebSocket.platform ?? globalThis.WebSocket;
  if (typeof found === "function" && found !== WebSocket && !(found.prototype instanceof WebSocket)) return found;
  throw new WireError(
    "no-websocket",
    "there is no WebSocket to connect with: set WebSocket.platform to the platform's, before this class takes its place",
  );
}

/** As an argument of `[Clamp] unsigned short`. */
function clamped(code: unknown): number {
  const number = Math.min(65_535, Math.max(0, Number(code) || 0));
  const floor = Math.floor(number);
  const odd = floor % 2;
  const half = number - floor;
  return half > 0.5 || (half === 0.5 && odd) ? floor + 1 : floor;
}
