import type { WireError } from "./errors.js";
import type { Encoded } from "./measure.js";
import type { Receipt } from "./types.js";

/** How the answer of a request reaches who asked. */
export interface Asker {
  resolve_: (data: unknown) => void;
  reject_: (error: WireError) => void;
}

/** The receipt that the application holds. */
export class WireReceipt implements Receipt {
  status: Receipt["status"] = "queued";
  error: WireError | undefined = undefined;
  private final_ = false;
  private promise_: Promise<Receipt> | undefined;
  private resolve_: ((receipt: Receipt) => void) | undefined;

  constructor(readonly id: number) {}

  get settled(): Promise<Receipt> {
    return (this.promise_ ??= new Promise((resolve) => {
      if (this.final_) resolve(this);
      else this.resolve_ = resolve;
    }));
  }

  settle_(status: Receipt["status"], error?: WireError): void {
    this.status = status;
    this.error = error;
    this.final_ = true;
    this.resolve_?.(this);
  }
}

/** A message on its way. */
export interface Entry extends Encoded {
  receipt_: WireReceipt;
  /** Its id in the engine; 0 until that has it. */
  id_: number;
  /** How long it may wait to be written, in milliseconds; NaN takes the configured time. */
  ttl_: number;
  /** How long a request waits for its answer; NaN for a message. */
  timeout_: number;
  asker_?: Asker | undefined;
  signal_?: AbortSignal | undefined;
  unlisten_?: (() => void) | undefined;
}
