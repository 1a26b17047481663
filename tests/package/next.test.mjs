// The package in a client component of Next.js, whose page is rendered on the server first.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";

import { Browser } from "./harness/browser.mjs";
import { Group, run } from "./harness/install.mjs";
import { Board, Site } from "./harness/servers.mjs";
import { check } from "./harness/verdict.mjs";

describe("a client component of Next.js", { timeout: 500_000 }, () => {
  let board;
  let browser;
  let site;
  before(async () => {
    board = await Board.start();
    browser = await Browser.launch();
  });
  after(async () => {
    await browser?.close();
    await board?.stop();
    site?.stop();
  });

  it("is rendered in Node, and exchanges messages in the browser", async () => {
    const group = await Group.install("next");
    const folder = await group.exchangingProject("app", "app");
    await run(group.program("next"), ["build"], folder, { NEXT_TELEMETRY_DISABLED: "1", NODE_ENV: "production" });
    const out = join(folder, "out");
    assert.match(await readFile(join(out, "index.html"), "utf8"), /<p>0<!-- --> reports<\/p>/);
    site = await Site.start(out);
    await check(await browser.report(`${site.origin}/`, await board.settings()), board);
  });
});
