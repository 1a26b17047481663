import type { Codec } from "./codec.js";
import { type Engine, WITHDRAW } from "./engine.js";
import { aborted, closed, WireError } from "./errors.js";
import { onAbort } from "./handlers.js";
import { type Encoded, packed } from "./measure.js";
import { type Asker, type Entry, WireReceipt } from "./receipt.js";
import type { Receipt } from "./types.js";

/** The most messages that wait for the engine itself. */
const EARLY = 1_000;

interface SubmitOptions {
  ttl_?: number | undefined;
  timeout_?: number | undefined;
  signal_?: AbortSignal | undefined;
  asker_?: Asker;
}

/** Messages on their way: from `send` to their one outcome. */
export class Outgoing {
  /** Why nothing can be taken: closed, or no engine. */
  shut_: WireError | undefined;
  /** Why the engine did not take what it was just given. */
  refused_: WireError | undefined;
  private engine_: Engine | undefined;
  private early_: Entry[] = [];
  private underway_ = new Map<number, Entry>();
  private lastReceipt_ = 0;
  /** The id that the engine gave last. It counts those that it took. */
  private lastId_ = 0;

  constructor(
    private reliable_: boolean,
    private codec_: Codec | undefined,
    private dropped_: (message: object, error: WireError, receipt: Receipt) => void,
  ) {}

  /** How many wait for the engine itself. */
  get waiting_(): number {
    return this.early_.length;
  }

  /** Sends at once or not at all. */
  submitVolatile_(frame: Encoded): Receipt {
    const receipt = new WireReceipt(++this.lastReceipt_);
    const written = !this.shut_ && this.engine_?.volatile_(frame.text_, frame.bytes_);
    if (written) receipt.settle_("sent");
    else receipt.settle_("rejected", this.shut_ ?? this.refused_ ?? unwritable());
    return receipt;
  }

  submit_(frame: Encoded, { ttl_ = NaN, timeout_ = NaN, signal_, asker_ }: SubmitOptions): Receipt {
    const receipt = new WireReceipt(++this.lastReceipt_);
    const entry: Entry = { ...frame, receipt_: receipt, id_: 0, ttl_, timeout_, asker_, signal_, unlisten_: undefined };
    if (this.engine_) this.hand_(entry);
    else if (this.shut_ || this.early_.length < EARLY) this.early_.push(entry);
    else this.reject_(entry, new WireError("outbox-full", "too many messages wait for the engine to load", true));
    if (this.shut_) this.rejectEarly_(this.shut_);
    return receipt;
  }

  /** The engine is there: it takes what waited for it. */
  start_(engine: Engine): void {
    this.engine_ = engine;
    for (const entry of this.early_.splice(0)) this.hand_(entry);
  }

  /** There is no engine, and will be none. */
  rejectEarly_(error: WireError): void {
    for (const entry of this.early_.splice(0)) this.settle_(entry, "rejected", error);
  }

  /** Written. A plain message settles with it; a request goes on to its answer, a reliable one to its ack. */
  sent_(id: number): void {
    const entry = this.underway_.get(id);
    if (!entry) return;
    if (entry.asker_ || this.reliable_) entry.receipt_.status = "sent";
    else this.settle_(entry, "sent");
  }

  /** Handled by the server. */
  acked_(id: number): void {
    const entry = this.underway_.get(id);
    if (entry) this.settle_(entry, "acked");
  }

  /** Refused by the server. */
  denied_(id: number, error: WireError): void {
    const entry = this.underway_.get(id);
    if (entry) this.settle_(entry, "rejected", error);
  }

  /** An earlier page left this frame to be sent. */
  restored_(id: number, text: string): Receipt {
    const receipt = new WireReceipt(++this.lastReceipt_);
    const entry: Entry = { text_: text, bytes_: 0, receipt_: receipt, id_: id, ttl_: NaN, timeout_: NaN };
    this.lastId_ = id;
    this.underway_.set(id, entry);
    return receipt;
  }

  answered_(id: number, message: { type: string; data: unknown }, read: () => unknown): void {
    const entry = this.underway_.get(id);
    if (!entry) return;
    this.settle_(entry, this.reliable_ ? "acked" : "sent");
    if (message.type === "error") {
      const { code, message: text } = (message.data ?? {}) as { code?: unknown; message?: unknown };
      entry.asker_?.reject_(
        new WireError(String(code ?? "error"), String(text ?? "the server refused the request"), false, message.data),
      );
      return;
    }
    try {
      entry.asker_?.resolve_(read());
    } catch (error) {
      entry.asker_?.reject_(error as WireError);
    }
  }

  /** Not written, and never will be. */
  rejected_(id: number, error: WireError): void {
    const entry = this.underway_.get(id);
    if (entry) this.reject_(entry, error);
  }

  /** A request was written and its answer will not come. */
  uncertain_(id: number, cause: WireError): void {
    const entry = this.underway_.get(id);
    if (entry) this.settle_(entry, "uncertain", new WireError("uncertain", cause.message, false, cause));
  }

  private hand_(entry: Entry): void {
    const { signal_: signal } = entry;
    if (this.shut_ || signal?.aborted) {
      this.settle_(entry, "rejected", this.shut_ ?? aborted(signal?.reason));
      return;
    }
    const id = ++this.lastId_;
    // A reliable request is known by its seq, which the engine gives.
    const asks = entry.timeout_ >= 0 && !this.reliable_;
    entry.id_ = id;
    this.underway_.set(id, entry);
    entry.unlisten_ = onAbort(signal, () => this.engine_?.command_(WITHDRAW, id));
    const frame = asks ? this.numbered_(entry, id) : entry;
    if (this.engine_?.send_(frame.text_, frame.bytes_, entry.ttl_, entry.timeout_)) return;
    // Nothing was sent meanwhile: the engine says so before anything else happens.
    this.lastId_ = id - 1;
    this.reject_(entry, this.refused_ ?? closed());
  }

  private reject_(entry: Entry, error: WireError): void {
    this.settle_(entry, "rejected", error.code === "aborted" ? aborted(entry.signal_?.reason) : error);
    if (error.code === "outbox-full" || error.code === "expired") {
      this.dropped_(this.message_(entry), error, entry.receipt_);
    }
  }

  /** The frame of a request, with its id. */
  private numbered_(entry: Encoded, id: number): Encoded {
    if (this.codec_) return packed(this.codec_, { ...this.message_(entry), id });
    const tail = `,"id":${id}}`;
    return { text_: entry.text_.slice(0, -1) + tail, bytes_: entry.bytes_ + tail.length - 1 };
  }

  private message_({ text_: text }: Encoded): { type: string; data: unknown } {
    const message = typeof text === "string" ? JSON.parse(text) : this.codec_?.decode(text);
    return message as { type: string; data: unknown };
  }

  private settle_(entry: Entry, status: Receipt["status"], error?: WireError): void {
    if (this.underway_.get(entry.id_) === entry) this.underway_.delete(entry.id_);
    entry.unlisten_?.();
    entry.receipt_.settle_(status, error);
    if (error) entry.asker_?.reject_(error);
  }
}

function unwritable(): WireError {
  return new WireError("not-writable", "a volatile message is sent at once or not at all, and the engine is loading", true);
}
