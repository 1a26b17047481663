// The entry for those who want reliable delivery at once: one module with the complete engine inside.
import { load } from "./engines/complete-inside.js";
import { connectWith } from "./connect.js";
import { unavailable } from "./engines/load.js";
import type { Connect } from "./types.js";

export * from "./public.js";

/** Connects, and stays connected. */
export const connect: Connect = connectWith(load, load, async () =>
  (await import("./engines/traced-inside.js").catch(unavailable)).load(),
);
