// Libraries in Chromium against their own servers, on our class: they connect, work, and survive a cut as they should.

import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";

import { launch, openPage } from "./browser.mjs";
import { startLibraries } from "./library-servers.mjs";
import { until } from "./until.mjs";

describe("libraries in a browser", () => {
  let browser, libraries, site, page;
  before(async () => {
    libraries = await startLibraries();
    site = libraries.site;
    await site.addModule("libraries.mjs");
    browser = await launch();
  });
  after(async () => {
    await browser?.close();
    await libraries?.stop();
  });
  beforeEach(async () => {
    page = await openPage(browser, site);
    await page.addScriptTag({ url: "/libraries.js", type: "module" });
    await page.waitForFunction(() => window.libraries);
  });

  const start = (library, name) =>
    page.evaluate((library, name) => void (window.stop = window.libraries[library](name)), library, name);
  const seen = (look) => page.waitForFunction(look, { timeout: 15_000 });
  const stop = async (path) => {
    await page.evaluate(() => window.stop());
    await until(`nothing is left on ${path}`, () => site.count(path) === 0);
    await page.close();
  };

  it("graphql-ws: a query, and a subscription that goes on after a cut", async () => {
    await start("graphql", "ExactWebSocket");
    await seen(() => window.seen.graphql.hello === "world" && window.seen.graphql.ticks.length > 3);
    site.cut("/graphql");
    await seen(() => window.seen.graphql.ticks.filter(([connection]) => connection === 2).length > 3);
    const { closed, failed } = await page.evaluate(() => window.seen.graphql);
    assert.deepEqual([closed, failed], [1, undefined]);
    assert.equal(site.count("/graphql"), 1, "one socket, and none left of those before");
    await stop("/graphql");
  });

  for (const name of ["ExactWebSocket", "WebSocket"]) {
    it(`y-websocket on ${name}: two documents stay the same, also with what was written during a cut`, async () => {
      await start("y", name);
      await seen(() => window.seen.y.synced.every((times) => times === 1));
      await page.evaluate(() => window.write(0, "before "));
      await seen(() => window.seen.y.texts().every((text) => text === "before "));
      site.cut("/y");
      await page.evaluate(() => {
        window.write(0, "one ");
        window.write(1, "two ");
      });
      await seen(() => {
        const [one, two] = window.seen.y.texts();
        return one === two && one.includes("one ") && one.includes("two ") && one.includes("before ");
      });
      await seen(() => window.seen.y.synced.every((times) => times === 2));
      assert.equal(site.count("/y"), 2, "a socket each, and none left of those before");
      await stop("/y");
    });
  }

  it("mqtt.js: what is published during a cut arrives", async () => {
    await start("mqtt", "ExactWebSocket");
    await seen(() => window.seen.mqtt.connected === 1);
    await page.evaluate(() => window.publish("first"));
    await seen(() => window.seen.mqtt.got.length === 1);
    site.cut("/mqtt");
    await page.evaluate(() => window.publish("second"));
    await seen(() => window.seen.mqtt.connected === 2 && window.seen.mqtt.got.includes("rooms/one: second"));
    assert.equal(await page.evaluate(() => window.seen.mqtt.failed), undefined);
    assert.equal(site.count("/mqtt"), 1, "one socket, and none left of those before");
    await stop("/mqtt");
  });
});
