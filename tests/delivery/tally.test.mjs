// The tally of the page: it finds every kind of error, and takes what it was told of for no error.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Tally } from "./page/tally.mjs";

/** Numbers are received; `{ missed }` tells of a gap and reads the state; `"reload"` goes on from what was saved. */
function run(steps) {
  let tally = new Tally();
  for (const step of steps) {
    if (typeof step === "number") tally.take(step);
    else if (step === "reload") tally = new Tally(JSON.parse(JSON.stringify(tally)));
    else tally.stateRead(tally.missed(), step.missed);
  }
  return tally;
}

const CASES = [
  ["all in order", [1, 2, 3], 3, {}],
  ["a hole", [1, 4], 4, { lost: 2 }],
  ["a hole at the end", [1, 2], 5, { lost: 3 }],
  ["nothing at all", [], 2, { lost: 2 }],
  ["the same twice", [1, 2, 2, 3], 3, { twice: [2] }],
  ["the same again much later", [1, 2, 3, 1], 3, { twice: [1] }],
  ["out of order", [1, 3, 2], 3, { lost: 1, outOfOrder: [2] }],
  ["a hole that was told", [1, { missed: 4 }, 5], 5, { covered: 3 }],
  ["a told hole, and later messages in the state", [1, { missed: 9 }, 4, 5], 5, { covered: 2 }],
  ["a told hole that the state does not fill", [1, { missed: 2 }, 5], 5, { covered: 1, lost: 2 }],
  ["nothing missed in spite of the news", [1, { missed: 1 }, 2], 2, {}],
  ["two pieces of news at one place", [1, { missed: 2 }, { missed: 4 }, 5], 5, { covered: 3 }],
  ["a late one out of a told hole", [1, { missed: 4 }, 5, 3], 5, { covered: 3, outOfOrder: [3] }],
  ["a told hole at the end", [1, { missed: 4 }], 4, {}],
  ["a told hole at the end that is too long", [1, { missed: 4 }], 6, { lost: 2 }],
  ["over a reload", [1, 2, "reload", 3], 3, {}],
  ["twice over a reload", [1, 2, "reload", 2, 3], 3, { twice: [2] }],
  ["a hole over a reload", [1, "reload", 3], 3, { lost: 1 }],
  ["a told hole over a reload", [1, "reload", { missed: 5 }, 6], 6, { covered: 4 }],
];

for (const [name, steps, sent, { lost = 0, twice = [], outOfOrder = [], covered = 0 }] of CASES)
  test(name, () => {
    const report = run(steps).report(sent);
    const seen = { ...report, lost: report.lost.count };
    assert.deepEqual(seen, { ...seen, lost, twice, outOfOrder, covered });
  });

test("news without state leave a hole", () => {
  const tally = new Tally();
  tally.take(1);
  tally.missed();
  tally.take(4);
  assert.equal(tally.report(4).lost.count, 2);
  assert.equal(tally.reaches(4), false);
});
