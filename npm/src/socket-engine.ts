// The engine under the sockets that reconnect, inside of the module.
import { inside } from "./engines/inside.js";
import { plain } from "./engines/plain.js";
import { FREQUENT, TEXT } from "./engines/text-plain.js";

export const load = inside(plain, TEXT, FREQUENT);
