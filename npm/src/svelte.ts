// The entry for Svelte: stores of the standard contract.
import { type Readable, readable } from "svelte/store";

import { type AnyWire, type Make, onStatus } from "./binding.js";
import type { Connect, Data, Message, Options, Status, Url, Wire } from "./types.js";

/** How often each connection that `createWire` made is held. */
const holds = new WeakMap<AnyWire, number>();

/**
 * A connection that opens with the first subscriber to one of its stores and closes with the last: with the components that show it. On a server
 * it stays idle. `wire.connect()` and `wire.close()` do either by hand; with `autoConnect: false` nothing else opens it.
 */
export const createWire = ((connect: Connect, url: Url, options: Options = {}) => {
  const wire = connect(url, { ...options, autoConnect: false });
  if (options.autoConnect !== false) holds.set(wire, 0);
  return wire;
}) as Make;

/** The status of a connection. */
export function status(wire: AnyWire): Readable<Status> {
  return readable(wire.status, (set) => {
    const read = (): void => set(wire.status);
    read();
    return both(onStatus(wire, read), hold(wire));
  });
}

/**
 * The data of the latest message of a type, or the latest message of all (`"*"`); `undefined` until one comes. Several that come together
 * may be rendered once: `$effect(() => wire.on(type, handler))` sees each of them.
 */
export function latest<In, K extends keyof In & string>(wire: Wire<In, any>, type: K): Readable<Data<In, K> | undefined>;
export function latest<In>(wire: Wire<In, any>, type: "*"): Readable<Message<In> | undefined>;
export function latest(wire: AnyWire, type: string): Readable<unknown> {
  return readable<unknown>(undefined, (set) => both(wire.on(type, set), hold(wire)));
}

/** Holds a connection that `createWire` made as a subscriber does: `$effect(() => hold(wire))`. Answers a function that ends it. */
export function hold(wire: AnyWire): () => void {
  const count = holds.get(wire);
  // A server renders once, and nothing ends there.
  if (count === undefined || typeof document === "undefined") return () => {};
  const add = (change: number): number => {
    const sum = (holds.get(wire) ?? 0) + change;
    holds.set(wire, sum);
    return sum;
  };
  if (add(1) === 1) wire.connect();
  return () => {
    add(-1);
    // A page that gives way to another leaves for a moment nobody.
    queueMicrotask(() => holds.get(wire) === 0 && wire.close());
  };
}

function both(first: () => void, second: () => void): () => void {
  return () => {
    first();
    second();
  };
}
