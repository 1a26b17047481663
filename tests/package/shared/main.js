import { connect } from "everwire";

import { exchange } from "./exchange.js";

window.report = exchange(connect, window.settings);
