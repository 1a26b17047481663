/** Calls `act` when the signal aborts; answers a function that stops listening. */
export function onAbort(signal: AbortSignal | undefined, act: () => void): () => void {
  if (!signal) return () => {};
  signal.addEventListener("abort", act, { once: true });
  return () => signal.removeEventListener("abort", act);
}

export type Handler = (...args: any[]) => unknown;

interface Registered {
  call_: Handler;
  once_: boolean;
  live_: boolean;
  end_: () => void;
}

/** The handlers by message type. A list is never changed but replaced, so that a handler may add and remove others. */
export class Handlers {
  private byType_ = new Map<string, readonly Registered[]>();

  add_(type: string, call: Handler, once: boolean, signal: AbortSignal | undefined): () => void {
    const handler: Registered = { call_: call, once_: once, live_: !signal?.aborted, end_: () => {} };
    if (!handler.live_) return handler.end_;
    const unlisten = onAbort(signal, () => handler.end_());
    handler.end_ = () => {
      handler.live_ = false;
      unlisten();
      this.byType_.set(
        type,
        this.of_(type).filter((other) => other !== handler),
      );
      if (this.of_(type).length === 0) this.byType_.delete(type);
    };
    this.byType_.set(type, [...this.of_(type), handler]);
    return () => handler.end_();
  }

  /** Whether anybody listens to a type. */
  has_(type: string): boolean {
    return this.byType_.has(type) || this.byType_.has("*");
  }

  /** Calls the handlers of a type in the order they were added, while `goesOn`. */
  call_(type: string, args: unknown[], goesOn: () => boolean, failed: (error: unknown) => void): void {
    for (const handler of this.of_(type)) {
      if (!goesOn()) return;
      if (!handler.live_) continue;
      if (handler.once_) handler.end_();
      try {
        handler.call_(...args);
      } catch (error) {
        failed(error);
      }
    }
  }

  private of_(type: string): readonly Registered[] {
    return this.byType_.get(type) ?? [];
  }
}
