// The board's store, in the browser it is written for: whatever order the news comes in, the newest version stands.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { Browser } from "./harness/browser.mjs";
import { Server } from "./harness/servers.mjs";

const task = (id, version, fields = {}) => ({
  id,
  version,
  title: `v${version}`,
  owner: "ann",
  assignee: null,
  done: false,
  key: null,
  ...fields,
});

// Steps are [method, argument] on the store of ann; `shows` is what the rows say at the end.
const CASES = [
  {
    name: "an older version changes nothing",
    steps: [
      ["apply", task(1, 3)],
      ["apply", task(1, 2)],
    ],
    shows: ["v3"],
  },
  {
    name: "the same version twice is one row",
    steps: [
      ["apply", task(1, 1)],
      ["apply", task(1, 1)],
    ],
    shows: ["v1"],
  },
  {
    name: "a late answer does not bring a deleted task back",
    steps: [
      ["apply", task(1, 2)],
      ["remove", 1],
      ["apply", task(1, 2)],
    ],
    shows: [],
  },
  {
    name: "a task that becomes visible again is shown",
    steps: [
      ["apply", task(1, 2)],
      ["remove", 1],
      ["apply", task(1, 4)],
    ],
    shows: ["v4"],
  },
  {
    name: "a list takes away what it lacks",
    steps: [["apply", task(1, 1)], ["expectList"], ["applyList", []]],
    shows: [],
  },
  {
    name: "a list that was made before a push does not undo it",
    steps: [["expectList"], ["apply", task(1, 1)], ["applyList", []]],
    shows: ["v1"],
  },
  {
    name: "a list that was made before a delete does not undo it",
    steps: [["apply", task(1, 1)], ["expectList"], ["remove", 1], ["applyList", [task(1, 1)]]],
    shows: [],
  },
  {
    name: "a delete of a task that was never seen holds against the list",
    steps: [["expectList"], ["remove", 1], ["applyList", [task(1, 1)]]],
    shows: [],
  },
  {
    name: "a task given to others leaves",
    steps: [
      ["apply", task(1, 1, { owner: "ben" })],
      ["apply", task(1, 2, { owner: "ben", assignee: "cleo" })],
    ],
    shows: [],
  },
  { name: "the newest task is on top", steps: [["applyList", [task(1, 1), task(2, 5)]]], shows: ["v5", "v1"] },
];

describe("the store", () => {
  let server, browser, board;
  before(async () => {
    server = await Server.start("rust");
    browser = await Browser.launch();
    board = await browser.open(server.origin, "ann");
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
  });

  for (const { name, steps, shows } of CASES) {
    it(name, async () => {
      const titles = await board.page.evaluate(async (script) => {
        const { Tasks } = await import("/js/tasks.js");
        const store = new Tasks({ read: (_, fallback) => fallback, write: () => {} }, "ann");
        for (const [method, argument] of script) store[method](argument);
        return store.rows().map((row) => row.title);
      }, steps);
      assert.deepEqual(titles, shows);
    });
  }
});
