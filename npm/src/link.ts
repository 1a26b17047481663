import * as E from "./engine.js";
import { failure, WireError } from "./errors.js";
import type { Incoming, Part } from "./frames.js";
import { measure } from "./measure.js";
import type { Config } from "./options.js";
import type { Status } from "./types.js";
import { verdict } from "./verdict.js";
import type { WireImpl } from "./wire.js";

/** As `src/proto/state.rs` has them and in its order. */
export const STATUSES: Status[] = ["idle", "connecting", "open", "reconnecting", "closed"];

/** What Rust holds. A wire that was closed is let go of, so that it can be collected. */
export class WireLink implements E.Link {
  /** How frames of reliable mode are read, if that was asked for. */
  split_: E.Module["split_"];
  failures_: E.Module["failures_"];
  /** What the engine asks for next. */
  texts_: (string | undefined)[];
  private frame_: Incoming | undefined;
  private parts_: Part[] = [];
  private current_: Part | undefined;

  constructor(
    public wire_: WireImpl | undefined,
    private config_: Config,
  ) {
    this.texts_ = config_.texts_;
  }

  number_(index: number): number {
    return this.config_.numbers_[index] ?? NaN;
  }

  text_(index: number): string | undefined {
    return this.texts_[index];
  }

  socket_(url: string, protocols: string[]): WebSocket {
    const socket = new WebSocket(url, protocols);
    // Its `close` event follows. Node's `ws` throws an error that nobody listens to.
    socket.onerror = () => {};
    if (this.wire_?.options_.codec) socket.binaryType = "arraybuffer";
    return socket;
  }

  decode_(data: unknown): number {
    this.frame_ = undefined;
    const codec = this.wire_?.options_.codec;
    if (codec && data instanceof ArrayBuffer) {
      return data.byteLength * 8 + this.parse_(() => codec.decode(new Uint8Array(data)) as Incoming);
    }
    if (typeof data !== "string") {
      const { size, byteLength } = data as { size?: number; byteLength?: number };
      return (size ?? byteLength ?? 0) * 8 + E.INVALID;
    }
    return measure(data, Infinity) * 8 + this.parse_(() => JSON.parse(data));
  }

  re_(): number {
    return this.frame_?.re as number;
  }

  message_(): void {
    if (this.frame_) this.wire_?.dispatch_(this.frame_, 0);
  }

  part_(): number {
    this.current_ = this.parts_.shift();
    return this.current_?.kind_ ?? -1;
  }

  field_(index: number): number {
    return this.current_?.numbers_[index] ?? NaN;
  }

  word_(index: number): string | undefined {
    return this.current_?.words_[index];
  }

  deliver_(index: number, count: number, position: number): void {
    this.wire_?.deliver_(messages(this.frame_).slice(index, index + count), position);
  }

  answer_(id: number, index: number, position: number): void {
    const wire = this.wire_;
    const message = messages(this.frame_)[index];
    if (message) wire?.outgoing_.answered_(id, message, () => wire.read_(message));
    wire?.handled_(position);
  }

  resync_(reason: string, position: number, from: number, to: number): void {
    this.wire_?.resynced_(reason, position, from, to);
  }

  sent_(id: number): void {
    this.wire_?.outgoing_.sent_(id);
  }

  denied_(id: number, code: string, message: string): void {
    this.wire_?.outgoing_.denied_(id, new WireError(code, message));
  }

  event_(kind: number, number: number, which: number, payload: unknown): void {
    const wire = this.wire_;
    if (!wire) return;
    const outgoing = wire.outgoing_;
    const frame = this.frame_;
    if (kind === E.STATUS) return wire.statusChanged_(STATUSES[number]!);
    if (kind === E.LATENCY) return wire.latencyMeasured_(number);
    if (kind === E.ANSWERED) return frame && outgoing.answered_(number, frame, () => wire.read_(frame));
    const error = failure(which, this.failures_);
    if (kind === E.REJECTED) outgoing.rejected_(number, error);
    else if (kind === E.ACKED) outgoing.acked_(number);
    else if (kind === E.RESTORED) wire.restored.push(outgoing.restored_(number, String(payload)));
    else if (kind === E.UNCERTAIN) outgoing.uncertain_(number, error);
    else if (kind === E.REFUSED) outgoing.refused_ = error;
    else if (kind === E.DISCONNECTED) wire.disconnected_(error, number, String(payload ?? ""));
    else if (kind === E.STOPPED) wire.stopped_(error);
    else wire.warned_(error);
  }

  token_(request: number, reason: number): void {
    this.wire_?.fetchToken_(request, reason);
  }

  verdict_(code: number, reason: string): number {
    const wire = this.wire_;
    return verdict(wire?.options_.onClose, code, reason, (error, thrown) => {
      if (thrown) wire?.threw_(thrown.error_, "onClose");
      else wire?.failed_(error);
    });
  }

  private parse_(decode: () => Incoming): number {
    let frame: Incoming;
    try {
      frame = decode();
      if (this.split_) {
        this.parts_ = this.split_(frame);
        this.frame_ = frame;
        return E.BATCH;
      }
    } catch {
      return E.INVALID;
    }
    // An array has no type either.
    if (typeof frame?.type !== "string") return E.INVALID;
    this.frame_ = frame;
    if (frame.type === "ping") return E.PING;
    if (frame.type === "pong") return E.PONG;
    return Number.isSafeInteger(frame.re) && (frame.re as number) > 0 ? E.ANSWER : E.MESSAGE;
  }
}

/** The messages of a frame. */
function messages(frame: unknown): Incoming[] {
  return (Array.isArray(frame) ? frame : [frame]) as Incoming[];
}
