// The engine of both kinds of delivery.
import { split } from "../frames.js";
import { __wbg_finalize_init as finish, __wbg_get_imports as imports, Engine } from "./glue-complete.js";
import type { Glue } from "./load.js";
import { RELIABLE_FAILURES } from "./reliable-errors.js";

export const complete: Glue = { module_: { Engine, split_: split, failures_: RELIABLE_FAILURES }, imports_: imports, finish_: finish };
