import { connect } from "everwire/wasm";

import { exchange } from "./exchange.js";

window.report = exchange(connect, window.settings);
