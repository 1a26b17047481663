// Engines whose wasm is inside of the module, as a text.
import type { Load } from "../engine.js";
import { type Glue, loadWith } from "./load.js";

/** Gets an engine from the text that `build/text.mjs` made of its wasm. */
export function inside(glue: Glue, text: string, frequent: string): Load {
  return loadWith(
    glue,
    (imports) => new WebAssembly.Instance(new WebAssembly.Module(bytes(text, frequent)), imports),
    (imports) => WebAssembly.instantiate(bytes(text, frequent), imports),
  );
}

function bytes(text: string, mask: string): Uint8Array<ArrayBuffer> {
  const frequent: number[] = [];
  const rare: number[] = [];
  // Not a literal: bundlers for older targets refuse those.
  const bits = BigInt(mask);
  for (let byte = 0; byte < 256; byte++) ((bits >> BigInt(byte)) & BigInt(1) ? frequent : rare).push(byte);
  const wasm: number[] = [];
  for (let at = 0; at < text.length; at++) {
    let byte = frequent[place(text, at)];
    if (byte === undefined) {
      const page = place(text, at) - frequent.length;
      byte = rare[page * frequent.length + place(text, ++at)] as number;
    }
    wasm.push(byte);
  }
  return new Uint8Array(wasm);
}

/** The place of a character in the alphabet: printable ASCII without `"` and `\`. */
function place(text: string, at: number): number {
  const code = text.charCodeAt(at);
  return code - 32 - (code > 34 ? 1 : 0) - (code > 92 ? 1 : 0);
}
