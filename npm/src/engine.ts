import type { Failure } from "./errors.js";
import type { Part } from "./frames.js";

/** What Rust calls where frames are no envelopes. None of these may throw but `socket_`. */
export interface PlainLink {
  number_(index: number): number;
  text_(index: number): string | undefined;
  socket_(url: string, protocols: string[]): WebSocket;
  decode_(data: unknown): number;
  message_(): void;
  sent_(id: number): void;
  event_(kind: number, number: number, which: number, payload: unknown): void;
  token_(request: number, reason: number): void;
  verdict_(code: number, reason: string): number;
}

/** What Rust calls besides where they are. */
export interface Link extends PlainLink {
  denied_(id: number, code: string, message: string): void;
  re_(): number;
  part_(): number;
  field_(index: number): number;
  word_(index: number): string | undefined;
  deliver_(index: number, count: number, position: number): void;
  answer_(id: number, index: number, position: number): void;
  resync_(reason: string, position: number, from: number, to: number): void;
}

/** One connection in Rust. */
export interface Engine {
  command_(command: number, number: number): boolean;
  send_(payload: unknown, bytes: number, ttl: number, timeout: number): boolean;
  volatile_(payload: unknown, bytes: number): boolean;
  handled_(position: number): void;
  answer_(request: number, outcome: number, expiresIn: number): void;
  stat_(index: number): number;
  /** The recording as JSON, if this engine makes one. */
  trace_?(): string;
}

/** The wasm module, ready to use. */
export interface Module {
  Engine: new (link: PlainLink) => Engine;
  /** The parts of a frame of reliable mode, if this engine has that. Throws for one that breaks the protocol. */
  split_?: (frame: unknown) => Part[];
  /** Its errors beyond those of plain delivery. */
  failures_?: Failure[];
}

/** Gets the module: at once if it can. */
export type Load = () => Module | Promise<Module>;

// The kinds of `Link.event_`; `js/src/facade.rs` has the same numbers.
export const STATUS = 0;
export const STOPPED = 1;
export const ANSWERED = 2;
export const REJECTED = 3;
export const UNCERTAIN = 4;
export const LATENCY = 5;
export const DISCONNECTED = 6;
export const WARNING = 7;
export const REFUSED = 8;
export const ACKED = 9;
export const RESTORED = 10;

// What a frame is, in the low bits of what `Link.decode_` answers.
export const MESSAGE = 0;
export const ANSWER = 1;
export const PING = 2;
export const PONG = 3;
export const INVALID = 4;
export const BATCH = 5;

// The commands of `Engine.command_`.
export const CONNECT = 0;
export const RECONNECT = 1;
export const WITHDRAW = 2;
export const CLOSE = 3;

// The outcomes of `Engine.answer_`.
export const GRANTED = 0;
export const UNAUTHORIZED = 1;
export const FAILED = 2;
