"use client";
// The entry for React 18 and later.
import { useEffect, useInsertionEffect, useMemo, useRef, useSyncExternalStore } from "react";

import { type AnyWire, type Make, onStatus } from "./binding.js";
import type { Connect, Data, Message, Options, Status, Url, Wire } from "./types.js";

/**
 * A connection of this component: it opens when the component is mounted, closes when it is unmounted, and is idle on a server.
 * StrictMode opens one socket. Another `url` makes another connection. A `url` that is a function, `auth` and `onClose` are
 * those of the latest render, the other options those of the first; with `autoConnect: false` it waits for `wire.connect()`.
 */
export const useWire = ((connect: Connect, url: Url, options: Options = {}) => {
  const newest = useNewest({ url, options });
  const isAsked = typeof url === "function";
  const address = isAsked ? "" : String(url);
  const held = useMemo(() => {
    const { auth, onClose } = options;
    const current: Options = { ...options, autoConnect: false };
    if (auth) current.auth = (context) => newest.current.options.auth?.(context);
    if (onClose) current.onClose = (code, reason) => newest.current.options.onClose?.(code, reason);
    const ask: Url = (context) => {
      const { url } = newest.current;
      return typeof url === "function" ? url(context) : url;
    };
    return { wire: connect(isAsked ? ask : url, current), mounts: 0 };
  }, [connect, isAsked, address]);

  useEffect(() => {
    const { wire } = held;
    const mount = ++held.mounts;
    if (newest.current.options.autoConnect !== false) wire.connect();
    // StrictMode unmounts and mounts at once: only an end that lasts closes.
    return () => queueMicrotask(() => held.mounts === mount && wire.close());
  }, [held]);
  return held.wire;
}) as Make;

/** The status of a connection; on a server `idle`. */
export function useStatus(wire: AnyWire): Status {
  const subscribe = useMemo(() => (changed: () => void) => onStatus(wire, changed), [wire]);
  return useSyncExternalStore(
    subscribe,
    () => wire.status,
    () => "idle",
  );
}

/** Calls the `handler` of the latest render for each message of a type, or of every type (`"*"`), while the component is mounted. */
export function useMessage<In, K extends keyof In & string>(
  wire: Wire<In, any>,
  type: K,
  handler: (data: Data<In, K>, message: Message<In, K>) => void,
): void;
export function useMessage<In>(wire: Wire<In, any>, type: "*", handler: (message: Message<In>) => void): void;
export function useMessage(wire: AnyWire, type: string, handler: (...args: [any, any]) => void): void {
  const newest = useNewest(handler);
  useEffect(() => wire.on(type, (...args) => newest.current(...args)), [wire, type]);
}

/**
 * The data of the latest message of a type, or the latest message of all (`"*"`); `undefined` until one comes. Several that come together
 * may be rendered once: `useMessage` sees each of them.
 */
export function useLatest<In, K extends keyof In & string>(wire: Wire<In, any>, type: K): Data<In, K> | undefined;
export function useLatest<In>(wire: Wire<In, any>, type: "*"): Message<In> | undefined;
export function useLatest(wire: AnyWire, type: string): unknown {
  const [subscribe, latest] = useMemo(() => {
    let latest: unknown;
    const subscribe = (changed: () => void): (() => void) =>
      wire.on(type, (data) => {
        latest = data;
        changed();
      });
    return [subscribe, () => latest];
  }, [wire, type]);
  return useSyncExternalStore(subscribe, latest, () => undefined);
}

/** The value of the latest render that was shown. */
function useNewest<T>(value: T): { readonly current: T } {
  const newest = useRef(value);
  // Before any other effect.
  useInsertionEffect(() => {
    newest.current = value;
  });
  return newest;
}
