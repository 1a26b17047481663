import type { Module } from "./engine.js";
import { WireError } from "./errors.js";
import type { Options, Url } from "./types.js";

/** Options that are no numbers, and read elsewhere. */
const OTHERS = ["auth", "authVia", "protocols", "delivery", "persist", "uncertain", "name", "onClose", "signal", "schemas"];
const OVERFLOW = ["reject", "drop-oldest", "drop-newest"];
const VIA = ["", "message", "query", "subprotocol", "cookie"];
/** The switches behind the numbers, in the order of `js/src/options.rs`. */
const [AUTH, URL_FROM, OVERFLOWS, NO_HEARTBEAT, NO_RATE, DELIVERY, PERSIST, UNCERTAIN] = [0, 1, 2, 3, 4, 5, 6, 7];
const CHOICES: [name: "delivery" | "persist" | "uncertain", index: number, values: unknown[]][] = [
  ["delivery", DELIVERY, ["plain", "reliable"]],
  ["persist", PERSIST, ["outbox", "session", false]],
  ["uncertain", UNCERTAIN, ["resend", "drop"]],
];

/** What the engine asks for, by index. */
export interface Config {
  texts_: string[];
  numbers_: number[];
}

/** Reads the options; throws a `WireError` for one that does not exist or cannot be. */
export function read(module: Module, url: Url, options: Options): Config {
  const names = numericNames(module);
  const numbers = [...names.map(() => NaN), 0, 0, 0, 0, 0, 0, 0, 0];
  const switchOn = (index: number, value: number): void => void (numbers[names.length + index] = value);

  const take = (path: string, value: unknown): void => {
    if (value === undefined || value === null) return;
    const index = names.indexOf(path);
    if (index >= 0) numbers[index] = checked(module, index, path, value);
    else if (path === "outbox.overflow") switchOn(OVERFLOWS, among(path, OVERFLOW, value));
    else if (path === "heartbeat" && value === false) switchOn(NO_HEARTBEAT, 1);
    else if (path === "rate" && value === false) switchOn(NO_RATE, 1);
    else if (names.some((name) => name.startsWith(`${path}.`)) && typeof value === "object") takeAll(`${path}.`, value);
    else if (!OTHERS.includes(path)) throw unknown(path, names);
  };
  const takeAll = (prefix: string, group: object | null): void => {
    for (const [name, value] of Object.entries(group ?? {})) take(prefix + name, value);
  };
  takeAll("", options);

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

function checked(module: Module, index: number, path: string, value: unknown): number {
  const [min, max] = [module.option(index, 2), module.option(index, 3)] as [number, number];
  if (Number.isInteger(value) && (value as number) >= min && (value as number) <= max) return value as number;
  const unit = String(module.option(index, 1));
  throw new WireError(
    "invalid-option",
    `${path} is ${String(value)}, but takes a whole number from ${min} to ${max} (${unit})`,
  );
}

function numericNames(module: Module): string[] {
  const names: string[] = [];
  for (let name; (name = nameOf(module, names.length)) !== undefined;) names.push(name);
  return names;
}

/** `backoff.max_attempts` is `backoff.maxAttempts` here, and a time says that it is in milliseconds. */
function nameOf(module: Module, index: number): string | undefined {
  const name = module.option(index, 0) as string | undefined;
  const unit = module.option(index, 1) === "ms" ? "Ms" : "";
  return name && name.replace(/_./g, (pair) => pair.charAt(1).toUpperCase()) + unit;
}

function among(name: string, allowed: unknown[], value: unknown): number {
  const index = allowed.indexOf(value);
  if (index < 0)
    throw new WireError("invalid-option", `${name} is ${JSON.stringify(value)}, but takes ${list(allowed)}`);
  return index;
}

function unknown(path: string, names: string[]): WireError {
  const group = path.slice(0, path.lastIndexOf(".") + 1);
  const all = [...names, "outbox.overflow", ...OTHERS].filter((name) => name.startsWith(group));
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
