// The WebSocket class as TypeScript sees it: whatever takes the platform's class or socket takes ours.

import { ExactWebSocket, type FailureEvent, type SocketOptions, WebSocket } from "everwire/websocket";

const classes: (typeof globalThis.WebSocket)[] = [WebSocket, ExactWebSocket];
const socket: globalThis.WebSocket = new WebSocket("wss://a.example", ["a"], { backoff: { maxMs: 5_000 } });
const open: 1 = WebSocket.OPEN;
const state: 0 | 1 | 2 | 3 = new WebSocket(new URL("wss://a.example")).readyState;

const moving = new WebSocket(async () => "wss://a.example", "a", { rate: { messages: 10 }, onClose: (code) => (code > 4_000 ? "stop" : undefined) });
moving.onmessage = ({ data }) => console.log(data);
moving.addEventListener("close", ({ code, reason, wasClean }) => console.log(code, reason, wasClean));
moving.addEventListener("error", (event) => console.log((event as FailureEvent).error?.code));
moving.addEventListener("dropped", ({ detail }) => console.log(detail.data, detail.error.code));
moving.send(new Uint8Array([1]));
moving.reconnect();
new WebSocket("wss://a.example", undefined, { reconnect: false, connectTimeoutMs: 5_000 });

// @ts-expect-error An exact socket has no backoff.
const wrong: SocketOptions = { reconnect: false, backoff: {} };
// @ts-expect-error Its URL is one.
new ExactWebSocket(() => "wss://a.example");
// @ts-expect-error Frames are no objects.
moving.send({ type: "task" });
// @ts-expect-error There are no pings in a protocol that is not ours.
new WebSocket("wss://a.example", [], { heartbeat: { intervalMs: 1_000 } });
// @ts-expect-error The state is the socket's.
socket.readyState = 1;
