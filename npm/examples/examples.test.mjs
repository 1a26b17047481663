// The examples in a browser, built as one develops (where StrictMode mounts twice) and as one publishes.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";

import { build } from "esbuild";

import { launch } from "../../tests/e2e/harness/browser.mjs";
import { until } from "../../tests/e2e/harness/until.mjs";
import { TaskServer } from "./server.mjs";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

let browser;
before(async () => void (browser = await launch()));
after(() => browser?.close());

test("react: StrictMode and new renders keep the one connection, and its functions are those of the latest", async () => {
  const { outputFiles } = await build({
    entryPoints: [join(ROOT, "npm/test/react.page.mjs")],
    define: { "process.env.NODE_ENV": '"development"' },
    bundle: true,
    write: false,
    format: "iife",
    globalName: "hooks",
    // The default entry imports the complete engine later, which is not wanted here.
    external: ["./everwire-engine.js"],
  });
  const page = await browser.newPage();
  await page.addScriptTag({ content: outputFiles[0].text });
  const seen = await page.evaluate("hooks.run()");
  await page.close();
  assert.deepEqual(seen.urls, ["ws://a.example/", "ws://a.example/", "ws://b.example/"]);
  assert.deepEqual(seen.tokens, ["first", "second", "third"]);
  assert.deepEqual(seen.handled, [
    ["first", 1],
    ["second", 2],
  ]);
  // Effects run twice in StrictMode, and nothing that they send is lost.
  assert.deepEqual(seen.sent, [
    ["auth", { token: "token of first" }],
    ["hello", "first"],
    ["hello", "first"],
  ]);
  assert.deepEqual([seen.sameWire, seen.firstStatus, seen.lastStatus], [true, "closed", "closed"]);
  assert.deepEqual(seen.closes, [null, 1000, 1000]);
});

for (const mode of ["development", "production"]) {
  describe(`built for ${mode}`, () => {
    const pages = mkdtempSync(join(tmpdir(), "everwire-examples-"));
    let server;
    before(() => {
      const vite = join(ROOT, "node_modules/vite/bin/vite.js");
      const env = { ...process.env, NODE_ENV: mode, EXAMPLES_DIR: pages };
      execFileSync(process.execPath, [vite, "build", join(ROOT, "npm/examples")], { env, stdio: "inherit" });
    });
    after(() => rmSync(pages, { recursive: true, force: true }));
    beforeEach(async () => void (server = await TaskServer.start({ pages })));
    afterEach(() => server.stop());

    for (const framework of ["react", "vue", "svelte"]) {
      test(`${framework}: one socket, live messages both ways, and none after it is left`, async () => {
        const page = await Page.open(server, framework);
        await page.shows("#status", "open");
        assert.equal(server.connections.length, 1);
        assert.equal(await page.text("#latest"), "none");

        await page.add("Sent from the page");
        await page.shows("li label", "Sent from the page");
        await page.shows("#latest", "Sent from the page");
        server.broadcast("task_created", { id: 1_000, title: "Sent by the server", done: false });
        await page.shows("li:last-child label", "Sent by the server");
        await page.shows("#latest", "Sent by the server");
        await page.click("li input");
        await until("the server ticked it", () => page.$eval("li input", ({ checked }) => checked));
        server.broadcast("task_updated", { id: 1_000, title: "Changed by the server", done: true });
        await page.shows("li:last-child label", "Changed by the server");

        // Unmounted: the server sees the end. Mounted again: another socket, and the list as it is now.
        await page.click("#toggle");
        await until("the server saw the close", () => server.connections[0].closedWith === 1000);
        assert.equal(server.connections.length, 1);
        await page.click("#toggle");
        await page.shows("#status", "open");
        await page.shows("li label", "Sent from the page");
        assert.equal(server.connections.length, 2);
        await page.close();
      });

      test(`${framework}: a cut is shown, and what is added meanwhile follows`, async () => {
        const page = await Page.open(server, framework);
        await page.shows("#status", "open");
        server.cut();
        await page.shows("#status", "reconnecting");
        await page.add("Added while away");
        await page.shows("li label", "Added while away");
        await page.shows("#status", "open");
        assert.equal(server.connections.length, 2);
        await page.close();
      });
    }
  });
}

/** A window with an example. */
class Page {
  #page;
  #complaints = [];

  static async open(server, framework) {
    const page = new Page();
    page.#page = await browser.newPage();
    page.#page.on("pageerror", (error) => page.#complaints.push(String(error)));
    page.#page.on("console", (message) => {
      if (["error", "warn"].includes(message.type())) page.#complaints.push(message.text());
    });
    await page.#page.goto(`${server.origin}/${framework}/`);
    return page;
  }

  text(selector) {
    return this.#page.$eval(selector, ({ textContent }) => textContent.trim()).catch(() => undefined);
  }

  $eval(selector, read) {
    return this.#page.$eval(selector, read);
  }

  click(selector) {
    return this.#page.click(selector);
  }

  shows(selector, text) {
    return until(`${selector} is “${text}”`, async () => (await this.text(selector)) === text, { withinMs: 15_000 });
  }

  async add(title) {
    await this.#page.type("[name=title]", title);
    await this.#page.click("#add");
  }

  /** Fails if the page complained of anything. */
  async close() {
    await this.#page.close();
    assert.deepEqual(this.#complaints, []);
  }
}
