// What is in the tarball, and what the linters of published packages say of it.

import assert from "node:assert/strict";
import { readFile, readdir, stat } from "node:fs/promises";
import { SourceMap } from "node:module";
import { join } from "node:path";
import { before, describe, it } from "node:test";

import { Group, run } from "./harness/install.mjs";

// Half of it are the source maps. Above this, something got in that nobody needs.
const TARBALL_LIMIT = 600_000;
/** What has no types, being no module. */
const NO_MODULES = ["everwire.wasm", "everwire-reliable.wasm"];

/** What the README calls the tools whose versions it names, by their groups. */
const NAMED = {
  web: { vite: "Vite", webpack: "webpack", rollup: "Rollup", esbuild: "esbuild", parcel: "Parcel" },
  runtimes: { ws: "Node with ws", node: "Node", deno: "Deno", bun: "Bun" },
  next: { next: "Next.js" },
};

describe("the README", () => {
  it("names the versions that are tested", async () => {
    const readme = await readFile(new URL("../../README.md", import.meta.url), "utf8");
    for (const [group, tools] of Object.entries(NAMED)) {
      const manifest = JSON.parse(await readFile(new URL(`${group}/package.json`, import.meta.url), "utf8"));
      for (const [tool, name] of Object.entries(tools)) {
        const row = `\n| ${name} | ${manifest.devDependencies[tool]} |`;
        assert.ok(readme.includes(row), `README.md has no row "${row.trim()}"`);
      }
    }
  });
});

describe("the tarball", () => {
  let group;
  let installed;
  let manifest;
  before(async () => {
    group = await Group.install("web");
    installed = join(group.folder, "projects/node_modules/everwire");
    manifest = JSON.parse(await readFile(join(installed, "package.json"), "utf8"));
  });

  it("has nothing that publint objects to", async () => {
    await run(group.program("publint"), ["--strict", group.tarball], group.folder);
  });

  it("has types that resolve wherever modules do", async () => {
    const args = ["--profile", "esm-only", "--exclude-entrypoints", ...NO_MODULES, "--no-emoji", "--no-color"];
    await run(group.program("attw"), [group.tarball, ...args], group.folder);
  });

  it("runs nothing when it is installed, and brings nothing along", () => {
    assert.equal(manifest.scripts, undefined);
    assert.equal(manifest.dependencies, undefined);
    const peers = Object.keys(manifest.peerDependencies ?? {});
    const required = peers.filter((peer) => !manifest.peerDependenciesMeta?.[peer]?.optional);
    assert.deepEqual(required, []);
  });

  it("is no larger than it has to be", async () => {
    const { size } = await stat(group.tarball);
    assert.ok(size < TARBALL_LIMIT, `the tarball has ${size} bytes`);
  });

  it("has its licences, and a manifest that says what it is", async () => {
    const files = await readdir(installed);
    for (const file of ["README.md", "LICENSE-MIT", "LICENSE-APACHE"]) assert.ok(files.includes(file), file);
    for (const field of ["description", "keywords", "license", "engines"]) assert.ok(manifest[field], field);
  });

  it("has a file for each of its exports, with types first", async () => {
    for (const [entry, target] of Object.entries(manifest.exports)) {
      if (typeof target === "object") assert.equal(Object.keys(target)[0], "types", entry);
      for (const file of typeof target === "object" ? Object.values(target) : [target]) {
        await stat(join(installed, file));
      }
    }
  });

  it("has a source map for each module, that finds the names of its sources", async () => {
    const modules = (await readdir(installed)).filter((file) => file.endsWith(".js"));
    assert.ok(modules.length > 0);
    for (const file of modules) {
      const code = await readFile(join(installed, file), "utf8");
      const [, mapFile] = /\n\/\/# sourceMappingURL=(\S+)\s*$/.exec(code);
      const map = JSON.parse(await readFile(join(installed, mapFile), "utf8"));
      for (const name of sharedNames(code, map)) assert.equal(nameAtOrigin(code, map, name), name, file);
    }
  });
});

/** The long names of called methods that are in a module and in its sources once each. Maps know the places of these. */
function sharedNames(code, { sourcesContent }) {
  const count = (text, part) => text.split(part).length - 1;
  const sources = sourcesContent.join("\n");
  const names = code.match(/(?<=\.)[A-Za-z]\w{6,}(?=\()/g) ?? [];
  return names.filter((name) => count(code, name) === 1 && count(sources, name) === 1);
}

/** What the sources have where the map says that a name of the module comes from. */
function nameAtOrigin(code, map, name) {
  const before = code.slice(0, code.indexOf(name)).split("\n");
  const { originalSource, originalLine, originalColumn } = new SourceMap(map).findEntry(
    before.length - 1,
    before.at(-1).length,
  );
  const lines = map.sourcesContent[map.sources.indexOf(originalSource)].split("\n");
  return lines[originalLine].slice(originalColumn, originalColumn + name.length);
}
