import { connect } from "/node_modules/everwire/everwire.js";

import { exchange } from "./exchange.js";

onconnect = ({ ports: [port] }) => {
  port.onmessage = async ({ data }) => port.postMessage(await exchange(connect, data));
};
