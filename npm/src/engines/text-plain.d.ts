// The plain engine's wasm as a text, which `build/text.mjs` writes.
export const TEXT: string;
/** A number with a bit for each byte value that is a single character in it. */
export const FREQUENT: string;
