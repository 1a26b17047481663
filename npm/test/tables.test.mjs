// What is written down on both sides of the boundary is the same on both: the sources are compared.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

const source = (path) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");

/** The constants `NAME = number`, in either language. */
function numbers(text) {
  return Object.fromEntries(
    [...text.matchAll(/const ([A-Z_]+)(?:: u32)? = (\d+);/g)].map(([, name, value]) => [name, Number(value)]),
  );
}

test("the kinds of event have the same numbers", () => {
  const rust = numbers(source("js/src/facade.rs"));
  const typescript = numbers(source("npm/src/engine.ts"));
  assert.ok(Object.keys(rust).length > 5);
  for (const [name, value] of Object.entries(rust)) assert.equal(typescript[name], value, name);
});

test("the kinds of frame have the same numbers", () => {
  const typescript = numbers(source("npm/src/engine.ts"));
  const arms = [...source("js/src/facade.rs").matchAll(/^ +(\d)(?: if RELIABLE)? => Content::(\w+)/gm)];
  assert.equal(arms.length, 5);
  for (const [, value, name] of arms) assert.equal(typescript[name.toUpperCase()], Number(value), name);
});

test("the kinds of part have the same numbers", () => {
  const rust = [...source("js/src/frames.rs").matchAll(/const ([A-Z]+): i32 = (\d+);/g)];
  const [, table] = /const CONTROLS[^=]+= \[([\s\S]*?)\n\];/.exec(source("npm/src/frames.ts"));
  const names = ["run", ...[...table.matchAll(/\[\s*"(\w+)"/g)].map(([, name]) => name)];
  assert.deepEqual(
    rust.map(([, name, kind]) => [name.toLowerCase(), Number(kind)]),
    names.map((name, kind) => [name, kind]),
  );
});

test("the outcomes of a token have the same numbers", () => {
  const { TOKEN_GRANTED, TOKEN_UNAUTHORIZED } = numbers(source("js/src/lib.rs"));
  const { GRANTED, UNAUTHORIZED } = numbers(source("npm/src/engine.ts"));
  assert.deepEqual([GRANTED, UNAUTHORIZED], [TOKEN_GRANTED, TOKEN_UNAUTHORIZED]);
});

test("the numbers to look at have the same places", () => {
  const arms = [...source("js/src/lib.rs").matchAll(/^ +(\d+) => (?:u64::from\()?stats\.(\w+)/gm)];
  const [, list] = /const STATS = \[([^\]]+)\]/.exec(source("npm/src/wire.ts"));
  const names = list.match(/\w+/g);
  assert.deepEqual(
    names,
    arms.map(([, , name]) => camel(name)),
  );
});

test("the options that are numbers have the same names, ranges, units and places", () => {
  const whole = (text) => Number(text.replaceAll("_", ""));
  const rust = [...source("src/config.rs").matchAll(/^ {4}\w+, "([\w.]+)", "([\w ]+)", ([\d_]+), ([\d_]+), [\d_]+;/gm)];
  const table = [...source("npm/src/options.ts").matchAll(/^ {2}\["([\w.]+)", ([\d_]+), ([\d_]+)(?:, "([\w ]+)")?\],/gm)];
  assert.ok(rust.length > 20);
  assert.deepEqual(
    table.map(([, name, min, max, unit = "ms"]) => [name, unit, whole(min), whole(max)]),
    rust.map(([, name, unit, min, max]) => [camel(name) + (unit === "ms" ? "Ms" : ""), unit, whole(min), whole(max)]),
  );
  const [, body] = /export interface Options<.+> \{([\s\S]*?)\n\}/.exec(source("npm/src/types.ts"));
  assert.deepEqual(new Set(numeric(body)), new Set(table.map(([, name]) => name)));
});

test("the facade has the engine's errors, in its order", () => {
  const [, list] = /enum ErrorCode \{([\s\S]+?)\n\}/.exec(source("src/error.rs"));
  const variants = [...list.matchAll(/^ {4}(\w+),$/gm)].map(([, name]) => name);
  const rust = source("src/error.rs").replaceAll(/\s+/g, " ");
  const words = [...rust.matchAll(/Self::(\w+) => \( ?("[\w-]+", "[^"]+"),? ?\)/g)];
  const byVariant = Object.fromEntries(words.map(([, name, words]) => [name, words]));
  const retryable = /fn is_retryable.*? => true/.exec(rust)[0];
  const typescript = (source("npm/src/errors.ts") + source("npm/src/engines/reliable-errors.ts")).replaceAll(/\s+/g, " ");
  const table = [...typescript.matchAll(/\[ ?("[\w-]+", "[^"]+")(, true)?,? ?\],/g)];
  assert.ok(variants.length > 25);
  assert.deepEqual(
    table.map(([, words, retryable]) => [words, Boolean(retryable)]),
    variants.map((name) => [byVariant[name], new RegExp(`Self::${name}\\b`).test(retryable)]),
  );
});

test("the statuses have the same places", () => {
  const [, rust] = /pub enum Status \{([\s\S]*?)\n\}/.exec(source("src/proto/state.rs"));
  const [, list] = /const STATUSES[^=]*= \[([^\]]+)\]/.exec(source("npm/src/link.ts"));
  const names = [...rust.matchAll(/^ {4}(\w+),$/gm)].map(([, name]) => name.toLowerCase());
  assert.equal(names.length, 5);
  assert.deepEqual(list.match(/\w+/g), names);
});

test("the table of error codes has each code once, and says whether to try again", () => {
  const rows = [...source("docs/errors.md").matchAll(/^\| `([\w-]+)` \|[^|]+\| (yes|no) \|/gm)];
  const documented = rows.map(([, code]) => code);
  assert.equal(new Set(documented).size, documented.length);

  const rust = source("src/error.rs");
  const names = new Map([...rust.matchAll(/Self::(\w+) => \(\s*"([\w-]+)",/g)].map(([, name, code]) => [name, code]));
  const [, retryable] = /fn is_retryable[\s\S]*?match self \{([\s\S]*?)=> true/.exec(rust);
  const again = new Set([...retryable.matchAll(/Self::(\w+)/g)].map(([, name]) => names.get(name)));
  const files = readdirSync(new URL("../src", import.meta.url), { recursive: true }).filter((file) => file.endsWith(".ts"));
  const facade = files.flatMap((file) =>
    [...source(`npm/src/${file}`).matchAll(/new WireError\(\s*"([\w-]+)"/g)].map(([, code]) => code),
  );
  // A request that the server refuses without a code.
  const codes = new Set([...names.values(), ...facade, "error"]);
  assert.ok(names.size > 30 && again.size > 10);
  assert.deepEqual(documented.toSorted(), [...codes].sort());
  for (const [, code, verdict] of rows) {
    if ([...names.values()].includes(code)) assert.equal(verdict === "yes", again.has(code), code);
  }
});

function camel(name) {
  return name.replace(/_./g, (pair) => pair[1].toUpperCase());
}

/** The paths of the members that are numbers, in the text of an interface. */
function numeric(body) {
  const paths = [];
  const group = [];
  for (const [, opened, name, closed] of body
    .replace(/\/\*[\s\S]*?\*\//g, "")
    .matchAll(/(?:(\w+)\?: (?:false \| )?\{)|(\w+)\?: number|(\})/g)) {
    if (opened) group.push(opened);
    else if (closed) group.pop();
    else paths.push([...group, name].join("."));
  }
  return paths;
}
