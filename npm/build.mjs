// Makes the npm package in pkg/ from what wasm-pack wrote and the facade in src/.
// Usage: node build.mjs [WASM_FOLDER]; else $EVERWIRE_WASM_DIR, else ../target/pkg-wasm.

import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

import { plain } from "./build/plain.mjs";
import { asText } from "./build/text.mjs";
import { shorten } from "./build/shorten.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const root = dirname(here);
const wasmFolder = process.argv[2] ?? process.env.EVERWIRE_WASM_DIR ?? join(root, "target/pkg-wasm");
const target = join(root, "pkg");
/** What starts the module; the glue keeps it to itself. */
const GLUE_EXPORTS = "\nexport { __wbg_get_imports, __wbg_finalize_init };\n";
const DECLARATIONS = ["index", "wasm", "public", "types", "errors", "schema"];

const { wasm, glue } = shorten(
  readFileSync(join(wasmFolder, "everwire_bg.wasm")),
  plain(readFileSync(join(wasmFolder, "everwire.js"), "utf8")),
);
rmSync(target, { recursive: true, force: true });
mkdirSync(target);
await bundle("index.ts", "everwire.js");
await bundle("wasm.ts", "everwire-wasm.js");
writeFileSync(join(target, "everwire.wasm"), wasm);
writeDeclarations();
writeManifest();
for (const name of ["README.md", "LICENSE-MIT", "LICENSE-APACHE"]) copyFileSync(join(root, name), join(target, name));

function bundle(entry, out) {
  return build({
    entryPoints: [join(here, "src", entry)],
    outfile: join(target, out),
    bundle: true,
    format: "esm",
    target: "es2022",
    charset: "utf8",
    minify: true,
    // Members of ours end in an underscore; the others are the glue's own.
    mangleProps: /^[a-z]\w*_$|^__wbg_ptr$|^__destroy_into_raw$|^_wbg_cb_unref$/i,
    plugins: [engine()],
  });
}

/** Puts the engine in the place of `./glue.js`, and its wasm as a text in that of `./glue-text.js`. */
function engine() {
  return {
    name: "engine",
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^\.\/glue(-text)?\.js$/ }, ({ path }) => ({
        path,
        namespace: "engine",
        sideEffects: false,
      }));
      onLoad({ filter: /glue\.js$/, namespace: "engine" }, () => ({ contents: glue + GLUE_EXPORTS, loader: "js" }));
      onLoad({ filter: /glue-text\.js$/, namespace: "engine" }, () => ({ contents: asText(wasm), loader: "js" }));
    },
  };
}

function writeDeclarations() {
  const compiler = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin/tsc");
  const out = join(here, "dist");
  execFileSync(process.execPath, [compiler, "-p", here, "--emitDeclarationOnly", "--outDir", out], {
    stdio: "inherit",
  });
  for (const name of DECLARATIONS) copyFileSync(join(out, `${name}.d.ts`), join(target, `${name}.d.ts`));
}

function writeManifest() {
  const manifest = JSON.parse(readFileSync(join(here, "package.json"), "utf8"));
  const cargo = readFileSync(join(root, "Cargo.toml"), "utf8");
  const [, version] = /^version = "(.+)"$/m.exec(cargo);
  const [, repository] = /^repository = "(.+)"$/m.exec(cargo);
  delete manifest.scripts;
  Object.assign(manifest, { version, repository });
  writeFileSync(join(target, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
}
