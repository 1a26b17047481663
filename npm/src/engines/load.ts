import type { Load, Module } from "../engine.js";
import { WireError } from "../errors.js";

/** An engine before its wasm is there, and how the two are put together. */
export interface Glue {
  module_: Module;
  imports_: () => WebAssembly.Imports;
  finish_: (instance: WebAssembly.Instance) => unknown;
}

/** Whatever `WebAssembly.instantiate` and its kin answer. */
type Instantiated = WebAssembly.Instance | { instance: WebAssembly.Instance };

/** Gets the module once: with `now` if that succeeds, else with `later`. A failure is forgotten, so that it can be tried again. */
export function loadWith(
  { module_: module, imports_: imports, finish_: finish }: Glue,
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

/** Says that a file of an engine did not come. */
export function unavailable(cause: unknown): never {
  const what = "a file of the package could not be loaded: it must be served beside the others; it is asked for again";
  throw new WireError("engine-unavailable", what, true, cause);
}

/** Gets an engine from a module of the package that is imported when it is needed. */
export function later(first: () => Promise<{ load: Load }>): Load {
  let failed: string | undefined;
  let tries = 0;
  const again = (): Promise<{ load: Load }> => import(`${failed}?${++tries}`);
  return async () => {
    let load: Load;
    try {
      ({ load } = await (failed ? again() : first()));
    } catch (cause) {
      // Firefox remembers that a module did not come, and names it. Under another name it is asked for again. What stands
      // in the place of `import` in a bundle throws other errors, and forgets by itself.
      if (cause instanceof TypeError) failed = /https?:[^\s?]+/.exec(cause.message)?.[0];
      return unavailable(cause);
    }
    return load();
  };
}
