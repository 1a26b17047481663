// The wasm as a text inside of a module.

import { gzipSync } from "node:zlib";

/**
 * A module with the bytes as the characters of a string, each shifted by an offset. A string of single characters packs
 * better than base64, and the offset decides how many of them are letters and how many need an escape.
 */
export function asText(bytes) {
  let best;
  for (let offset = 0; offset < 256; offset++) {
    const text = JSON.stringify(String.fromCharCode(...Array.from(bytes, (byte) => (byte + offset) & 255)));
    const size = gzipSync(text, { level: 9 }).length;
    if (!best || size < best.size) best = { offset, text, size };
  }
  return `export const OFFSET = ${best.offset};\nexport const TEXT = ${best.text};\n`;
}
