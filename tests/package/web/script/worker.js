import { connect } from "/node_modules/everwire/everwire.js";

import { exchange } from "./exchange.js";

onmessage = async ({ data }) => postMessage(await exchange(connect, data));
