// What counts as flat.

import assert from "node:assert/strict";
import { test } from "node:test";

import { flat } from "./run/flat.mjs";

const row = (value) => Array.from({ length: 20 }, (_, index) => value(index));

for (const [name, values, holds] of [
  ["a constant", row(() => 100), true],
  ["a row that grew while it was warm-up", row((index) => Math.min(index, 5) * 1_000), true],
  ["noise", row((index) => 100 + (index % 2) * 8), true],
  ["steady growth", row((index) => index * 10), false],
  ["a step late in the row", row((index) => (index > 14 ? 50 : 0)), false],
  ["a single measurement", [1], false],
])
  test(`${name} is ${holds ? "" : "not "}flat`, () => assert.equal(flat(values, 10).holds, holds));
