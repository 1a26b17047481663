import type { Load } from "./engine.js";
import type { Connect, Options, Url } from "./types.js";
import { WireImpl } from "./wire.js";

/** `connect`, on a module that is got in some way. */
export function connectWith(load: Load): Connect {
  const connect = (url: Url, options: Options = {}): unknown => new WireImpl(load, url, options);
  // The class knows nothing of the application's types.
  return connect as Connect;
}
