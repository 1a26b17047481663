// What the default entry imports for reliable delivery: the complete engine inside of a module.
import { complete } from "./complete.js";
import { inside } from "./inside.js";
import { FREQUENT, TEXT } from "./text-complete.js";

export const load = inside(complete, TEXT, FREQUENT);
