// The engine of both kinds of delivery.
import { split } from "./frames.js";
import { __wbg_finalize_init as finish, __wbg_get_imports as imports, Engine } from "./glue-complete.js";
import type { Glue } from "./load.js";

export const complete: Glue = { module_: { Engine, split_: split }, imports_: imports, finish_: finish };
