// The default entry: one module with the plain engine inside. The complete one is in another, which is imported when
// reliable delivery is asked for, and the one that records itself in a third.
import { connectWith } from "./connect.js";
import { inside } from "./inside.js";
import { later } from "./load.js";
import { plain } from "./plain.js";
import { FREQUENT, TEXT } from "./text-plain.js";
import type { Connect } from "./types.js";

export * from "./public.js";

/** Connects, and stays connected. */
export const connect: Connect = connectWith(
  inside(plain, TEXT, FREQUENT),
  later(() => import("./complete-inside.js")),
  later(() => import("./traced-inside.js")),
);
