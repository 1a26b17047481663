import type { Load, Module } from "./engine.js";
import { __wbg_finalize_init as finish, __wbg_get_imports as imports, Engine, option } from "./glue.js";

/** Whatever `WebAssembly.instantiate` and its kin answer. */
type Instantiated = WebAssembly.Instance | { instance: WebAssembly.Instance };

const module: Module = { Engine, option };

/** Gets the module once: with `now` if that succeeds, else with `later`. A failure is forgotten, so that it can be tried again. */
export function loadWith(
  now: ((imports: WebAssembly.Imports) => WebAssembly.Instance) | undefined,
  later: (imports: WebAssembly.Imports) => Promise<Instantiated>,
): Load {
  let got: Module | Promise<Module> | undefined;
  const ready = (instance: WebAssembly.Instance): Module => {
    finish(instance);
    return (got = module);
  };
  return () => {
    if (got) return got;
    try {
      if (now) return ready(now(imports()));
    } catch {
      // Some browsers compile large modules only asynchronously.
    }
    const loading = later(imports()).then((made) => ready("instance" in made ? made.instance : made));
    loading.catch(() => (got = undefined));
    return (got = loading);
  };
}
