// What the bindings of frameworks share. They take `connect` from the application, and so go with every entry of the
// package without a second engine.
import type { Output, Schemas } from "./schema.js";
import type { Connect, Options, Untyped, Url, Wire } from "./types.js";

/** Makes a connection with the `connect` of `everwire`, `everwire/reliable` or `everwire/wasm`. */
export interface Make {
  /** A connection on which comes what the schemas make of the messages. */
  <S extends Schemas, Out = Untyped>(
    connect: Connect,
    url: Url,
    options: Options & { schemas: S },
  ): Wire<{ [K in keyof S]: Output<S[K]> }, Out>;
  /** A connection on which the messages `In` come and `Out` go. */
  <In = Untyped, Out = Untyped>(connect: Connect, url: Url, options?: Options<In>): Wire<In, Out>;
}

/** Any connection, where its messages do not matter. */
export type AnyWire = Wire<any, any>;

/** Calls `changed` at every change of the status; answers a function that ends it. */
export function onStatus(wire: AnyWire, changed: () => void): () => void {
  wire.addEventListener("status", changed);
  return () => wire.removeEventListener("status", changed);
}
