// The entry with the wasm in files of their own: which one is fetched depends on the delivery that is asked for.
import { connectWith } from "./connect.js";
import { later } from "./engines/load.js";
import { outside } from "./engines/outside.js";
import { plain } from "./engines/plain.js";
import type { Connect } from "./types.js";

export * from "./public.js";

/** Connects, and stays connected. */
export const connect: Connect = connectWith(
  outside(plain, () => new URL("everwire.wasm", import.meta.url)),
  later(() => import("./engines/complete-outside.js")),
  later(() => import("./engines/traced-outside.js")),
);
