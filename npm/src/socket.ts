// The standard `WebSocket` interface, over one connection or over as many as it takes.
import { WireError } from "./errors.js";
import { Exact } from "./socket-exact.js";
import { Lasting } from "./socket-lasting.js";
import type { Peer, SocketOptions, SocketUrl } from "./socket-types.js";

type Socket = globalThis.WebSocket;
type Kind = keyof WebSocketEventMap;

const STATES = ["CONNECTING", "OPEN", "CLOSING", "CLOSED"] as const;
const KINDS: Kind[] = ["open", "message", "error", "close"];
const ATTRIBUTES = ["readyState", "url", "protocol", "extensions", "bufferedAmount", "binaryType", "send", "close"];

/** The events by name. Those that the standard does not know tell of the reconnecting profile. */
export interface WebSocketEvents extends WebSocketEventMap {
  /** A message did not fit into the queue, or outlived its time there. `preventDefault()` keeps it off the console. */
  dropped: CustomEvent<{ data: string | Blob | Uint8Array; error: WireError }>;
  /** Something is wrong that does not end the connection. */
  warning: CustomEvent<WireError>;
}

interface Target {
  addEventListener<K extends keyof WebSocketEvents>(
    type: K,
    listener: (this: Socket, event: WebSocketEvents[K]) => any,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
  removeEventListener<K extends keyof WebSocketEvents>(
    type: K,
    listener: (this: Socket, event: WebSocketEvents[K]) => any,
    options?: boolean | EventListenerOptions,
  ): void;
  removeEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | EventListenerOptions,
  ): void;
  dispatchEvent(event: Event): boolean;
}

/**
 * A `WebSocket` that reconnects and keeps what is sent meanwhile; with `reconnect: false`, exactly the standard's. Assignable
 * to `typeof WebSocket`.
 */
export class WebSocket extends (EventTarget as new () => Target) implements Socket {
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

  #peer: Peer;
  #handlers: { [kind: string]: { value_: unknown; listener_: (event: Event) => void } } = {};

  constructor(url: SocketUrl, protocols?: string | string[], options: SocketOptions = {}) {
    if (arguments.length < 1) throw urlMissing();
    super();
    const Platform = platform();
    this.#peer =
      options.reconnect === false
        ? new Exact(this, Platform, url as string | URL, protocols, options)
        : new Lasting(this, Platform, url, protocols, options);
  }

  get readyState(): 0 | 1 | 2 | 3 {
    return this.#peer.readyState_ as 0;
  }

  /** Of the present connection; empty until the first one if a function gives it. */
  get url(): string {
    return this.#peer.url_;
  }

  get protocol(): string {
    return this.#peer.protocol_;
  }

  get extensions(): string {
    return this.#peer.extensions_;
  }

  /** Bytes that are not on their way yet, in the queue and in the platform's buffer. */
  get bufferedAmount(): number {
    return this.#peer.bufferedAmount_;
  }

  get binaryType(): BinaryType {
    return this.#peer.binaryType_;
  }

  set binaryType(type: BinaryType) {
    // As an attribute of an enumeration does.
    if (type === "blob" || type === "arraybuffer") this.#peer.binaryType_ = type;
  }

  send(data: string | Blob | BufferSource): void {
    if (arguments.length < 1) throw new TypeError("send takes an argument");
    this.#peer.send_(data);
  }

  close(...args: [code?: number, reason?: string]): void {
    this.#peer.close_(...args);
  }

  /** Gives up the present connection or wait and connects anew; also after the end. */
  reconnect(): void {
    this.#peer.reconnect_();
  }

  #handler(kind: Kind): unknown {
    return this.#handlers[kind]?.value_ ?? null;
  }

  /** A handler keeps its place among the listeners until it is taken away. */
  #handle(kind: Kind, given: unknown): void {
    const value = typeof given === "function" || (typeof given === "object" && given) ? given : null;
    const present = this.#handlers[kind];
    if (present && value) present.value_ = value;
    else if (present) {
      this.removeEventListener(kind, present.listener_);
      delete this.#handlers[kind];
    } else if (value) {
      const handler = {
        value_: value as unknown,
        listener_: (event: Event): void => {
          if (typeof handler.value_ === "function") handler.value_.call(this, event);
        },
      };
      this.#handlers[kind] = handler;
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
          return this.#handler(kind);
        },
        set(this: WebSocket, value: unknown) {
          this.#handle(kind, value);
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
    if (arguments.length < 1) throw urlMissing();
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

function urlMissing(): TypeError {
  return new TypeError("a WebSocket takes a URL");
}
