import { connect } from "everwire";

import { exchange } from "./exchange.js";

onmessage = async ({ data }) => postMessage(await exchange(connect, data));
