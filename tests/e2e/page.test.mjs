// The page itself: keyboard, names for screen readers, a narrow screen, a strict policy, no token in sight.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

import { onEachServer } from "./harness/suite.mjs";
import { until } from "./harness/until.mjs";

const LONG = "A title without mercy, ".repeat(6) + "and-one-word-that-has-no-place-to-break-".repeat(1);

onEachServer("the page", (test) => {
  test("can be used with the keyboard alone", async ({ open }) => {
    const ann = await (await open("ann")).ready();
    const { keyboard } = ann.page;
    await tabTo(ann, "#new-title");
    await keyboard.type("Typed");
    await keyboard.press("Enter");
    await ann.untilQuiet();
    assert.equal(await focused(ann), "#new-title", "the next task can be typed at once");

    await tabTo(ann, ".task input[type=checkbox]");
    await keyboard.press("Space");
    await ann.untilRow("Typed", { done: true });
    await tabTo(ann, ".title");
    await keyboard.press("Enter");
    await keyboard.type("Typed again");
    await keyboard.press("Escape");
    assert.deepEqual(await ann.titles(), ["Typed"], "Escape gives up the edit");
    await keyboard.press("Enter");
    await keyboard.type("Typed twice");
    await keyboard.press("Enter");
    await ann.untilRow("Typed twice", { done: true });
    assert.equal(await focused(ann), ".title", "the focus is back on the title");

    await tabTo(ann, ".task select");
    await keyboard.press("b");
    await ann.untilRow("Typed twice", { assignee: "ben" });
    await tabTo(ann, ".delete");
    await keyboard.press("Enter");
    await ann.until("no task", (rows) => rows.length === 0);
    assert.equal(await focused(ann), "#new-title", "the focus has not gone with the row");
  });

  test("keeps the focus while others change the list", async ({ open }) => {
    const ann = await (await open("ann")).ready();
    const ben = await (await open("ben")).ready();
    await ann.add("One");
    await ben.untilRow("One", {});
    await ann.page.focus(".title");
    await ben.add("Two");
    await ben.toggle("One");
    await ann.untilRow("One", { done: true });
    await ann.untilRow("Two", {});
    assert.equal(await ann.page.evaluate(() => document.activeElement.textContent), "One");
  });

  test("has no violation of the usual accessibility rules, light, dark and in trouble", async ({ server, open }) => {
    const ann = await (await open("ann")).ready();
    await ann.add("A task");
    await ann.untilQuiet();
    for (const value of ["light", "dark"]) {
      await ann.page.emulateMediaFeatures([{ name: "prefers-color-scheme", value }]);
      assert.deepEqual(await axe(ann), []);
    }
    await server.kill();
    await ann.untilStatus("reconnecting");
    await ann.add("Another task");
    await ann.untilRow("Another task", { stage: "queued" });
    assert.deepEqual(await axe(ann), []);
  });

  test("tells screen readers politely of a loss and the return", async ({ open }) => {
    const ann = await (await open("ann")).ready();
    assert.equal(await ann.page.$eval("#announcer", (node) => node.getAttribute("aria-live")), "polite");
    await ann.breakIt("drop");
    await until("the return is announced", async () => (await ann.text("#announcer")) === "Connected again.");
  });

  test("fits a narrow screen", async ({ open }) => {
    const ann = await (await open("ann", { size: { width: 360, height: 740 } })).ready();
    await ann.add(LONG);
    await ann.untilQuiet();
    const [wide, view] = await ann.page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
    assert.equal(wide, view, "nothing sticks out to the side");
    assert.equal(view, 360);
    const small = await ann.page.$$eval("button, select, a.pill, .users a", (nodes) =>
      nodes
        .filter((node) => node.offsetParent && node.getBoundingClientRect().height < 24)
        .map((node) => node.outerHTML),
    );
    assert.deepEqual(small, [], "every control is large enough for a finger");
    ann.record.check();
  });

  test("is served with a strict policy, keeps to it and shows no token", async ({ kind, server, open }) => {
    const { headers } = await fetch(server.origin);
    assert.equal(headers.get("content-security-policy"), "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'");
    assert.equal(headers.get("x-content-type-options"), "nosniff");

    const ann = await (await open("ann")).ready();
    await ann.add("<img src=x onerror=alert(1)>");
    await ann.untilRow("<img src=x onerror=alert(1)>", {});
    await ann.breakIt("drop");
    await until("ann reconnected", async () => (await ann.text("#reconnects")) === "1");
    await ann.untilStatus("open");
    ann.record.check();
    assert.equal(ann.record.tokens.length > 0, kind === "rust", "only the Rust server hands out tokens");
    const kept = await ann.page.evaluate(
      () => document.documentElement.outerHTML + JSON.stringify({ ...sessionStorage, ...localStorage }),
    );
    for (const token of ann.record.tokens) assert.ok(!kept.includes(token), "a token is kept or shown");
  });

  test("says so when the server is away at the start, and starts once it is there", async ({ server, open }) => {
    const ann = await open("ann", { path: "/favicon.svg" });
    await ann.page.setRequestInterception(true);
    let isAway = true;
    ann.page.on("request", (request) => {
      if (isAway && request.url().includes("/api/")) request.abort("connectionrefused");
      else request.continue();
    });
    await ann.page.goto(`${server.origin}/?user=ann`);
    await until("the notice is shown", async () => (await ann.text("#notice-title")) === "The board cannot start yet");
    await ann.page.type("#new-title", "Typed before the start");
    isAway = false;
    // Not with the mouse: the page may try by itself at this moment, and then the button is gone.
    await ann.page.$eval("#notice-action", (button) => button.click());
    await ann.ready();
    await ann.page.click("#new-submit");
    await ann.untilSaved("Typed before the start");
  });
});

onEachServer(
  "a user who is signed out",
  (test) => {
    test("is told so, loses nothing, and can go on after signing in again", async ({ server, open }) => {
      const ann = await (await open("ann")).ready();
      await ann.page.setRequestInterception(true);
      let isSignedOut = true;
      const body = JSON.stringify({ error: { code: "unauthorized", message: "Sign in again." } });
      ann.page.on("request", (request) => {
        if (isSignedOut && request.url().endsWith("/api/token"))
          request.respond({ status: 401, contentType: "application/json", body });
        else request.continue();
      });
      await ann.breakIt("drop");
      await ann.untilStatus("closed");
      await until(
        "the notice is shown",
        async () => (await ann.text("#notice-title")) === "The connection has ended for good",
      );
      await ann.add("Typed while signed out");
      await ann.untilRow("Typed while signed out", { stage: "queued" });

      isSignedOut = false;
      await ann.page.click("#notice-action");
      await ann.untilSaved("Typed while signed out");
      assert.equal((await server.tasks("ben")).length, 1);
      assert.ok(await ann.page.$eval("#notice", (node) => node.hidden));
    });
  },
  ["rust"],
);

async function tabTo(board, selector) {
  for (let presses = 0; presses < 40; presses += 1) {
    await board.page.keyboard.press("Tab");
    if (await board.page.evaluate((wanted) => document.activeElement.matches(wanted), selector)) return;
  }
  assert.fail(`Tab does not lead to ${selector}`);
}

function focused(board) {
  return board.page.evaluate(() => {
    const { id, className } = document.activeElement;
    return id ? `#${id}` : `.${className}`;
  });
}

// The policy lets nothing in from outside the page, so the checker comes in through the debugger.
async function axe(board) {
  const path = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
  await board.page.evaluate(await readFile(path, "utf8"));
  const { violations } = await board.page.evaluate(() => window.axe.run());
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" | ")}`);
}
