// Measures what a page loads of the package: an entry module, what it imports, and the wasm it fetches; then what it
// imports later.
// Usage: node size.mjs PACKAGE_FOLDER. Writes one line per entry, fields apart by tabs: entry, raw, gzip, brotli, files.

import { readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

/** What comes with a file. */
const AT_ONCE = [
  /\bfrom\s*["'](\.{1,2}\/[^"']+)["']/g,
  /\bimport\s*["'](\.{1,2}\/[^"']+)["']/g,
  /\bnew\s+URL\(\s*["']([^"']+)["']\s*,\s*import\.meta\.url\s*\)/g,
];
/** What it imports when that is needed. */
const LATER = [/\bimport\s*\(\s*["'](\.{1,2}\/[^"']+)["']\s*\)/g];

const folder = resolve(process.argv[2]);
const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
for (const entry of [".", "./reliable", "./wasm", "./websocket", "./msgpack", "./debug", "./react", "./vue", "./svelte"]) {
  const file = join(folder, entryFile(manifest.exports[entry]));
  report(entry, [...loadedBy(file)]);
  for (const later of named(file, LATER)) {
    const name = later.endsWith("-trace.js") ? "trace" : "later";
    report(`${entry} ${name}`, [...loadedBy(later)]);
  }
}

function report(entry, files) {
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

/** The file and all that comes with it, directly or not. */
function loadedBy(file, found = new Set()) {
  if (found.has(file)) return found;
  found.add(file);
  for (const other of named(file, AT_ONCE)) loadedBy(other, found);
  return found;
}

function named(file, references) {
  if (!/\.m?js$/.test(file)) return [];
  const source = readFileSync(file, "utf8");
  const paths = references.flatMap((reference) => [...source.matchAll(reference)].map(([, path]) => path));
  return paths.map((path) => resolve(dirname(file), path));
}

function measure(bytes) {
  const options = { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } };
  return {
    raw: bytes.length,
    gzip: gzipSync(bytes, { level: 9 }).length,
    brotli: brotliCompressSync(bytes, options).length,
  };
}
