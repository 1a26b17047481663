// The wasm as a text inside of a module: printable ASCII, so that every bundler and server leaves it alone.

/** Printable ASCII but for the two characters that a string literal escapes. */
const ALPHABET = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i)).filter(
  (c) => c !== '"' && c !== "\\",
);
/** The last two characters announce a rare byte, whose second character follows. */
const FREQUENT = ALPHABET.length - 2;

/**
 * A module with the wasm as `TEXT`, and as `FREQUENT` the number with a bit for each byte value that takes a single
 * character. Packed by a server it is no larger than the wasm itself; base64 would be larger by a quarter.
 */
export function asText(wasm) {
  const counts = new Array(256).fill(0);
  for (const byte of wasm) counts[byte]++;
  const byCount = [...counts.keys()].sort((a, b) => counts[b] - counts[a]);
  const frequent = byCount.slice(0, FREQUENT).sort((a, b) => a - b);
  const rare = byCount.slice(FREQUENT).sort((a, b) => a - b);
  const codes = [];
  frequent.forEach((byte, i) => (codes[byte] = ALPHABET[i]));
  rare.forEach((byte, i) => (codes[byte] = ALPHABET[FREQUENT + Math.floor(i / FREQUENT)] + ALPHABET[i % FREQUENT]));
  const text = Array.from(wasm, (byte) => codes[byte]).join("");
  const mask = frequent.reduce((bits, byte) => bits | (1n << BigInt(byte)), 0n);
  return `export const FREQUENT = "0x${mask.toString(16)}";\nexport const TEXT = "${text}";\n`;
}
