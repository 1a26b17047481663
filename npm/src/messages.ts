import type { WireError } from "./errors.js";
import type { Keeper } from "./progress.js";

/** The most messages that wait to be read. */
const CAPACITY = 1_000;

/** Messages to be read one after another. */
export class Messages<T> implements AsyncIterableIterator<T>, Keeper {
  private held_: { message_: T; position_: number }[] = [];
  /** The position of the message that is being read, 0 if none is. */
  private reading_ = 0;
  private readers_: { resolve: (result: IteratorResult<T>) => void; reject: (error: WireError) => void }[] = [];
  private ended_ = false;
  private error_: WireError | undefined;

  /** `advanced` is called whenever a message was handled: when the next one is asked for. */
  constructor(
    private stop_: () => void,
    private advanced_: () => void,
  ) {}

  get oldest_(): number {
    return this.reading_ || this.held_[0]?.position_ || Infinity;
  }

  /** Whether there was room for the message. One with a place in a session is bounded by its window. */
  push_(message: T, position: number, bounded: boolean): boolean {
    const reader = this.readers_.shift();
    if (reader) {
      this.reading_ = position;
      reader.resolve({ value: message, done: false });
    } else if (bounded || this.held_.length < CAPACITY) this.held_.push({ message_: message, position_: position });
    else return false;
    return true;
  }

  /** No more come: what is held can still be read if the connection stopped by itself. */
  end_(error?: WireError): void {
    if (this.ended_) return;
    this.ended_ = true;
    this.error_ = error;
    if (!error) this.held_ = [];
    this.reading_ = 0;
    this.stop_();
    this.advanced_();
    for (const reader of this.readers_.splice(0)) {
      if (error) reader.reject(error);
      else reader.resolve({ value: undefined, done: true });
    }
  }

  next(): Promise<IteratorResult<T>> {
    const next = this.held_.shift();
    this.reading_ = next?.position_ ?? 0;
    this.advanced_();
    if (next) return Promise.resolve({ value: next.message_, done: false });
    if (!this.ended_) return new Promise((resolve, reject) => this.readers_.push({ resolve, reject }));
    const error = this.error_;
    this.error_ = undefined;
    return error ? Promise.reject(error) : Promise.resolve({ value: undefined, done: true });
  }

  return(): Promise<IteratorResult<T>> {
    this.end_();
    return this.next();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
