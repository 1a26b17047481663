import { WireError } from "./errors.js";
import type { Options, Url } from "./types.js";

/** The options that are numbers, as `src/config.rs` has them and in its order: name, least, greatest, unit. */
const NUMBERS: [name: string, min: number, max: number, unit?: string][] = [
  ["connectTimeoutMs", 100, 600_000],
  ["backoff.firstMs", 0, 60_000],
  ["backoff.minMs", 0, 60_000],
  ["backoff.baseMs", 1, 600_000],
  ["backoff.maxMs", 100, 3_600_000],
  ["backoff.resetAfterMs", 0, 3_600_000],
  ["backoff.maxAttempts", 1, 1_000_000, "attempts"],
  ["backoff.attemptsPerMinute", 1, 600, "attempts"],
  ["heartbeat.intervalMs", 100, 3_600_000],
  ["heartbeat.timeoutMs", 100, 600_000],
  ["heartbeat.hiddenTimeoutMs", 100, 3_600_000],
  ["heartbeat.probeTimeoutMs", 100, 600_000],
  ["outbox.messages", 1, 1_000_000, "messages"],
  ["outbox.bytes", 1_024, 268_435_456, "bytes"],
  ["outbox.ttlMs", 1, 604_800_000],
  ["rate.messages", 1, 1_000_000, "messages a second"],
  ["rate.burst", 1, 1_000_000, "messages"],
  ["rate.bytes.perSecond", 1, 1_073_741_824, "bytes a second"],
  ["rate.bytes.burst", 1, 1_073_741_824, "bytes"],
  ["backpressure.high", 1_024, 268_435_456, "bytes"],
  ["backpressure.low", 0, 268_435_456, "bytes"],
  ["backpressure.pollMs", 1, 60_000],
  ["maxFrame", 1_024, 268_435_456, "bytes"],
  ["requestTimeoutMs", 1, 3_600_000],
];

/** Options that are no numbers, and read elsewhere. */
const OTHERS = ["auth", "authVia", "protocols", "delivery", "persist", "uncertain", "name", "onClose", "signal", "schemas", "codec", "autoConnect", "trace"];
const OVERFLOW = ["reject", "drop-oldest", "drop-newest"];
const VIA = ["", "message", "query", "subprotocol", "cookie"];
/** The switches behind the numbers, in the order of `js/src/options.rs`. */
const [AUTH, URL_FROM, OVERFLOWS, NO_HEARTBEAT, NO_RATE, DELIVERY, PERSIST, UNCERTAIN] = [0, 1, 2, 3, 4, 5, 6, 7];
const CHOICES: [name: "delivery" | "persist" | "uncertain", index: number, values: unknown[]][] = [
  ["delivery", DELIVERY, ["plain", "reliable"]],
  ["persist", PERSIST, ["outbox", "session", false]],
  ["uncertain", UNCERTAIN, ["resend", "drop"]],
];
/** What some are, in the words of `typeof`. */
const KINDS = { name: "string", auth: "function", onClose: "function", autoConnect: "boolean", schemas: "object", codec: "object" } as const;

/** What the engine asks for, by index. */
export interface Config {
  texts_: string[];
  numbers_: number[];
}

/** Reads the options; throws a `WireError` for one that does not exist or cannot be. */
export function read(url: Url, options: Options): Config {
  const numbers = [...NUMBERS.map(() => NaN), 0, 0, 0, 0, 0, 0, 0, 0];
  const switchOn = (index: number, value: number): void => void (numbers[NUMBERS.length + index] = value);

  const take = (path: string, value: unknown): void => {
    if (value === undefined || value === null) return;
    const index = NUMBERS.findIndex(([name]) => name === path);
    if (index >= 0) numbers[index] = checked(index, value);
    else if (path === "outbox.overflow") switchOn(OVERFLOWS, among(path, OVERFLOW, value));
    else if (path === "heartbeat" && value === false) switchOn(NO_HEARTBEAT, 1);
    else if (path === "rate" && value === false) switchOn(NO_RATE, 1);
    else if (NUMBERS.some(([name]) => name.startsWith(`${path}.`)) && typeof value === "object") takeAll(`${path}.`, value);
    else if (!OTHERS.includes(path)) throw unknown(path);
  };
  const takeAll = (prefix: string, group: object | null): void => {
    for (const [name, value] of Object.entries(group ?? {})) take(prefix + name, value);
  };
  takeAll("", options);

  for (const [name, kind] of Object.entries(KINDS) as [keyof typeof KINDS, string][]) {
    if (typeof (options[name] ?? undefined) === kind || options[name] === undefined) continue;
    throw new WireError("invalid-option", `${name} is ${String(options[name])}, but takes a ${kind}`);
  }
  if (options.codec && options.delivery === "reliable") {
    throw new WireError("invalid-option", "a codec needs plain delivery: leave one of the two out");
  }
  for (const [type, schema] of Object.entries(options.schemas ?? {})) {
    if (!schema?.["~standard"]?.validate)
      throw new WireError("invalid-option", `schemas.${type} is no Standard Schema: it takes those of zod, valibot or arktype`);
  }
  for (const [name, index, values] of CHOICES) {
    if (options[name] !== undefined) switchOn(index, among(name, values, options[name]));
  }
  const via = options.authVia ?? (options.auth ? "message" : "");
  const parameter = typeof via === "object" ? via.query : "token";
  switchOn(AUTH, options.auth ? among("authVia", VIA, typeof via === "object" ? "query" : via) : 0);
  if (typeof url === "function") switchOn(URL_FROM, 1);
  const texts = [typeof url === "function" ? "" : resolve(url), parameter, options.name ?? "", ...(options.protocols ?? [])];
  return { texts_: texts, numbers_: numbers };
}

/** The URL as a WebSocket of any browser takes it: absolute, and with its scheme. */
export function resolve(url: string | URL): string {
  try {
    const absolute = new URL(url, globalThis.location?.href);
    absolute.protocol = absolute.protocol.replace("http", "ws");
    return absolute.href;
  } catch {
    return String(url);
  }
}

function checked(index: number, value: unknown): number {
  const [name, min, max, unit = "ms"] = NUMBERS[index]!;
  if (Number.isInteger(value) && (value as number) >= min && (value as number) <= max) return value as number;
  throw new WireError(
    "invalid-option",
    `${name} is ${String(value)}, but takes a whole number from ${min} to ${max} (${unit})`,
  );
}

function among(name: string, allowed: unknown[], value: unknown): number {
  const index = allowed.indexOf(value);
  if (index < 0)
    throw new WireError("invalid-option", `${name} is ${JSON.stringify(value)}, but takes ${list(allowed)}`);
  return index;
}

function unknown(path: string): WireError {
  const group = path.slice(0, path.lastIndexOf(".") + 1);
  const all = [...NUMBERS.map(([name]) => name), "outbox.overflow", ...OTHERS].filter((name) => name.startsWith(group));
  const here = new Set(all.map((name) => name.slice(group.length).replace(/\..*/, "")));
  return new WireError(
    "unknown-option",
    `there is no option ${path}: ${group ? `${group}… has` : "there are"} ${[...here].join(", ")}`,
  );
}

function list(values: unknown[]): string {
  return values
    .filter((value) => value !== "")
    .map((value) => JSON.stringify(value))
    .join(" or ");
}
