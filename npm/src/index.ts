// The default entry: one module with the wasm inside.
import { connectWith } from "./connect.js";
import { FREQUENT, TEXT } from "./glue-text.js";
import { loadWith } from "./load.js";
import type { Connect } from "./types.js";

export * from "./public.js";

/** Connects, and stays connected. */
export const connect: Connect = connectWith(
  loadWith(
    (imports) => new WebAssembly.Instance(new WebAssembly.Module(bytes()), imports),
    (imports) => WebAssembly.instantiate(bytes(), imports),
  ),
);

/** The wasm, from the text that `build/text.mjs` made of it. */
function bytes(): Uint8Array<ArrayBuffer> {
  const frequent: number[] = [];
  const rare: number[] = [];
  // Not a literal: bundlers for older targets refuse those.
  const bits = BigInt(FREQUENT);
  for (let byte = 0; byte < 256; byte++) ((bits >> BigInt(byte)) & BigInt(1) ? frequent : rare).push(byte);
  const wasm: number[] = [];
  for (let at = 0; at < TEXT.length; at++) {
    let byte = frequent[place(at)];
    if (byte === undefined) {
      const page = place(at) - frequent.length;
      byte = rare[page * frequent.length + place(++at)] as number;
    }
    wasm.push(byte);
  }
  return new Uint8Array(wasm);
}

/** The place of a character in the alphabet: printable ASCII without `"` and `\`. */
function place(at: number): number {
  const code = TEXT.charCodeAt(at);
  return code - 32 - (code > 34 ? 1 : 0) - (code > 92 ? 1 : 0);
}
