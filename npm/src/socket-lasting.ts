// The reconnecting profile: one engine, and under it a platform socket for each connection.
import { fetchToken } from "./auth.js";
import * as E from "./engine.js";
import { closed, failure, WireError } from "./errors.js";
import { STATUSES } from "./link.js";
import { measure } from "./measure.js";
import { type Config, read } from "./options.js";
import { load } from "./socket-engine.js";
import { closeEvent, type Ending, FailureEvent, messageEvent } from "./socket-events.js";
import { checkedClose, checkedProtocols, checkedUrl } from "./socket-rules.js";
import type { Peer, ReconnectingOptions, SocketUrl } from "./socket-types.js";
import type { Status } from "./types.js";
import { verdict } from "./verdict.js";

const [CONNECTING, OPEN, CLOSING, CLOSED] = [0, 1, 2, 3];
/** The places of two numbers in `Engine.stat_`. */
const QUEUED = 6;
const QUEUED_BYTES = 7;
/** The most messages that wait for the engine itself. */
const EARLY = 1_000;
/** Pacing by messages would be wrong for a protocol that is not ours, and so would our pings. */
const DEFAULTS = { heartbeat: false, rate: false } as const;
/** Enough for what a library writes while the connection is away: 64 MiB. */
const OUTBOX = { messages: 10_000, bytes: 67_108_864 };
const GONE: Ending = { code: 1006, reason: "", wasClean: false };
const LEFT: Ending = { code: 1000, reason: "", wasClean: true };

type Payload = string | Blob | Uint8Array;

export class Lasting implements Peer, E.PlainLink {
  readyState_ = CONNECTING;
  binaryType_: BinaryType = "blob";
  url_: string;
  private config_: Config;
  /** What the engine asks for next. */
  private texts_: (string | undefined)[] = [];
  private engine_: E.Engine | undefined;
  private loading_ = false;
  private early_: [payload: Payload, bytes: number][] = [];
  /** The platform socket of the present connection, or of the last one. */
  private raw_: WebSocket | undefined;
  /** Whether the last one ended, so that what it still tells is of no interest. */
  private over_ = true;
  private failed_ = false;
  private ended_: Ending | undefined;
  /** The end of a connection that nobody was told of yet: first comes what follows it. */
  private lost_: { ending_: Ending; failed_: boolean; error_: WireError } | undefined;
  /** The code and reason to close with once everything is written. */
  private closing_: [code: number | undefined, reason: string | undefined] | undefined;
  /** Whether the application itself gives the connection up. */
  private asked_ = false;
  private refused_: WireError | undefined;
  /** Bytes that were sent after the end, or that the end took. */
  private unsent_ = 0;
  private data_: unknown;
  private cause_: unknown;

  constructor(
    private target_: EventTarget,
    private platform_: typeof WebSocket,
    private source_: SocketUrl,
    protocols: string | string[] | undefined,
    private options_: ReconnectingOptions,
  ) {
    const { reconnect: _, outbox, ...others } = options_;
    const list = checkedProtocols(protocols);
    this.url_ = typeof source_ === "function" ? "" : checkedUrl(source_);
    const url = typeof source_ === "function" ? source_ : this.url_;
    this.config_ = read(url, { ...DEFAULTS, ...others, outbox: { ...OUTBOX, ...outbox }, protocols: list });
    this.load_();
  }

  get protocol_(): string {
    return this.raw_?.protocol ?? "";
  }

  get extensions_(): string {
    return this.raw_?.extensions ?? "";
  }

  get bufferedAmount_(): number {
    const early = this.early_.reduce((sum, [, bytes]) => sum + bytes, 0);
    const queued = this.engine_?.stat_(QUEUED_BYTES) ?? 0;
    return this.unsent_ + early + queued + (this.over_ ? 0 : (this.raw_?.bufferedAmount ?? 0));
  }

  send_(data: unknown): void {
    const payload = copied(data);
    const bytes = sizeOf(payload);
    if (this.readyState_ >= CLOSING) this.unsent_ += bytes;
    else if (this.engine_) this.hand_(payload, bytes);
    else if (this.early_.length < EARLY) this.early_.push([payload, bytes]);
    else this.dropped_(payload, new WireError("outbox-full", "too many messages wait for the engine to load", true));
  }

  close_(...args: [code?: number, reason?: string]): void {
    const [code, reason] = checkedClose(args[0], args[1]);
    if (this.readyState_ >= CLOSING) return;
    const wasOpen = this.readyState_ === OPEN;
    this.readyState_ = CLOSING;
    if (wasOpen) {
      this.closing_ = [code, reason];
      return this.closeWhenWritten_();
    }
    // Nothing that the engine says of it matters: the standard knows this end.
    const engine = this.engine_;
    this.engine_ = undefined;
    this.unsent_ += (engine?.stat_(QUEUED_BYTES) ?? 0) + this.early_.splice(0).reduce((sum, [, bytes]) => sum + bytes, 0);
    this.shut_(engine);
    setTimeout(() => this.end_(GONE, true, undefined), 0);
  }

  reconnect_(): void {
    if (this.readyState_ === CLOSING) return;
    if (this.readyState_ === CLOSED) {
      this.readyState_ = CONNECTING;
      this.unsent_ = 0;
    }
    if (!this.engine_) return this.load_();
    this.asked_ = true;
    this.engine_.command_(E.RECONNECT, 0);
    this.asked_ = false;
  }

  // What the engine asks and tells.

  number_(index: number): number {
    return this.config_.numbers_[index] ?? NaN;
  }

  text_(index: number): string | undefined {
    return this.texts_[index];
  }

  socket_(url: string, protocols: string[]): WebSocket {
    const raw = new this.platform_(url, protocols);
    // In whatever order buffers become blobs later, messages keep theirs.
    raw.binaryType = "arraybuffer";
    this.raw_ = raw;
    this.url_ = raw.url;
    this.over_ = this.failed_ = false;
    this.ended_ = undefined;
    const present = (): boolean => this.raw_ === raw && !this.over_;
    raw.addEventListener("error", () => {
      if (present()) this.failed_ = true;
    });
    raw.addEventListener("close", (event) => {
      if (present()) this.ended_ = event;
    });
    return raw;
  }

  decode_(data: unknown): number {
    this.data_ = data;
    return E.MESSAGE;
  }

  message_(): void {
    const data = this.data_;
    this.data_ = undefined;
    if (this.readyState_ !== OPEN) return;
    const blob = data instanceof ArrayBuffer && this.binaryType_ === "blob";
    this.target_.dispatchEvent(messageEvent(blob ? new Blob([data]) : data, this.url_));
  }

  sent_(): void {
    if (this.closing_) this.closeWhenWritten_();
  }

  event_(kind: number, number: number, which: number, payload: unknown): void {
    if (kind === E.STATUS) return this.statusChanged_(STATUSES[number]);
    const error = failure(which, [], this.cause_);
    if (kind === E.REFUSED) this.refused_ = error;
    else if (kind === E.DISCONNECTED) this.disconnected_(error, number, String(payload ?? ""));
    else if (kind === E.REJECTED) this.rejected_(payload as Payload, error);
    else if (kind === E.WARNING) this.tell_("warning", error);
  }

  token_(request: number, reason: number): void {
    void fetchToken(
      (outcome, expiresIn, ...texts) => {
        this.texts_ = texts;
        this.engine_?.answer_(request, outcome, expiresIn);
      },
      reason,
      0,
      this.source_ as () => string,
      {},
      (cause) => (this.cause_ = cause),
    );
  }

  verdict_(code: number, reason: string): number {
    if (this.readyState_ === CLOSING) return verdict(() => "stop", code, reason, () => {});
    return verdict(this.options_.onClose, code, reason, (error) => this.tell_("warning", error));
  }

  private load_(): void {
    if (this.loading_) return;
    const module = load();
    if (!(module instanceof Promise)) return this.start_(module);
    this.loading_ = true;
    module
      .finally(() => (this.loading_ = false))
      .then((module) => this.start_(module))
      .catch((error) => this.end_(GONE, true, new WireError("wasm-failed", String(error), true, error)));
  }

  private start_(module: E.Module): void {
    if (this.readyState_ !== CONNECTING) return;
    this.texts_ = this.config_.texts_;
    const engine = new module.Engine(this);
    this.engine_ = engine;
    for (const [payload, bytes] of this.early_.splice(0)) this.hand_(payload, bytes);
    // Later, so that handlers are attached before anything can happen.
    queueMicrotask(() => {
      if (this.engine_ === engine) engine.command_(E.CONNECT, 0);
    });
  }

  private hand_(payload: Payload, bytes: number): void {
    if (this.engine_?.send_(payload, bytes, NaN, NaN)) return;
    this.dropped_(payload, this.refused_ ?? closed());
  }

  private closeWhenWritten_(): void {
    if (!this.closing_ || this.engine_?.stat_(QUEUED)) return;
    const [code, reason] = this.closing_;
    this.closing_ = undefined;
    // Chromium does not take an undefined code for none.
    if (code === undefined && reason === undefined) this.raw_?.close();
    else this.raw_?.close(code ?? 1000, reason);
    // It looks at the socket, sees it closing, and does not wait for ever.
    this.engine_?.command_(E.WITHDRAW, 0);
  }

  private disconnected_(error: WireError, code: number, reason: string): void {
    const told = this.ended_;
    const end = this.asked_ ? LEFT : told ? { code, reason, wasClean: told.wasClean } : GONE;
    this.over_ = true;
    this.lost_ = { ending_: end, failed_: this.failed_ || (end === GONE), error_: error };
  }

  private statusChanged_(status: Status | undefined): void {
    if (this.readyState_ === CLOSED || !this.engine_) return;
    if (status === "open") {
      this.readyState_ = OPEN;
      this.target_.dispatchEvent(new Event("open"));
      return;
    }
    const { ending_: ending, failed_: failed, error_: error } = this.lost_ ?? { ending_: GONE, failed_: true, error_: undefined };
    if (this.readyState_ === CLOSING || status === "closed") return this.stop_(ending, failed, error);
    this.readyState_ = CONNECTING;
    if (!this.lost_) return;
    this.lost_ = undefined;
    this.tellEnd_(ending, failed, error);
  }

  /** No connection follows this one. */
  private stop_(ending: Ending, failed: boolean, error: WireError | undefined): void {
    const engine = this.engine_;
    this.engine_ = undefined;
    this.unsent_ += engine?.stat_(QUEUED_BYTES) ?? 0;
    this.shut_(engine);
    this.end_(ending, failed, error);
  }

  private shut_(engine: E.Engine | undefined): void {
    this.texts_ = [];
    engine?.command_(E.CLOSE, 1000);
  }

  private end_(ending: Ending, failed: boolean, error: WireError | undefined): void {
    this.readyState_ = CLOSED;
    this.lost_ = this.closing_ = undefined;
    this.over_ = true;
    this.tellEnd_(ending, failed, error);
  }

  private tellEnd_(ending: Ending, failed: boolean, error: WireError | undefined): void {
    if (failed) this.target_.dispatchEvent(new FailureEvent(error));
    this.target_.dispatchEvent(closeEvent(ending));
  }

  /** The engine gives a message back. At the end that is no news. */
  private rejected_(payload: Payload, error: WireError): void {
    if (this.engine_) this.dropped_(payload, error);
  }

  private dropped_(data: Payload, error: WireError): void {
    const event = new CustomEvent("dropped", { detail: { data, error }, cancelable: true });
    if (this.target_.dispatchEvent(event)) console.warn(`everwire: a message was dropped: ${error.message}`);
  }

  private tell_(type: string, error: WireError): void {
    this.target_.dispatchEvent(new CustomEvent(type, { detail: error }));
  }
}

/** The payload as it is now: what is in a buffer may change until it is written. */
function copied(data: unknown): Payload {
  if (data instanceof ArrayBuffer) return new Uint8Array(data.slice(0));
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();
  return data instanceof Blob ? data : String(data);
}

function sizeOf(payload: Payload): number {
  if (typeof payload === "string") return measure(payload, Infinity);
  return payload instanceof Blob ? payload.size : payload.byteLength;
}
