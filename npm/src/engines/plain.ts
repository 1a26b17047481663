// The engine of plain delivery.
import { __wbg_finalize_init as finish, __wbg_get_imports as imports, Engine } from "./glue-plain.js";
import type { Glue } from "./load.js";

export const plain: Glue = { module_: { Engine }, imports_: imports, finish_: finish };
