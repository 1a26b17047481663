// Frames of reliable mode: read and checked whole, before anything of them is handled.

/** A message as it came. */
export interface Incoming {
  type: string;
  data: unknown;
  seq?: unknown;
  ack?: unknown;
  re?: unknown;
}

/** Neighbours of a frame that can be handled as one: a run of messages, or one message of the protocol. */
export interface Part {
  kind_: number;
  numbers_: number[];
  words_: string[];
}

/** Messages with or without seqs: first (NaN: volatile), count, highest ack, the request that is answered. */
export const RUN = 0;
const AUTH = 6;
const SKIP = 10;
const UNKNOWN = 12;
const SESSION = 1;

/** The most messages in a frame. */
const MOST = 256;

/**
 * The messages of the protocol by kind, from 1: name, numbers, words. A field with a question mark may be absent. `js/src/frames.rs`
 * takes them by their places.
 */
const CONTROLS: [name: string, numbers: string, words: string][] = [
  [
    "session",
    "resumed got rx? maybe? prior? from ping_ms timeout_ms ttl_ms max_frame window window_bytes rate? burst? exp_ms?",
    "sid key epoch user reason?",
  ],
  ["ack", "ack", ""],
  ["err", "seq", "code message?"],
  ["ping", "t ack? tx?", ""],
  ["pong", "t ack? tx?", ""],
  ["auth", "ok? exp_ms? in_ms?", ""],
  ["drain", "after_ms spread_ms", ""],
  ["resync", "next", "reason"],
  ["bye", "ack", ""],
  ["skip", "", ""],
  ["open", "", ""],
];

/** The parts of a frame. Throws for one that breaks the protocol. */
export function split(frame: unknown): Part[] {
  const messages = Array.isArray(frame) ? frame : [frame];
  check(messages.length > 0 && messages.length <= MOST);
  const parts: Part[] = [];
  let next = NaN;
  for (const message of messages as Incoming[]) {
    check(typeof message?.type === "string");
    const seq = whole(message.seq, 1);
    const ack = whole(message.ack, 0);
    if (message.type[0] === "$") {
      parts.push(control(message, seq, messages.length));
      next = NaN;
      continue;
    }
    const re = whole(message.re, 0, true);
    const last = parts[parts.length - 1]?.numbers_;
    // Volatile messages follow each other as NaN does NaN.
    if (last && re !== re && Object.is(seq, next) && parts[parts.length - 1]?.kind_ === RUN) {
      last[1]!++;
      // An absent one, NaN, is no number's better.
      if (!(last[2]! >= ack) && ack === ack) last[2] = ack;
    } else parts.push({ kind_: RUN, numbers_: [seq, 1, ack, re], words_: [] });
    // Nothing joins a reply.
    next = re === re ? 0 : seq + 1;
  }
  return parts;
}

function control(message: Incoming, seq: number, count: number): Part {
  const kind = CONTROLS.findIndex(([name]) => message.type === `$${name}`) + 1 || UNKNOWN;
  const [, numbers, words] = CONTROLS[kind - 1] ?? ["", "", ""];
  check(kind === SKIP || seq !== seq);
  check(count === 1 || kind !== SESSION);
  const data = (message.data ?? {}) as Record<string, unknown>;
  const part: Part = { kind_: kind, numbers_: [], words_: [] };
  for (const field of fields(numbers)) {
    const name = field.replace("?", "");
    const value = Object.hasOwn(data, name) ? data[name] : undefined;
    if (name === "next") check(value !== 0);
    // Of a server that lost its record `rx` is null, but never left out.
    if (name === "rx") check(value !== undefined);
    const number = name === "resumed" || name === "ok" ? flag(value) : whole(value, 0);
    check(field !== name || number === number);
    part.numbers_.push(number);
  }
  for (const field of fields(words)) {
    const name = field.replace("?", "");
    const value = Object.hasOwn(data, name) ? (data[name] ?? undefined) : undefined;
    check(value === undefined ? field !== name : typeof value === "string" && (field !== name || value !== ""));
    part.words_.push(value as string);
  }
  if (kind === SESSION) {
    for (const [refused, code] of (data.errs ?? []) as [unknown, string][]) {
      part.numbers_.push(whole(refused, 1));
      part.words_.push(code);
      check(refused && code && typeof code === "string");
    }
  }
  if (kind === AUTH) check(data.need === true || typeof data.ok === "boolean");
  if (kind === 3) check(part.numbers_[0]! > 0);
  return part;
}

function fields(names: string): string[] {
  return names ? names.split(" ") : [];
}

function flag(value: unknown): number {
  check(value === undefined || typeof value === "boolean");
  return value === undefined ? NaN : Number(value);
}

/** A whole number from `least`, NaN if it is absent. With `lenient`, anything else counts as absent. */
function whole(value: unknown, least: number, lenient = false): number {
  if (value === undefined || value === null) return NaN;
  const good = Number.isSafeInteger(value) && (value as number) >= least;
  check(good || lenient);
  return good ? (value as number) : NaN;
}

function check(good: unknown): asserts good {
  if (!good) throw good;
}
