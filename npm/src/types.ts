/// <reference lib="esnext.disposable" preserve="true" />
import type { Codec } from "./codec.js";
import type { WireError } from "./errors.js";
import type { Output, Schemas, StandardSchema } from "./schema.js";

/** Message types and their data, where nothing is known of them. */
export type Untyped = Record<string, any>;

/** The message types of `T`. */
export type Name<T> = keyof T & string;
/** The data of a message type. It is always there: a message without data has `null`. */
export type Data<T, K extends keyof T> = Required<T>[K];
type Func = (...args: any) => any;

/** The entries of `Out` that are plain messages. */
export type Sendable<Out> = { [K in Name<Out>]-?: Data<Out, K> extends Func ? never : K }[Name<Out>];
/** The entries of `Out` that are functions: requests, with the type of the answer. */
export type Requestable<Out> = { [K in Name<Out>]-?: Data<Out, K> extends Func ? K : never }[Name<Out>];
/** What a request carries. */
export type Question<F> = F extends Func ? (Parameters<F> extends [] ? null : Parameters<F>[0]) : never;
/** What answers it. */
export type Answer<F> = F extends Func ? Awaited<ReturnType<F>> : never;

/** A message as it came: of these types, or of any. What its `type` is tells what its `data` is. */
export type Message<In, K extends Name<In> = Name<In>> = { [P in K]: { type: P; data: Data<In, P> } }[K];

/** Where a connection stands. */
export type Status = "idle" | "connecting" | "open" | "reconnecting" | "closed";

/**
 * What became of a message. It settles once: as `sent` (plain: written), `acked` (reliable: handled by the server), `rejected` (not
 * handled, and never will be), or `uncertain` (the server may have handled it).
 */
export interface Receipt {
  /** Counted from 1 in the order of sending. */
  readonly id: number;
  readonly status: "queued" | "sent" | "acked" | "rejected" | "uncertain";
  /** Why it was rejected or is uncertain. */
  readonly error: WireError | undefined;
  /** Resolves once the status is final. It never rejects. */
  readonly settled: Promise<Receipt>;
}

/** Numbers to look at. */
export interface Stats {
  /** Messages written. */
  sent: number;
  /** Application messages received. */
  received: number;
  /** UTF-8 bytes of messages written. */
  bytesSent: number;
  /** UTF-8 bytes of all frames received. */
  bytesReceived: number;
  /** How often a socket opened. */
  opened: number;
  /** Messages rejected after `send` had taken them. */
  rejected: number;
  /** Messages that wait to be written. */
  queued: number;
  queuedBytes: number;
  /** Reliable: messages written and not acked. */
  unacked: number;
  /** Reliable: messages of this session that the application has handled. */
  position: number;
  /** Bytes in the browser's send buffer, as far as known. */
  buffered: number;
  /** Which attempt in a row this is, from 1; 0 while open, idle or closed. */
  attempt: number;
  /** When the next attempt begins, as `Date.now()` counts; 0 if none waits. */
  retryAt: number;
  /** How often a socket opened after the first. */
  reconnects: number;
}

/** The events of a `Wire`, by name. */
export interface WireEvents {
  /** The status, the attempt or the time of the next one changed. */
  status: CustomEvent<{ status: Status; attempt: number; retryAt: number }>;
  /** A connection or an attempt ended. `closeCode` is 0 if no close frame came. */
  disconnect: CustomEvent<{ code: string; closeCode: number; reason: string; error: WireError }>;
  /** Something is wrong: a message that is not what it should be, a handler that threw, a stop for good. */
  error: CustomEvent<WireError>;
  /** A message gave way: in the outbox, or in an iterator that was not read fast enough. */
  dropped: CustomEvent<{ type: string; data: unknown; error: WireError; receipt: Receipt | undefined }>;
  /** A ping was answered after so many milliseconds. */
  latency: CustomEvent<number>;
  /** Reliable: messages were lost, at this place in the order. What is fetched now has all of them. */
  resync: CustomEvent<{ reason: ResyncReason; missedFrom: number | undefined; missedTo: number | undefined }>;
  /** Reliable: the server takes messages and has confirmed none for 30 s. */
  stalled: CustomEvent<WireError>;
  /** Reliable: a message came that nobody listens to. It counts as handled. */
  unhandled: CustomEvent<{ type: string; data: unknown }>;
}

/**
 * Why messages were lost: the session `expired`, the server's memory began anew (`epoch`), it no longer holds them (`gap`), does not
 * know the session (`unknown`) or its `key`; the page read too slowly (`slow`), a message was `too-large`, or the page was loaded
 * anew (`reload`).
 */
export type ResyncReason = "expired" | "epoch" | "gap" | "unknown" | "key" | "slow" | "too-large" | "reload";

export interface SendOptions {
  /** Reject the message if it could not be written within so many milliseconds. Default `outbox.ttlMs`. */
  ttlMs?: number;
  /** Withdraws the message if it is not written yet. */
  signal?: AbortSignal;
  /** Write it at once or not at all, unconfirmed and unordered: for what is worthless later. */
  volatile?: boolean;
}

export interface RequestOptions {
  /** How long to wait for the answer, in milliseconds. Default `requestTimeoutMs`. */
  timeoutMs?: number;
  /** Withdraws the request. */
  signal?: AbortSignal;
}

export interface ListenOptions {
  /** Removes the handler. */
  signal?: AbortSignal;
}

type Listener<E> = ((event: E) => unknown) | { handleEvent(event: E): unknown };

/** A WebSocket that stays up. */
export interface Wire<In = Untyped, Out = Untyped> extends EventTarget {
  readonly status: Status;
  /** The last round trip in milliseconds, once one was measured. */
  readonly latency: number | undefined;
  readonly stats: Stats;
  /** Reliable: the receipts of what an earlier page of this tab left to be sent, in order. */
  readonly restored: readonly Receipt[];
  /** Why the connection stopped for good, if it did. */
  readonly error: WireError | undefined;
  /** Resolves when the connection first opens, and rejects with a `WireError` if it stops for good before. */
  readonly opened: Promise<void>;

  /** Calls `handler` for each message of a type, or of every type (`"*"`). Answers a function that ends it. */
  on<K extends keyof In & string>(
    type: K,
    handler: (data: Data<In, K>, message: Message<In, K>) => void,
    options?: ListenOptions,
  ): () => void;
  on(type: "*", handler: (message: Message<In>) => void, options?: ListenOptions): () => void;
  /** Like `on`, for one message. */
  once<K extends keyof In & string>(
    type: K,
    handler: (data: Data<In, K>, message: Message<In, K>) => void,
    options?: ListenOptions,
  ): () => void;
  once(type: "*", handler: (message: Message<In>) => void, options?: ListenOptions): () => void;
  /**
   * Sends a message, or queues it until the connection can take it. It throws only for what can never be sent.
   */
  send<K extends Sendable<Out>>(type: K, data: Data<Out, K>, options?: SendOptions): Receipt;
  /**
   * Sends a request and resolves with its answer. It rejects with a `WireError`; code `uncertain` means that the request
   * was written and the server may have acted on it, with the reason as `cause`.
   */
  request<K extends Requestable<Out>>(
    type: K,
    data: Question<Data<Out, K>>,
    options?: RequestOptions,
  ): Promise<Answer<Data<Out, K>>>;
  /** The messages of a type, or all of them, in order. It holds 1,000 that were not read yet. */
  messages(options?: ListenOptions): AsyncIterableIterator<Message<In>>;
  messages<K extends keyof In & string>(type: K, options?: ListenOptions): AsyncIterableIterator<Message<In, K>>;

  /** Connects again after `close()` or a stop. */
  connect(): void;
  /** Gives up the present socket or wait and connects anew. */
  reconnect(): void;
  /** Closes for good: what waits is rejected, and no handler runs any more. Code 1000 or 3000 to 4999. */
  close(code?: number, reason?: string): void;
  [Symbol.dispose](): void;
  /**
   * With the option `trace`: the recording, as JSON text. It has no payload, token, key, query or user name; `docs/trace.md` says
   * what it has. Undefined without the option, and before the engine is loaded.
   */
  trace(): string | undefined;

  addEventListener<K extends keyof WireEvents>(
    type: K,
    listener: Listener<WireEvents[K]> | null,
    options?: AddEventListenerOptions | boolean,
  ): void;
  removeEventListener<K extends keyof WireEvents>(
    type: K,
    listener: Listener<WireEvents[K]> | null,
    options?: EventListenerOptions | boolean,
  ): void;
}

/** What a token or URL function is told. */
export interface AttemptContext {
  /** `connect`: a token that is still good will do. `refused`: a fresh one is needed. `refresh`: the one in use nears its end. */
  reason: "connect" | "refused" | "refresh";
  /** Which attempt in a row this is, from 1; 0 for a refresh. */
  attempt: number;
}

/** A token, perhaps with its life in milliseconds. */
export type Token = string | { token: string; expiresInMs?: number };

/** Every option but `url`, for a connection on which these messages come. */
export interface Options<In = Untyped> {
  /**
   * Gives the token, before every attempt. Throw an error with `code: "unauthorized"` to stop for good; anything else that
   * it throws is tried again.
   */
  auth?: (context: AttemptContext) => Token | void | Promise<Token | void>;
  /** How the token reaches the server. Default `"message"`: as the first frame, `{"type":"auth","data":{"token"}}`. */
  authVia?: "message" | "query" | { query: string } | "subprotocol" | "cookie";
  /** Subprotocols to offer. */
  protocols?: readonly string[];
  /** Token and handshake together. */
  connectTimeoutMs?: number;
  backoff?: {
    firstMs?: number;
    minMs?: number;
    baseMs?: number;
    maxMs?: number;
    resetAfterMs?: number;
    maxAttempts?: number;
    attemptsPerMinute?: number;
  };
  heartbeat?: false | { intervalMs?: number; timeoutMs?: number; hiddenTimeoutMs?: number; probeTimeoutMs?: number };
  outbox?: { messages?: number; bytes?: number; ttlMs?: number; overflow?: "reject" | "drop-oldest" | "drop-newest" };
  rate?: false | { messages?: number; burst?: number; bytes?: { perSecond?: number; burst?: number } };
  backpressure?: { high?: number; low?: number; pollMs?: number };
  /** The largest inbound frame, in bytes. */
  maxFrame?: number;
  requestTimeoutMs?: number;
  /**
   * What is promised. `"plain"`, the default: in order, at most once after the write, against any server. `"reliable"`: once and in
   * order, both ways, across cuts, reloads and restarts; the server must speak `everwire.v1`.
   */
  delivery?: "plain" | "reliable";
  /**
   * Reliable: what survives a reload, in session storage. `"outbox"`, the default: what must be sent. `"session"`: the place in
   * what comes too, for applications that store their own state with it. `false`: nothing.
   */
  persist?: "outbox" | "session" | false;
  /** Reliable: whether messages that the server may have handled are sent again (`"resend"`, the default) or left out. */
  uncertain?: "resend" | "drop";
  /** Reliable: tells connections of one page to the same URL apart. */
  name?: string;
  /** Replaces the close policy. `undefined` leaves a close to the default one. */
  onClose?: (code: number, reason: string) => "stop" | "retry" | "slow" | "refresh" | undefined;
  /** Closes the connection. */
  signal?: AbortSignal;
  /**
   * A Standard Schema for each inbound type that is to be validated: of zod, valibot, arktype and others. Handlers get what it makes of the
   * data; data that it refuses reaches none of them and becomes an `error` event with the code `invalid-data`.
   */
  schemas?: { [K in Name<In>]?: StandardSchema<Data<In, K>> };
  /**
   * Writes and reads the messages as binary frames, in the place of JSON; `everwire/msgpack` has MessagePack. The engine's own
   * frames, `auth` and `ping`, stay JSON texts, and what the server sends as a text is read as JSON. Plain delivery only.
   */
  codec?: Codec;
  /** `false` waits for `connect()`, in the status `idle`, and touches nothing before. What is sent meanwhile waits too. */
  autoConnect?: boolean;
  /**
   * Records what goes into the engine and comes out of it, for a bug report: `wire.trace()` gives it. It loads another engine, and holds
   * at most 1 MiB. Default false.
   */
  trace?: boolean;
}

/** Where to connect: fixed, or asked for before every attempt. */
export type Url = string | URL | ((context: AttemptContext) => string | URL | Promise<string | URL>);

export interface Connect {
  /** Connects, and stays connected. Sends queue until then. What comes has the types that the schemas make of it. */
  <S extends Schemas, Out = Untyped>(
    url: Url,
    options: Options & { schemas: S },
  ): Wire<{ [K in keyof S]: Output<S[K]> }, Out>;
  /** Connects, and stays connected. Sends queue until then. */
  <In = Untyped, Out = Untyped>(url: Url, options?: Options<In>): Wire<In, Out>;
}
