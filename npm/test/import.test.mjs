// Importing the package where there is no browser touches nothing: server-side rendering works.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { test } from "node:test";

const GLOBALS = [
  "WebSocket",
  "document",
  "window",
  "location",
  "fetch",
  "WebAssembly",
  "crypto",
  "performance",
  "addEventListener",
];

const ENTRIES = {
  "everwire.js": "connect",
  "everwire-reliable.js": "connect",
  "everwire-wasm.js": "connect",
  "everwire-websocket.js": "WebSocket",
};

for (const [entry, name] of Object.entries(ENTRIES)) {
  test(`${entry} can be imported without a browser`, () => {
    const path = new URL(`../../pkg/${entry}`, import.meta.url).href;
    const script = `
      for (const name of ${JSON.stringify(GLOBALS)}) {
        Object.defineProperty(globalThis, name, { get() { throw new Error(name + " was touched"); }, configurable: true });
      }
      const { ${name}, WireError } = await import(${JSON.stringify(path)});
      console.log(typeof ${name}, typeof WireError);
    `;
    const printed = execFileSync(process.execPath, ["--input-type=module", "--eval", script], { encoding: "utf8" });
    assert.equal(printed.trim(), "function function");
  });
}

test("the package's manifest names files that are there", async () => {
  const { readFileSync, existsSync } = await import("node:fs");
  const root = fileURLToPath(new URL("../../pkg/", import.meta.url));
  const manifest = JSON.parse(readFileSync(`${root}package.json`, "utf8"));
  const named = Object.values(manifest.exports).flatMap((entry) =>
    typeof entry === "string" ? [entry] : Object.values(entry),
  );
  for (const path of named) assert.ok(existsSync(root + path), path);
  assert.match(manifest.version, /^\d+\.\d+\.\d+$/);
});
