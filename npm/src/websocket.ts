// The entry with the standard interface.
export { WireError } from "./errors.js";
export { ExactWebSocket, WebSocket, WebSocket as default } from "./socket.js";
export type { WebSocketEvents } from "./socket.js";
export type { FailureEvent } from "./socket-events.js";
export type { ExactOptions, ReconnectingOptions, SocketOptions, SocketUrl } from "./socket-types.js";
