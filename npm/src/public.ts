export { WireError } from "./errors.js";
export type { StandardSchema } from "./schema.js";
export type {
  AttemptContext,
  Connect,
  ListenOptions,
  Message,
  Options,
  Receipt,
  RequestOptions,
  ResyncReason,
  SendOptions,
  Stats,
  Status,
  Token,
  Url,
  Wire,
  WireEvents,
} from "./types.js";
