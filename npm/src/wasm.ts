// The entry with the wasm in files of their own: which one is fetched depends on the delivery that is asked for.
import { connectWith } from "./connect.js";
import { later } from "./load.js";
import { outside } from "./outside.js";
import { plain } from "./plain.js";
import type { Connect } from "./types.js";

export * from "./public.js";

/** Connects, and stays connected. */
export const connect: Connect = connectWith(
  outside(plain, () => new URL("everwire.wasm", import.meta.url)),
  later(() => import("./complete-outside.js")),
  later(() => import("./traced-outside.js")),
);
