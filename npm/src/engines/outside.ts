// Engines whose wasm is a file of its own.
import type { Load } from "../engine.js";
import { type Glue, loadWith, unavailable } from "./load.js";

/** Fetches the wasm of an engine. The URL is made late: importing touches nothing. */
export function outside(glue: Glue, url: () => URL): Load {
  return loadWith(glue, undefined, async (imports) => {
    const bytes = await fetched(url()).catch(unavailable);
    return WebAssembly.instantiate(bytes, imports);
  });
}

async function fetched(url: URL): Promise<ArrayBuffer> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url.href} was answered with ${response.status}`);
  return response.arrayBuffer();
}
