// The engine under the sockets that reconnect, inside of the module.
import { inside } from "./inside.js";
import { plain } from "./plain.js";
import { FREQUENT, TEXT } from "./text-plain.js";

export const load = inside(plain, TEXT, FREQUENT);
