import { ExactWebSocket } from "everwire/websocket";

import { observe } from "./table.mjs";

window.observations = { platform: () => observe(window.WebSocket), ours: () => observe(ExactWebSocket) };
