// What entries with the wasm inside import for the option `trace`.
import { inside } from "./inside.js";
import { FREQUENT, TEXT } from "./text-traced.js";
import { traced } from "./traced.js";

export const load = inside(traced, TEXT, FREQUENT);
