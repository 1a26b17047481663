/** How messages are written as binary frames. `everwire/msgpack` has one; any object with these two functions is one. */
export interface Codec {
  /** Throws for what it cannot carry. */
  encode(message: { type: string; data: unknown; id?: number }): Uint8Array;
  /** Throws for what is no message of its kind. */
  decode(frame: Uint8Array): unknown;
}
