// The entry with the wasm in a file of its own, which is fetched at the first `connect`.
import * as glue from "./glue.js";

import { connectWith } from "./connect.js";
import type { Module } from "./engine.js";
import type { Connect } from "./types.js";

export * from "./public.js";

let ready: Module | Promise<Module> | undefined;

function load(): Module | Promise<Module> {
  if (ready) return ready;
  const place = new URL("everwire.wasm", import.meta.url);
  const loading = glue.default({ module_or_path: place }).then(() => (ready = glue));
  loading.catch(() => (ready = undefined));
  return (ready = loading);
}

/** Connects, and stays connected. */
export const connect: Connect = connectWith(load);
