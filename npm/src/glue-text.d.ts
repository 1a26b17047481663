// The wasm as a text, which the build writes: each byte as the character of its value plus `OFFSET`, modulo 256.
export const OFFSET: number;
export const TEXT: string;
