// The entry with MessagePack, for `connect(url, { codec: msgpack })`.
import { decode, encode } from "@msgpack/msgpack";

import type { Codec } from "./codec.js";

export type { Codec } from "./codec.js";

/** An `ArrayBuffer` inside of something would be written as an empty map. */
const strict = {
  tryToEncode(value: unknown): null {
    if (value instanceof ArrayBuffer) throw new TypeError("an ArrayBuffer inside of the data: wrap it in a Uint8Array");
    return null;
  },
  decode(bytes: Uint8Array): Uint8Array {
    return bytes;
  },
};

/**
 * Messages as MessagePack, by `@msgpack/msgpack`: the data may be or hold a `Uint8Array`, and arrives as one. `undefined` arrives as
 * `null`.
 */
export const msgpack: Codec = {
  encode({ data, ...rest }) {
    const plain = data instanceof ArrayBuffer ? new Uint8Array(data) : data;
    return encode({ ...rest, data: plain }, { extensionCodec: strict });
  },
  decode: (frame) => decode(frame),
};
