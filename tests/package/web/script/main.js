import { connect } from "/node_modules/everwire/everwire.js";

import { exchange } from "./exchange.js";

window.report = exchange(connect, window.settings);
