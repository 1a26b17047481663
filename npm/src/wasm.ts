// The entry with the wasm in a file of its own, which is fetched at the first `connect`.
import { connectWith } from "./connect.js";
import { loadWith } from "./load.js";
import type { Connect } from "./types.js";

export * from "./public.js";

/** Connects, and stays connected. */
export const connect: Connect = connectWith(
  loadWith(undefined, async (imports) => {
    const response = await fetch(new URL("everwire.wasm", import.meta.url));
    return WebAssembly.instantiate(await response.arrayBuffer(), imports);
  }),
);
