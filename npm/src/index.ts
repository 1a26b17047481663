// The default entry: one module with the plain engine inside. The complete one is in another, which is imported when
// reliable delivery is asked for, and the one that records itself in a third.
import { connectWith } from "./connect.js";
import { inside } from "./engines/inside.js";
import { later } from "./engines/load.js";
import { plain } from "./engines/plain.js";
import { FREQUENT, TEXT } from "./engines/text-plain.js";
import type { Connect } from "./types.js";

export * from "./public.js";

/** Connects, and stays connected. */
export const connect: Connect = connectWith(
  inside(plain, TEXT, FREQUENT),
  later(() => import("./engines/complete-inside.js")),
  later(() => import("./engines/traced-inside.js")),
);
