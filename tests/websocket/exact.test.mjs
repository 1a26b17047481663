// The exact profile beside the platform's own WebSocket in Chromium: case by case they do the same.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { launch, openPage } from "./browser.mjs";
import { servers } from "./servers.mjs";
import { Site } from "./site.mjs";

/** So many cases the table has at least. */
const CASES = 154;

describe("the exact profile is the platform's WebSocket", async () => {
  let browser, site, native, ours;
  before(async () => {
    site = await Site.start(servers);
    await site.addModule("exact.mjs");
    browser = await launch();
    [native, ours] = await Promise.all(["platform", "ours"].map(observe));
  });
  after(async () => {
    await browser?.close();
    await site?.stop();
  });

  /** In a page of its own, whose sockets have nothing to do with those of another. */
  async function observe(which) {
    const page = await openPage(browser, site);
    await page.addScriptTag({ url: "/exact.js", type: "module" });
    await page.waitForFunction(() => window.observations);
    return page.evaluate((which) => window.observations[which](), which);
  }

  it("in every case of the table", () => {
    assert.ok(native.length >= CASES, `${native.length} cases`);
    const name = ([subject, what]) => `${subject}: ${what}`;
    const differences = native.flatMap((observation, index) => {
      const [theirs, mine] = [observation[2], ours[index][2]].map((value) => JSON.stringify(value));
      return theirs === mine ? [] : [`${name(observation)}\n  platform ${theirs}\n  ours     ${mine}`];
    });
    assert.equal(differences.join("\n"), "");
  });
});
