// Makes the npm package in pkg/ from what wasm-pack wrote, in plain/ and complete/ of a folder, and the facade in src/.
// Usage: node build.mjs [WASM_FOLDER]; else $EVERWIRE_WASM_DIR, else ../target/pkg-wasm.

import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

import { insertBetween } from "./build/map.mjs";
import { plain } from "./build/plain.mjs";
import { asText } from "./build/text.mjs";
import { shorten } from "./build/shorten.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const root = dirname(here);
const wasmFolder = process.argv[2] ?? process.env.EVERWIRE_WASM_DIR ?? join(root, "target/pkg-wasm");
const target = join(root, "pkg");
/** What starts the module; the glue keeps it to itself. */
const GLUE_EXPORTS = "\nexport { __wbg_get_imports, __wbg_finalize_init };\n";
const DECLARATIONS = ["index", "reliable", "wasm", "react", "vue", "svelte", "public", "types", "errors", "schema", "binding"].concat(
  ["websocket", "socket", "socket-events", "socket-types", "codec", "msgpack", "debug"],
);
/** Tells bundlers that an address is known at run time only; minified modules have no comments. */
const LEAVE_ALONE = "/*webpackIgnore:true*//*@vite-ignore*/";
/** The modules of the package, by their sources. */
const MODULES = {
  index: "everwire.js",
  "engines/complete-inside": "everwire-engine.js",
  "engines/traced-inside": "everwire-trace.js",
  reliable: "everwire-reliable.js",
  wasm: "everwire-wasm.js",
  "engines/complete-outside": "everwire-wasm-engine.js",
  "engines/traced-outside": "everwire-wasm-trace.js",
  debug: "everwire-debug.js",
  react: "everwire-react.js",
  vue: "everwire-vue.js",
  svelte: "everwire-svelte.js",
  websocket: "everwire-websocket.js",
  msgpack: "everwire-msgpack.js",
};
/** What the application has of its own. */
const PEERS = ["react", "vue", "svelte/store", "@msgpack/msgpack"];
/** What the members of ours are called in all of them, since a module may import another. */
const mangleCache = {};

const cargo = readFileSync(join(root, "Cargo.toml"), "utf8");
const [, version] = /^version = "(.+)"$/m.exec(cargo);
const engines = { plain: engine("plain"), complete: engine("complete"), traced: engine("traced") };
rmSync(target, { recursive: true, force: true });
mkdirSync(target);
for (const [source, out] of Object.entries(MODULES)) await bundle(`${source}.ts`, out);
writeFileSync(join(target, "everwire.wasm"), engines.plain.wasm);
writeFileSync(join(target, "everwire-reliable.wasm"), engines.complete.wasm);
writeFileSync(join(target, "everwire-trace.wasm"), engines.traced.wasm);
writeDeclarations();
writeManifest();
for (const name of ["README.md", "LICENSE-MIT", "LICENSE-APACHE"]) copyFileSync(join(root, name), join(target, name));

function engine(name) {
  const folder = join(wasmFolder, name);
  const glue = plain(readFileSync(join(folder, "everwire.js"), "utf8"));
  return shorten(readFileSync(join(folder, "everwire_bg.wasm")), glue);
}

async function bundle(entry, out) {
  const result = await build({
    entryPoints: [join(here, "src", entry)],
    outfile: join(target, out),
    bundle: true,
    external: PEERS,
    format: "esm",
    target: "es2022",
    charset: "utf8",
    minify: true,
    sourcemap: "linked",
    // Members of ours end in an underscore; the others are the glue's own.
    mangleProps: /^[a-z]\w*_$|^__wbg_ptr$|^__destroy_into_raw$|^_wbg_cb_unref$/i,
    mangleCache,
    define: { VERSION: JSON.stringify(version) },
    plugins: [parts()],
  });
  Object.assign(mangleCache, result.mangleCache);
  finish(join(target, out));
}

/** Adds what minifying takes away, and takes the wasm out of the source map: nobody reads it there. */
function finish(file) {
  const bundled = JSON.parse(readFileSync(`${file}.map`, "utf8"));
  const { code, map } = insertBetween("import(", LEAVE_ALONE, "`", readFileSync(file, "utf8"), bundled);
  const isText = (source) => source.startsWith("engine:") && source.includes("text-");
  map.sourcesContent = map.sourcesContent.map((content, at) => (isText(map.sources[at]) ? "" : content));
  writeFileSync(file, code);
  writeFileSync(`${file}.map`, JSON.stringify(map));
}

/**
 * Puts the glue of an engine in the place of `glue-NAME.js`, and its wasm as a text in that of `text-NAME.js`. What is
 * imported later stays a module of its own.
 */
function parts() {
  return {
    name: "parts",
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^\.\/(engines\/)?(glue|text)-\w+\.js$/ }, ({ path }) => ({
        path,
        namespace: "engine",
        sideEffects: false,
      }));
      onResolve({ filter: /^\.\/engines\/(complete|traced)-/ }, ({ path, kind }) =>
        kind === "dynamic-import" ? { path: `./${MODULES[path.slice(2, -3)]}`, external: true } : undefined,
      );
      onLoad({ filter: /./, namespace: "engine" }, ({ path }) => {
        const [, kind, name] = /(glue|text)-(\w+)/.exec(path);
        const { glue, wasm } = engines[name];
        return { contents: kind === "glue" ? glue + GLUE_EXPORTS : asText(wasm), loader: "js" };
      });
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
  delete manifest.scripts;
  manifest.version = version;
  writeFileSync(join(target, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
}
