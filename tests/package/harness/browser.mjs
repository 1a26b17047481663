// A headless Chromium that opens pages of projects and takes their reports.

import assert from "node:assert/strict";

import { launch } from "../../e2e/harness/browser.mjs";
import { until } from "../../e2e/harness/until.mjs";

// A connection takes 10 s at most, a request as much; there are two of each.
const REPORT_LIMIT_MS = 40_000;

export class Browser {
  #browser;

  static async launch() {
    const browser = new Browser();
    browser.#browser = await launch();
    return browser;
  }

  /**
   * Opens a page that finds `settings` in `window.settings` and answers what its `window.report` resolves with. Fails if the page
   * had anything to complain of.
   */
  report(address, settings) {
    return this.#visit(address, settings, async (page) => {
      await page.waitForFunction(() => window.report !== undefined);
      return page.evaluate(reported, REPORT_LIMIT_MS);
    });
  }

  /** Opens a page and answers the lines that it logs, once all of `expected` are among them. Fails if it had complaints. */
  lines(address, expected) {
    return this.#visit(address, {}, async (_, lines) => {
      const isComplete = () => expected.every((line) => lines.includes(line));
      await until(`the page logs ${expected.join(", ")}`, isComplete, { show: () => lines.join("\n") });
      return lines;
    });
  }

  async #visit(address, settings, look) {
    const context = await this.#browser.createBrowserContext();
    const page = await context.newPage();
    const lines = [];
    const complaints = [];
    // The browser asks for an icon by itself.
    const complain = (what, about = "") => about.endsWith("/favicon.ico") || complaints.push(String(what));
    page.on("console", (message) => {
      const isComplaint = ["error", "warn"].includes(message.type());
      if (isComplaint) complain(message.text(), message.location().url);
      else lines.push(message.text());
    });
    page.on("pageerror", (error) => complain(error.stack ?? error));
    page.on("requestfailed", (request) => complain(`${request.url()} failed`));
    await page.evaluateOnNewDocument((settings) => (window.settings = settings), settings);
    try {
      await page.goto(address);
      const seen = await look(page, lines);
      assert.deepEqual(complaints, []);
      return seen;
    } catch (error) {
      error.message += `\nThe page complained: ${complaints.join("\n")}`;
      throw error;
    } finally {
      await context.close();
    }
  }

  close() {
    return this.#browser.close();
  }
}

/** Runs in the page. */
function reported(withinMs) {
  const late = new Promise((_, reject) => setTimeout(reject, withinMs, new Error("the page did not report in time")));
  return Promise.race([window.report, late]);
}
