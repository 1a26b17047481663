// Reliable delivery over the ends of a page: reloads, the back-forward cache, a tab that was copied.

import assert from "node:assert/strict";

import { onEachServer } from "./harness/suite.mjs";
import { until } from "./harness/until.mjs";

const PATH = "/?user=ann&delivery=reliable";

/** What the wire keeps in the page's session storage, by the ends of its keys. */
function kept(board) {
  return board.page.evaluate(() =>
    Object.keys(sessionStorage)
      .filter((key) => key.startsWith("everwire:"))
      .map((key) => key.slice(key.lastIndexOf(":") + 1)),
  );
}

onEachServer(
  "a page with reliable delivery",
  (test) => {
    test("leaves what it could not send to the next one, which sends it once", async ({ open, server }) => {
      const ann = await (await open("ann", { path: PATH })).ready();
      await ann.add("Before");
      await ann.untilSaved("Before");
      await server.kill();
      await ann.untilStatus("reconnecting");
      await ann.add("Typed while the server was gone");
      await until("it is stored", async () => (await kept(ann)).some((name) => /^[qs]\d+$/.test(name)));
      await server.start();
      await ann.page.reload();
      await ann.ready();
      await ann.untilSaved("Typed while the server was gone", 20_000);
      const rows = await ann.rows();
      assert.equal(rows.filter(({ title }) => title === "Typed while the server was gone").length, 1);
      await until("nothing is left in storage", async () => (await kept(ann)).join() === "head");
      const values = await ann.page.evaluate(() => Object.values(sessionStorage).join());
      assert.ok(!/eyJ|token/i.test(values), "no token is stored");
    });

    test("comes back from the back-forward cache and goes on", async ({ open, server }) => {
      const ann = await (await open("ann", { path: PATH })).ready();
      await ann.page.evaluate(() =>
        addEventListener("pageshow", ({ persisted }) => (globalThis.wasPersisted = persisted)),
      );
      await ann.page.goto(`${server.origin}/favicon.svg`);
      await ann.page.goBack();
      await until("the page is back", () => ann.page.evaluate(() => globalThis.wasPersisted === true));
      await ann.untilStatus("open");
      await ann.add("After the cache");
      await ann.untilSaved("After the cache");
    });

    test("shares nothing with a tab that was copied from it", async ({ open }) => {
      const ann = await (await open("ann", { path: PATH })).ready();
      await ann.add("Before the copy");
      await ann.untilSaved("Before the copy");
      const [copied] = await Promise.all([
        new Promise((resolve) => ann.page.once("popup", resolve)),
        // A window that a page opens gets a copy of its session storage.
        ann.page.evaluate(() => void window.open(location.href)),
      ]);
      await until("the copy is open", () =>
        copied.$eval("#state", ({ dataset }) => dataset.status === "open").catch(() => false),
      );
      const cid = (page) =>
        page.evaluate(() => {
          const key = Object.keys(sessionStorage).find((name) => name.endsWith(":head"));
          return sessionStorage.getItem(key).split("\n")[1];
        });
      assert.notEqual(await cid(copied), await cid(ann.page));
      assert.equal(await ann.status(), "open");
      await copied.close();
    });
  },
  ["rust"],
);
