// The browser, and pages that keep a record of all they must not do.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

import puppeteer from "puppeteer-core";

import { Board } from "./board.mjs";

const QUIET = [
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-quic",
];

// What the browser itself reports while a server is away. Only tests that take the server away may see it.
const NETWORK_ERROR =
  /^(WebSocket connection to .* failed|Failed to load resource: (net::ERR_|the server responded with a status of 503))/;

export class Browser {
  #browser;

  static async launch() {
    const browser = new Browser();
    browser.#browser = await launch();
    return browser;
  }

  /** A window of its own with the board of `user`. `size` is `{ width, height }` in CSS pixels. */
  async open(origin, user, { size = { width: 1280, height: 900 }, path = `/?user=${user}` } = {}) {
    const context = await this.#browser.createBrowserContext();
    const page = await context.newPage();
    await page.setViewport(size);
    const record = await watch(page);
    await page.goto(origin + path);
    return new Board(page, user, record);
  }

  close() {
    return this.#browser.close();
  }
}

/** A headless Chromium. */
export function launch() {
  const isRoot = process.getuid?.() === 0;
  return puppeteer.launch({
    executablePath: process.env.CHROME_BIN ?? onPath("chromium"),
    args: isRoot ? [...QUIET, "--no-sandbox"] : QUIET,
  });
}

async function watch(page) {
  const record = new Record();
  page.on("console", (message) => record.lines.push({ type: message.type(), text: message.text() }));
  page.on("pageerror", (error) => record.lines.push({ type: "pageerror", text: String(error.stack ?? error) }));
  page.on("request", (request) => record.urls.push(request.url()));
  page.on("response", async (response) => {
    if (new URL(response.url()).pathname !== "/api/token" || !response.ok()) return;
    // The body is gone if the page went meanwhile.
    const body = await response.json().catch(() => undefined);
    if (body) record.tokens.push(body.token);
  });
  const session = await page.createCDPSession();
  await session.send("Network.enable");
  session.on("Network.webSocketCreated", ({ url }) => record.urls.push(url));
  await page.exposeFunction("recordViolation", (violation) => record.violations.push(violation));
  await page.evaluateOnNewDocument(() => {
    document.addEventListener("securitypolicyviolation", (event) => {
      window.recordViolation(`${event.violatedDirective} blocked ${event.blockedURI}`);
    });
    // A chip may say something for less time than it takes to ask.
    window.seenChips = [];
    const look = () =>
      window.seenChips.push(...[...document.querySelectorAll(".chip")].map((chip) => chip.textContent));
    new MutationObserver(look).observe(document, { subtree: true, childList: true, characterData: true });
  });
  return record;
}

/** All that a page said, asked for and was given. */
export class Record {
  lines = [];
  urls = [];
  tokens = [];
  violations = [];

  /** Fails if the page said or did what it must not. */
  check({ mayLoseServer = false } = {}) {
    assert.deepEqual(this.violations, [], "the content security policy was violated");
    const complaints = this.lines
      .filter(({ type }) => ["error", "pageerror", "warn"].includes(type))
      .filter(({ text }) => !(mayLoseServer && NETWORK_ERROR.test(text)));
    assert.deepEqual(complaints, [], "the console has complaints");
    const open = [...this.urls, ...this.lines.map(({ text }) => text)];
    for (const token of this.tokens) {
      assert.ok(!open.some((text) => text.includes(token)), "a token was seen in a URL or on the console");
    }
  }
}

function onPath(program) {
  const found = process.env.PATH.split(delimiter)
    .map((folder) => join(folder, program))
    .find(existsSync);
  if (!found) throw new Error(`install ${program}, or set CHROME_BIN`);
  return found;
}
