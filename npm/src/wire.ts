import { fetchToken } from "./auth.js";
import { CLOSE, CONNECT, type Engine, type Load, type Module, RECONNECT } from "./engine.js";
import { closed, WireError } from "./errors.js";
import { type Handler, Handlers, onAbort } from "./handlers.js";
import type { Incoming } from "./frames.js";
import { WireLink } from "./link.js";
import { encode } from "./measure.js";
import { Messages } from "./messages.js";
import { read } from "./options.js";
import { Outgoing } from "./outgoing.js";
import { Progress } from "./progress.js";
import { validate } from "./schema.js";
import type { ListenOptions, Options, Receipt, RequestOptions, SendOptions, Stats, Status, Url, WireEvents } from "./types.js";

/** The numbers of `Engine.stat_`, in its order; then the two that become others here. */
const STATS = [
  "sent",
  "received",
  "bytesSent",
  "bytesReceived",
  "opened",
  "rejected",
  "queued",
  "queuedBytes",
  "buffered",
  "attempt",
  "unacked",
  "position",
];
/** The ceiling of the first wait for a file of the engine, and of all: those of `backoff` by default. */
const RELOAD_MS = 1_000;
const RELOAD_MAX_MS = 30_000;

const RETRY_IN = 12;
const LATENCY = 13;

interface Opened {
  promise_: Promise<void>;
  resolve_: () => void;
  reject_: (error: WireError) => void;
}

/** What `connect` makes; `Wire` is its type for the application. */
export class WireImpl extends EventTarget {
  error: WireError | undefined = undefined;
  restored: Receipt[] = [];
  /** What the last `disconnect` event told. */
  lost_: WireEvents["disconnect"]["detail"] | undefined;
  reliable_: boolean;
  outgoing_: Outgoing;
  private engine_: Engine | undefined;
  private link_: WireLink;
  private handlers_ = new Handlers();
  private readers_ = new Set<Messages<unknown>>();
  private progress_ = new Progress(this.readers_, (position) => this.engine_?.handled_(position));
  private status_: Status = "idle";
  private opened_: Opened | undefined;
  private hasOpened_ = false;
  private watched_ = false;
  private loading_ = false;
  /** How often a file of the engine did not come. */
  private reloads_ = 0;
  /** Why the last token could not be had. */
  private cause_: unknown;
  private unlisten_: () => void = () => {};
  /** The position of the message that is being dispatched. */
  private position_ = 0;

  constructor(
    private source_: Load,
    readonly url_: Url,
    readonly options_: Options,
  ) {
    super();
    this.link_ = new WireLink(this, read(url_, options_));
    this.reliable_ = options_.delivery === "reliable";
    this.outgoing_ = new Outgoing(this.reliable_, options_.codec, (message, error, receipt) => {
      this.tell_("dropped", { ...message, error, receipt });
    });
    if (options_.autoConnect !== false) this.connect();
  }

  get status(): Status {
    return this.outgoing_.shut_ ? "closed" : this.status_;
  }

  get latency(): number | undefined {
    const latency = this.engine_?.stat_(LATENCY) ?? NaN;
    return latency >= 0 ? latency : undefined;
  }

  get stats(): Stats {
    const engine = this.engine_;
    const stats = Object.fromEntries(STATS.map((name, index) => [name, engine?.stat_(index) ?? 0])) as unknown as Stats;
    const retryIn = engine?.stat_(RETRY_IN) ?? NaN;
    stats.queued += this.outgoing_.waiting_;
    stats.retryAt = retryIn >= 0 ? Date.now() + retryIn : 0;
    stats.reconnects = Math.max(0, stats.opened - 1);
    return stats;
  }

  get opened(): Promise<void> {
    if (!this.opened_) {
      const opened = {} as Opened;
      opened.promise_ = new Promise((resolve, reject) => Object.assign(opened, { resolve_: resolve, reject_: reject }));
      this.opened_ = opened;
      this.settleOpened_();
    }
    return this.opened_.promise_;
  }

  on(type: string, handler: Handler, options: ListenOptions = {}): () => void {
    return this.handlers_.add_(type, handler, false, options.signal);
  }

  once(type: string, handler: Handler, options: ListenOptions = {}): () => void {
    return this.handlers_.add_(type, handler, true, options.signal);
  }

  send(type: string, data: unknown, options: SendOptions = {}): Receipt {
    if (options.volatile) return this.outgoing_.submitVolatile_(encode(type, data, this.options_.codec));
    return this.outgoing_.submit_(encode(type, data, this.options_.codec), { ttl_: options.ttlMs, signal_: options.signal });
  }

  request(type: string, data: unknown, options: RequestOptions = {}): Promise<never> {
    return new Promise((resolve, reject) => {
      const asker = { resolve_: resolve as (data: unknown) => void, reject_: reject };
      const { timeoutMs = 0 } = options;
      // 0 takes the configured time.
      const timeout = timeoutMs > 0 ? timeoutMs : 0;
      this.outgoing_.submit_(encode(type, data, this.options_.codec), { timeout_: timeout, signal_: options.signal, asker_: asker });
    });
  }

  messages(typeOrOptions?: string | ListenOptions, options?: ListenOptions): Messages<unknown> {
    const type = typeof typeOrOptions === "string" ? typeOrOptions : "*";
    const { signal } = (typeof typeOrOptions === "string" ? options : typeOrOptions) ?? {};
    const take = (message: Incoming): void => {
      if (reader.push_(message, this.position_, this.reliable_ && message.seq !== undefined)) return;
      const error = new WireError(
        "reader-too-slow",
        "a thousand messages wait to be read: read them faster, or use a handler",
      );
      this.tell_("dropped", { ...message, error, receipt: undefined });
    };
    const stop = this.handlers_.add_(
      type,
      type === "*" ? take : (_: unknown, message: Incoming) => take(message),
      false,
      undefined,
    );
    const unlisten = onAbort(signal, () => reader.end_());
    const reader = new Messages<unknown>(
      () => {
        stop();
        unlisten();
        this.readers_.delete(reader);
      },
      () => this.progress_.report_(),
    );
    this.readers_.add(reader);
    if (this.status === "closed" || signal?.aborted) reader.end_(signal?.aborted ? undefined : this.error);
    return reader;
  }

  connect(): void {
    this.begin_();
    if (this.engine_) this.engine_.command_(CONNECT, 0);
    else this.load_();
  }

  reconnect(): void {
    if (this.status === "closed") this.begin_();
    if (this.engine_) this.engine_.command_(RECONNECT, 0);
    else this.load_();
  }

  close(code = 1000, reason = ""): void {
    const { outgoing_: outgoing, engine_: engine } = this;
    if (outgoing.shut_) return;
    // From here on no handler runs.
    outgoing.shut_ = closed();
    if (!engine) {
      outgoing.rejectEarly_(outgoing.shut_);
      this.stopped_(outgoing.shut_);
    } else {
      this.link_.texts_ = [reason];
      if (engine.command_(CLOSE, code)) return;
      outgoing.shut_ = undefined;
      throw outgoing.refused_;
    }
  }

  trace(): string | undefined {
    return this.engine_?.trace_?.();
  }

  [Symbol.dispose ?? Symbol.for("Symbol.dispose")](): void {
    this.close();
  }

  override addEventListener(...args: Parameters<EventTarget["addEventListener"]>): void {
    this.watched_ ||= args[0] === "error" || args[0] === "status";
    super.addEventListener(...args);
  }

  /** Messages of a session, the first of them at this position. What follows a close is not handled. */
  deliver_(messages: Incoming[], position: number): void {
    for (const message of messages) {
      if (this.outgoing_.shut_) return;
      if (!this.handlers_.has_(message.type)) this.tell_("unhandled", { type: message.type, data: message.data });
      this.dispatch_(message, position);
      this.progress_.reached_(position++);
    }
    this.progress_.report_();
  }

  /** What stands at this position needs no handler. */
  handled_(position: number): void {
    this.progress_.reached_(position);
    this.progress_.report_();
  }

  resynced_(reason: string, position: number, from: number, to: number): void {
    this.tell_("resync", { reason, missedFrom: from || undefined, missedTo: to || undefined });
    this.handled_(position);
  }

  /** Something that the application may want to know, and the connection goes on. */
  warned_(error: WireError): void {
    this.tell_(error.code === "stalled" ? "stalled" : "error", error);
  }

  dispatch_(message: Incoming, position: number): void {
    if (this.outgoing_.shut_) return;
    this.position_ = position;
    try {
      message.data = this.read_(message);
    } catch (error) {
      return this.failed_(error instanceof WireError ? error : threw(error, `the schema of "${message.type}"`));
    }
    const goesOn = (): boolean => !this.outgoing_.shut_;
    const failed = (error: unknown): void => this.threw_(error, `a handler of "${message.type}"`);
    if (message.type !== "*") this.handlers_.call_(message.type, [message.data, message], goesOn, failed);
    this.handlers_.call_("*", [message], goesOn, failed);
  }

  /** The data of a message, as its schema makes it. */
  read_({ type, data }: Incoming): unknown {
    const { schemas = {} } = this.options_;
    const schema = Object.hasOwn(schemas, type) ? schemas[type] : undefined;
    return schema ? validate(type, schema, data) : data;
  }

  fetchToken_(request: number, reason: number): void {
    const attempt = reason === 2 ? 0 : this.stats.attempt;
    void fetchToken(
      (outcome, expiresIn, ...texts) => {
        this.link_.texts_ = texts;
        this.engine_?.answer_(request, outcome, expiresIn);
      },
      reason,
      attempt,
      this.url_,
      this.options_,
      (cause) => (this.cause_ = cause),
    );
  }

  statusChanged_(status: Status): void {
    this.status_ = status;
    if (status === "open") {
      this.hasOpened_ = true;
      this.settleOpened_();
    }
    // A stop is told once its reason is known, which comes next.
    if (status !== "closed") this.tellStatus_();
  }

  latencyMeasured_(ms: number): void {
    this.tell_("latency", ms);
  }

  disconnected_(error: WireError, closeCode: number, reason: string): void {
    this.lost_ = { code: error.code, closeCode, reason, error: this.explain_(error) };
    this.tell_("disconnect", this.lost_);
  }

  /** The connection stopped: it was closed, or it cannot go on by itself. */
  stopped_(error: WireError): void {
    const asked = error.code === "closed";
    this.status_ = "closed";
    this.error = asked ? undefined : this.explain_(error);
    this.settleOpened_();
    for (const reader of this.readers_) reader.end_(this.error);
    if (asked) {
      this.link_.wire_ = undefined;
      this.unlisten_();
    }
    this.tellStatus_();
    if (!this.error) return;
    if (!this.watched_ && !this.opened_) console.warn(`everwire: ${this.error.message}`);
    this.failed_(this.error);
  }

  failed_(error: WireError): void {
    this.tell_("error", error);
  }

  /** A function of the application threw: it is told, and everything goes on. */
  threw_(error: unknown, what: string): void {
    this.failed_(threw(error, what));
    if (typeof reportError === "function") reportError(error);
    else console.error(error);
  }

  private begin_(): void {
    const { signal } = this.options_;
    if (this.status === "closed") this.opened_ = undefined;
    this.hasOpened_ &&= this.status !== "closed";
    this.error = undefined;
    this.outgoing_.shut_ = undefined;
    this.link_.wire_ = this;
    this.unlisten_();
    this.unlisten_ = onAbort(signal, () => this.close());
  }

  private load_(): void {
    if (this.loading_) return;
    if (this.status_ !== "connecting") this.statusChanged_("connecting");
    const module = this.source_();
    if (!(module instanceof Promise)) return this.start_(module);
    this.loading_ = true;
    module
      .finally(() => (this.loading_ = false))
      .then((module) => this.start_(module))
      .catch((error) => this.unusable_(error));
  }

  private start_(module: Module): void {
    if (this.reliable_) this.link_.split_ = module.split_;
    this.link_.failures_ = module.failures_;
    const engine = new module.Engine(this.link_);
    this.engine_ = engine;
    this.outgoing_.start_(engine);
    // Later, so that whoever called `connect` has attached handlers before anything can happen.
    queueMicrotask(() => {
      if (this.options_.signal?.aborted) this.close();
      else if (!this.outgoing_.shut_) engine.command_(CONNECT, 0);
    });
  }

  private unusable_(cause: unknown): void {
    if (cause instanceof WireError && cause.code === "engine-unavailable" && !this.outgoing_.shut_) {
      return this.loadLater_(cause);
    }
    const why =
      "the WebAssembly module could not be started: a content security policy must permit 'wasm-unsafe-eval', and its file must be there";
    const error = cause instanceof WireError ? cause : new WireError("wasm-failed", why, true, cause);
    this.outgoing_.rejectEarly_(error);
    if (!this.outgoing_.shut_) this.stopped_((this.outgoing_.shut_ = error));
  }

  /** A file did not come: the network may be away, as it may be for the connection. */
  private loadLater_(error: WireError): void {
    const ceiling = Math.min(RELOAD_MAX_MS, RELOAD_MS * 2 ** this.reloads_++);
    setTimeout(() => {
      if (!this.engine_ && !this.outgoing_.shut_) this.load_();
    }, Math.random() * ceiling);
    this.statusChanged_("reconnecting");
    this.failed_(error);
  }

  private settleOpened_(): void {
    if (this.hasOpened_) this.opened_?.resolve_();
    else if (this.status === "closed") this.opened_?.reject_(this.error ?? closed());
  }

  /** The error with what the application's own function threw. */
  private explain_(error: WireError): WireError {
    const concerned = error.code === "token-failed" || error.code === "unauthorized";
    if (!concerned || this.cause_ === undefined) return error;
    return new WireError(error.code, error.message, error.retryable, this.cause_);
  }

  private tellStatus_(): void {
    const { attempt, retryAt } = this.stats;
    this.tell_("status", { status: this.status, attempt, retryAt });
  }

  private tell_(type: string, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

function threw(cause: unknown, what: string): WireError {
  return new WireError("handler-threw", `${what} threw: ${String(cause)}`, false, cause);
}
