// The default entry: one module with the wasm inside.
import * as glue from "./glue.js";
import { OFFSET, TEXT } from "./glue-text.js";

import { connectWith } from "./connect.js";
import type { Module } from "./engine.js";
import type { Connect } from "./types.js";

export * from "./public.js";

let ready: Module | Promise<Module> | undefined;

function load(): Module | Promise<Module> {
  if (ready) return ready;
  const bytes = new Uint8Array(TEXT.length);
  // The bytes are shifted so that most of them are letters; the array takes each modulo 256.
  for (let i = 0; i < bytes.length; i++) bytes[i] = TEXT.charCodeAt(i) - OFFSET;
  try {
    glue.initSync({ module: bytes });
    ready = glue;
  } catch {
    // Some browsers compile large modules only asynchronously.
    const loading = glue.default({ module_or_path: bytes }).then(() => (ready = glue));
    loading.catch(() => (ready = undefined));
    ready = loading;
  }
  return ready;
}

/** Connects, and stays connected. */
export const connect: Connect = connectWith(load);
