// Measures what a page loads of the package: an entry module, what it imports, and the wasm it fetches.
// Usage: node size.mjs PACKAGE_FOLDER. Writes one line per entry, fields apart by tabs: entry, raw, gzip, brotli, files.

import { readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const REFERENCES = [
  /\b(?:from|import)\s*\(?\s*["'](\.{1,2}\/[^"']+)["']/g,
  /\bnew\s+URL\(\s*["']([^"']+)["']\s*,\s*import\.meta\.url\s*\)/g,
];

const folder = resolve(process.argv[2]);
const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
for (const entry of [".", "./wasm"]) {
  const files = [...loadedBy(join(folder, entryFile(manifest.exports[entry])))];
  const sizes = files.map((file) => measure(readFileSync(file)));
  const sum = (key) => sizes.reduce((total, size) => total + size[key], 0);
  const names = files.map((file) => relative(folder, file)).join(" ");
  console.log([entry, sum("raw"), sum("gzip"), sum("brotli"), names].join("\t"));
}

/** The file a browser gets for an entry of the manifest's `exports`. */
function entryFile(target) {
  if (typeof target === "string") return target;
  return entryFile(target.browser ?? target.import ?? target.default);
}

/** The file and all that it refers to, directly or not. */
function loadedBy(file, found = new Set()) {
  if (found.has(file)) return found;
  found.add(file);
  if (!/\.m?js$/.test(file)) return found;
  const source = readFileSync(file, "utf8");
  for (const reference of REFERENCES) {
    for (const [, path] of source.matchAll(reference)) loadedBy(resolve(dirname(file), path), found);
  }
  return found;
}

function measure(bytes) {
  const options = { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } };
  return {
    raw: bytes.length,
    gzip: gzipSync(bytes, { level: 9 }).length,
    brotli: brotliCompressSync(bytes, options).length,
  };
}
