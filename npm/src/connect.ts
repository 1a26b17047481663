import type { Load } from "./engine.js";
import type { Connect, Options, Url } from "./types.js";
import { WireImpl } from "./wire.js";

/** `connect`, on engines that are got in some way: one for plain delivery, one for reliable, and one that records itself. */
export function connectWith(plain: Load, reliable: Load, traced: Load): Connect {
  const connect = (url: Url, options: Options = {}): unknown =>
    new WireImpl(options.trace ? traced : options.delivery === "reliable" ? reliable : plain, url, options);
  // The class knows nothing of the application's types.
  return connect as Connect;
}
