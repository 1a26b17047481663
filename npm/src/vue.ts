// The entry for Vue 3.
import { getCurrentInstance, markRaw, onBeforeMount, onMounted, onScopeDispose, type ShallowRef, shallowRef } from "vue";

import { type AnyWire, type Make, onStatus } from "./binding.js";
import type { Connect, Data, Message, Options, Status, Url, Wire } from "./types.js";

/**
 * A connection of this component or effect scope: it opens when the component is mounted, closes with the scope, and is idle on a server.
 * For an address that changes give a function and call `wire.reconnect()`. With `autoConnect: false` it waits for `wire.connect()`.
 */
export const useWire = ((connect: Connect, url: Url, options: Options = {}) => {
  const wire = markRaw(connect(url, { ...options, autoConnect: false }));
  const open = (): void => wire.connect();
  // By then the components inside listen.
  if (options.autoConnect !== false) getCurrentInstance() ? onMounted(open) : open();
  onScopeDispose(() => wire.close());
  return wire;
}) as Make;

/** The status of a connection. */
export function useStatus(wire: AnyWire): Readonly<ShallowRef<Status>> {
  const status = shallowRef(wire.status);
  const read = (): void => void (status.value = wire.status);
  listen(() => {
    read();
    return onStatus(wire, read);
  });
  return status;
}

/** Calls `handler` for each message of a type, or of every type (`"*"`), until the component or scope ends. */
export function useMessage<In, K extends keyof In & string>(
  wire: Wire<In, any>,
  type: K,
  handler: (data: Data<In, K>, message: Message<In, K>) => void,
): void;
export function useMessage<In>(wire: Wire<In, any>, type: "*", handler: (message: Message<In>) => void): void;
export function useMessage(wire: AnyWire, type: string, handler: (...args: [any, any]) => void): void {
  listen(() => wire.on(type, handler));
}

/**
 * The data of the latest message of a type, or the latest message of all (`"*"`); `undefined` until one comes. Several that come together
 * are rendered once: `useMessage` sees each of them.
 */
export function useLatest<In, K extends keyof In & string>(
  wire: Wire<In, any>,
  type: K,
): Readonly<ShallowRef<Data<In, K> | undefined>>;
export function useLatest<In>(wire: Wire<In, any>, type: "*"): Readonly<ShallowRef<Message<In> | undefined>>;
export function useLatest(wire: AnyWire, type: string): Readonly<ShallowRef<unknown>> {
  const latest = shallowRef<unknown>();
  listen(() => wire.on(type, (data) => void (latest.value = data)));
  return latest;
}

/** Listens until the scope ends; in a component from its mounting on, which a server never does. */
function listen(start: () => () => void): void {
  let stop = (): void => {};
  const begin = (): void => void (stop = start());
  getCurrentInstance() ? onBeforeMount(begin) : begin();
  onScopeDispose(() => stop());
}
