import type { WireError } from "./errors.js";

/** The most messages that wait to be read. */
const CAPACITY = 1_000;

/** Messages to be read one after another. */
export class Messages<T> implements AsyncIterableIterator<T> {
  private held_: T[] = [];
  private readers_: { resolve: (result: IteratorResult<T>) => void; reject: (error: WireError) => void }[] = [];
  private ended_ = false;
  private error_: WireError | undefined;

  constructor(private stop_: () => void) {}

  /** Whether there was room for the message. */
  push_(message: T): boolean {
    const reader = this.readers_.shift();
    if (reader) reader.resolve({ value: message, done: false });
    else if (this.held_.length < CAPACITY) this.held_.push(message);
    else return false;
    return true;
  }

  /** No more come: what is held can still be read if the connection stopped by itself. */
  end_(error?: WireError): void {
    if (this.ended_) return;
    this.ended_ = true;
    this.error_ = error;
    if (!error) this.held_ = [];
    this.stop_();
    for (const reader of this.readers_.splice(0)) {
      if (error) reader.reject(error);
      else reader.resolve({ value: undefined, done: true });
    }
  }

  next(): Promise<IteratorResult<T>> {
    const message = this.held_.shift();
    if (message !== undefined) return Promise.resolve({ value: message, done: false });
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
