// What the entry `everwire/wasm` imports for reliable delivery: the complete engine with its wasm in a file.
import { complete } from "./complete.js";
import { outside } from "./outside.js";

export const load = outside(complete, () => new URL("everwire-reliable.wasm", import.meta.url));
