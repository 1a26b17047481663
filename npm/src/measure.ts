import type { Codec } from "./codec.js";
import { WireError } from "./errors.js";

// A server that parses recursively dies of thousands of levels; nobody means to send more than this.
const DEEPEST = 64;

/** The size of a JSON text in UTF-8 bytes, or NaN if it is nested more deeply than `deepest`. */
export function measure(text: string, deepest: number): number {
  let bytes = text.length;
  let depth = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    // Two bytes up to U+07FF and for each half of a surrogate pair, else three.
    if (c > 127) bytes += c > 2047 && (c & 0xf800) !== 0xd800 ? 2 : 1;
    else if (c === 34) quoted = !quoted;
    else if (c === 92) i++;
    else if (!quoted && (c === 123 || c === 91) && ++depth > deepest) return NaN;
    else if (!quoted && (c === 125 || c === 93)) depth--;
  }
  return bytes;
}

export interface Encoded {
  text_: string | Uint8Array;
  bytes_: number;
}

/** The frame of a message. Throws a `WireError` for whatever JSON, or the codec, cannot carry faithfully. */
export function encode(type: unknown, data: unknown, codec?: Codec): Encoded {
  if (typeof type !== "string" || type[0] === "$") {
    throw invalid(`a type is a string that does not begin with "$", not ${String(type)}`);
  }
  let json: string | undefined;
  try {
    if (codec) return packed(codec, { type, data });
    json = JSON.stringify(data);
  } catch (cause) {
    throw invalid(codec ? `is nothing for the codec: ${cause}` : "cannot be written as JSON, a cycle or a BigInt for example", cause);
  }
  if (data instanceof ArrayBuffer || ArrayBuffer.isView(data)) {
    throw invalid("is binary: give connect a codec");
  }
  if (json === undefined) throw invalid(`is ${typeof data}, which JSON does not have: send null`);
  const bytes = measure(json, DEEPEST);
  if (!(bytes >= 0)) throw invalid(`is nested more than ${DEEPEST} levels deep: send it flatter, or as a text`);
  const name = JSON.stringify(type);
  return { text_: `{"type":${name},"data":${json}}`, bytes_: measure(name, 0) + bytes + 17 };

  function invalid(what: string, cause?: unknown): WireError {
    return new WireError("invalid-message", `the data of "${String(type)}" ${what}`, false, cause);
  }
}

/** The binary frame of a message. */
export function packed(codec: Codec, message: { type: string; data: unknown; id?: number }): Encoded {
  const bytes = codec.encode(message);
  return { text_: bytes, bytes_: bytes.byteLength };
}
