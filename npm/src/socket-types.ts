import type { Options } from "./types.js";

/** Where to connect: fixed, or asked for before every attempt. */
export type SocketUrl = string | URL | (() => string | URL | Promise<string | URL>);

/** What a socket that reconnects may be told. */
export interface ReconnectingOptions
  extends Pick<Options, "connectTimeoutMs" | "backoff" | "outbox" | "rate" | "backpressure" | "onClose"> {
  reconnect?: true;
}

/** What a socket of one connection may be told. */
export interface ExactOptions {
  reconnect: false;
  /** How long the handshake may take. Without it the browser decides: 240 s in Chromium. */
  connectTimeoutMs?: number;
}

export type SocketOptions = ReconnectingOptions | ExactOptions;

/** What the class tells of itself and leaves to others. */
export interface Peer {
  readonly readyState_: number;
  readonly url_: string;
  readonly protocol_: string;
  readonly extensions_: string;
  readonly bufferedAmount_: number;
  binaryType_: BinaryType;
  send_(data: unknown): void;
  close_(...args: [code?: number, reason?: string]): void;
  reconnect_(): void;
}
