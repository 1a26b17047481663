// What the entry `everwire/wasm` imports for the option `trace`.
import { outside } from "./outside.js";
import { traced } from "./traced.js";

export const load = outside(traced, () => new URL("everwire-trace.wasm", import.meta.url));
