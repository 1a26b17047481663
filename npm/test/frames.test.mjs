// How the facade reads frames of reliable mode, held to the golden vectors that every codec is held to.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

const entry = fileURLToPath(new URL("../src/frames.ts", import.meta.url));
const { outputFiles } = await build({ entryPoints: [entry], bundle: true, format: "esm", write: false });
const { split } = await import(`data:text/javascript,${encodeURIComponent(outputFiles[0].text)}`);
const source = readFileSync(new URL("../src/frames.ts", import.meta.url), "utf8");
const vectors = JSON.parse(readFileSync(new URL("../../tests/vectors/frames.json", import.meta.url), "utf8"));

/** Of each kind: its name, its numbers, its words. */
const KINDS = [
  ["run", ["first", "count", "ack", "re"], []],
  ...[...source.matchAll(/^ {2}\[\s*"(\w+)",\s*"([^"]*)",\s*"([^"]*)",?\s*\],/gm)].map(([, name, numbers, words]) => [
    name,
    fields(numbers),
    fields(words),
  ]),
];

function fields(text) {
  return text.replaceAll("?", "").split(" ").filter(Boolean);
}

/** NaN stands for what is absent, and minus zero is zero. */
const present = (value) => (typeof value === "number" ? (Number.isNaN(value) ? null : value + 0) : (value ?? null));

/** A part as the vectors write it. */
function named({ kind_, numbers_, words_ }) {
  const [name, numbers, words] = KINDS[kind_] ?? ["unknown", [], []];
  const own = Object.fromEntries([
    ...numbers.map((field, index) => [field, present(numbers_[index])]),
    ...words.map((field, index) => [field, present(words_[index])]),
  ]);
  if (name === "run") return { run: own };
  if (name === "session") {
    own.resumed = own.resumed === 1;
    const refused = numbers_.slice(numbers.length);
    own.errs = refused.map((seq, index) => [seq, words_[words.length + index]]);
  }
  if (name === "auth" && own.ok !== null) own.ok = own.ok === 1;
  return { control: name, ...own };
}

/** Only what the vectors ask for: an absent field is as good as one that is null. */
function asked(part, wanted) {
  if (wanted.run) return part;
  const fields = Object.entries(wanted).map(([name, value]) => {
    const own = part[name] ?? null;
    return [name, name === "need" ? value : name === "errs" && !value && own?.length === 0 ? value : own];
  });
  return Object.fromEntries(fields);
}

function read(text, wanted) {
  let parts;
  try {
    parts = split(JSON.parse(text)).map(named);
  } catch {
    return "invalid";
  }
  return Array.isArray(wanted) ? parts.map((part, index) => asked(part, wanted[index] ?? {})) : parts;
}

const text = (pieces) =>
  typeof pieces === "string" ? pieces : pieces.map(([piece, times]) => piece.repeat(times)).join("");

test("every frame that a client may get is read as the vectors say", () => {
  const frames = vectors.frames.filter(({ reader }) => reader === "client");
  assert.ok(frames.length > 100);
  for (const { name, text: pieces, is, or } of frames) {
    const readings = [is, ...(or ? [or] : [])];
    const good = readings.some((wanted) => {
      try {
        assert.deepEqual(read(text(pieces), wanted), wanted);
        return true;
      } catch {
        return false;
      }
    });
    if (!good) assert.deepEqual(read(text(pieces), is), is, name);
  }
});
