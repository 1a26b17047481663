// The package in runtimes without pages.

import { after, before, describe, it } from "node:test";

import { Group, run } from "./harness/install.mjs";
import { Board } from "./harness/servers.mjs";
import { check } from "./harness/verdict.mjs";

/** A runtime: a program of the group, or the Node that runs this, with its arguments. */
const RUNTIMES = {
  "Node 20 with ws": { args: ["run-ws.js"] },
  "Node 22": { program: "node", args: ["run.js"] },
  Deno: { program: "deno", args: ["run", "--allow-net", "--allow-env", "--no-remote", "run.js"] },
  Bun: { program: "bun", args: ["run.js"] },
};

describe("the package exchanges messages in", { timeout: 300_000 }, () => {
  let group;
  let board;
  let folder;
  before(async () => {
    group = await Group.install("runtimes");
    folder = await group.exchangingProject("all");
    board = await Board.start();
  });
  after(() => board?.stop());

  for (const [name, { program, args }] of Object.entries(RUNTIMES)) {
    it(name, async () => {
      const env = { EVERWIRE_SETTINGS: JSON.stringify(await board.settings()) };
      const runtime = program ? group.program(program) : process.execPath;
      const said = await run(runtime, args, folder, env);
      await check(JSON.parse(said), board);
    });
  }
});
