// The engine of both kinds of delivery that records itself.
import { split } from "../frames.js";
import { __wbg_finalize_init as finish, __wbg_get_imports as imports, Engine } from "./glue-traced.js";
import type { Glue } from "./load.js";
import { RELIABLE_FAILURES } from "./reliable-errors.js";

const BEGIN = '{"begin":{';

class Traced extends Engine {
  private begun_ = new Date().toISOString();

  /** With what only a page knows: when time was 0, and which browser it is. */
  override trace_(): string {
    const facts = { date: this.begun_, agent: globalThis.navigator?.userAgent ?? "" };
    return BEGIN + JSON.stringify(facts).slice(1, -1) + "," + super.trace_().slice(BEGIN.length);
  }
}

export const traced: Glue = {
  module_: { Engine: Traced, split_: split, failures_: RELIABLE_FAILURES },
  imports_: imports,
  finish_: finish,
};
