// Source maps, kept true to modules that were changed after they had been bundled.

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** Puts `inserted` wherever `before` meets `after` in a module, and answers the module and its map, whose columns move along. */
export function insertBetween(before, inserted, after, code, map) {
  const mappings = map.mappings.split(";");
  const lines = code.split("\n").map((line, number) => {
    const pieces = line.split(before + after);
    // From the last one on, so that the columns of those before stay what they are.
    for (let last = pieces.length - 1; last > 0; last--) {
      const column = pieces.slice(0, last).join(before + after).length + before.length;
      mappings[number] = move(mappings[number] ?? "", column, inserted.length);
    }
    return pieces.join(before + inserted + after);
  });
  return { code: lines.join("\n"), map: { ...map, mappings: mappings.join(";") } };
}

/** Moves what a line maps from `column` on. Each segment begins with its distance from the one before it. */
function move(line, column, by) {
  const segments = line.split(",");
  let at = 0;
  for (const [index, segment] of segments.entries()) {
    const { value, rest } = read(segment);
    at += value;
    if (at < column) continue;
    segments[index] = write(value + by) + rest;
    break;
  }
  return segments.join(",");
}

/** The first number of a segment: digits of five bits, the lowest first, each but the last with a sixth. The lowest bit is the sign. */
function read(segment) {
  let number = 0;
  for (let place = 0; ; place++) {
    const digit = DIGITS.indexOf(segment[place]);
    number += (digit & 31) << (5 * place);
    if (digit < 32) return { value: number & 1 ? -(number >> 1) : number >> 1, rest: segment.slice(place + 1) };
  }
}

/** The digits of a number that is not negative. */
function write(value) {
  let digits = "";
  for (let left = value << 1; ; left >>= 5) {
    if (left < 32) return digits + DIGITS[left];
    digits += DIGITS[(left & 31) | 32];
  }
}
