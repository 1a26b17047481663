// The same in a runtime without pages: the settings are in the environment, the reports go to the standard output.

import process from "node:process";

import { connect } from "everwire";

import { exchange } from "./exchange.js";

console.log(JSON.stringify(await exchange(connect, JSON.parse(process.env.EVERWIRE_SETTINGS))));
