// For runtimes that have no WebSocket of their own.

import { WebSocket } from "ws";

globalThis.WebSocket = WebSocket;
await import("./run.js");
