export { WireError } from "./errors.js";
export type { Schemas, StandardSchema } from "./schema.js";
export type { Codec } from "./codec.js";
export type {
  Answer,
  AttemptContext,
  Connect,
  Data,
  ListenOptions,
  Message,
  Name,
  Options,
  Question,
  Receipt,
  RequestOptions,
  Requestable,
  ResyncReason,
  SendOptions,
  Sendable,
  Stats,
  Status,
  Token,
  Untyped,
  Url,
  Wire,
  WireEvents,
} from "./types.js";
