// The entry `everwire/debug`: what a connection is doing, for a panel, a console or a bug report. Nothing of it is in the other
// entries, and nothing that it says has a payload, a token or a query.
import type { Options, Receipt, Stats, Status, Wire, WireEvents } from "./types.js";
import type { WireImpl } from "./wire.js";

declare const VERSION: string;

/** What a connection is and does, without secrets: it can be shown, or sent as JSON. */
export interface Inspection {
  /** Of the package. */
  version: string;
  /** Now, in ISO 8601. */
  date: string;
  status: Status;
  /** Without its query and its user; `"function"` if it is asked for before each attempt. */
  url: string;
  delivery: "plain" | "reliable";
  /** The options that were given: numbers, words and switches as they are, anything else by its kind. */
  options: Record<string, unknown>;
  stats: Stats;
  /** The last round trip in milliseconds. */
  latency: number | undefined;
  /** The code of the error that stopped the connection for good. */
  error: string | undefined;
  /** How a connection or an attempt last ended. */
  lastClose: { code: string; closeCode: number; reason: string } | undefined;
  /** Messages that an earlier page of this tab left to be sent. */
  restored: number;
}

/** Looks at a connection. */
export function inspect<In, Out>(wire: Wire<In, Out>): Inspection {
  const { url_: url, options_: options, lost_: lost } = wire as unknown as WireImpl;
  return {
    version: VERSION,
    date: new Date().toISOString(),
    status: wire.status,
    url: typeof url === "function" ? "function" : bare(String(url)),
    delivery: options.delivery ?? "plain",
    options: shown(options),
    stats: wire.stats,
    latency: wire.latency,
    error: wire.error?.code,
    lastClose: lost && { code: lost.code, closeCode: lost.closeCode, reason: lost.reason },
    restored: wire.restored.length,
  };
}

/**
 * Says in lines what happens to a connection: its status, its ends, round trips, and what becomes of each message, by its type. Answers a
 * function that ends it.
 */
export function log<In, Out>(wire: Wire<In, Out>, write: (line: string) => void = console.debug): () => void {
  const began = Date.now();
  const say = (line: string): void => write(`everwire +${((Date.now() - began) / 1000).toFixed(3)} s ${line}`);
  const ending = new AbortController();
  const when = <K extends keyof WireEvents>(kind: K, describe: (detail: WireEvents[K]["detail"]) => string): void =>
    wire.addEventListener(kind, ({ detail }) => say(`${kind}: ${describe(detail)}`), { signal: ending.signal });
  when("status", ({ status, attempt, retryAt }) => {
    const next = retryAt ? ` in ${retryAt - Date.now()} ms` : "";
    return attempt ? `${status}, attempt ${attempt}${next}` : status;
  });
  when("disconnect", ({ code, closeCode, reason }) => `${code}, close code ${closeCode} ${JSON.stringify(reason)}`);
  // Its message may quote what the application's own function threw.
  when("error", ({ code }) => code);
  when("stalled", ({ code }) => code);
  when("dropped", ({ type, error }) => `${type}, ${error.code}`);
  when("unhandled", ({ type }) => type);
  when("latency", (ms) => `${ms} ms`);
  when("resync", ({ reason }) => reason);
  const restore = follow(wire as unknown as Sender, say);
  say(`status: ${wire.status}, ${inspect(wire).url}`);
  return () => {
    ending.abort();
    restore();
  };
}

type Sender = { send(type: string, ...rest: unknown[]): Receipt };

/** Tells what becomes of each message that is sent from now on. */
function follow(wire: Sender, say: (line: string) => void): () => void {
  const send = wire.send;
  let active = true;
  wire.send = (type, ...rest) => {
    const receipt = send.call(wire, type, ...rest);
    if (!active) return receipt;
    say(`send: ${type} ${receipt.id}, ${receipt.status}`);
    void receipt.settled.then(({ id, status, error }) => {
      if (active) say(`send: ${type} ${id}, ${status}${error ? `, ${error.code}` : ""}`);
    });
    return receipt;
  };
  return () => {
    active = false;
  };
}

/** Without user, password, query and fragment. */
function bare(url: string): string {
  return url.replace(/[?#].*/s, "").replace(/\/\/[^/]*@/, "//");
}

function shown(options: Options): Record<string, unknown> {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given.map(([name, value]) => [name, kind(name, value)]));
}

/** Some servers take a token as a subprotocol, and a schema is not for reading. */
function kind(name: string, value: unknown): unknown {
  if (typeof value === "function") return "function";
  if (name === "protocols" || name === "schemas" || name === "signal") return typeof value;
  return value && typeof value === "object" ? shown(value as Options) : value;
}
