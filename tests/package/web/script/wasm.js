import { connect } from "/node_modules/everwire/everwire-wasm.js";

import { exchange } from "./exchange.js";

window.report = exchange(connect, window.settings);
