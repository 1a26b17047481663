// A page in any browser, over WebDriver's own HTTP.

import { readFile } from "node:fs/promises";
import { basename } from "node:path";

import { answers, freePort, Program, required } from "./programs.mjs";

/** WebKitGTK has no mode without a screen. */
const SCREEN = ["xvfb-run", "-a"];

export class Browser {
  #driver;
  #session;

  /** Starts the browser that `EVERWIRE_WEBDRIVER` drives, with the capabilities in `EVERWIRE_WEBDRIVER_JSON`. */
  static async start() {
    const driver = required("EVERWIRE_WEBDRIVER");
    const capabilities = JSON.parse(await readFile(required("EVERWIRE_WEBDRIVER_JSON"), "utf8"));
    const port = await freePort();
    const screen = basename(driver) === "WebKitWebDriver" ? SCREEN : [];
    const origin = `http://127.0.0.1:${port}`;
    const browser = new Browser();
    browser.#driver = await Program.start([...screen, driver, `--port=${port}`], () => answers(`${origin}/status`));
    try {
      const { sessionId } = await ask("POST", `${origin}/session`, { capabilities: { alwaysMatch: capabilities } });
      browser.#session = `${origin}/session/${sessionId}`;
      await browser.#post("timeouts", { script: 300_000, pageLoad: 120_000 });
    } catch (error) {
      await browser.stop();
      throw error;
    }
    return browser;
  }

  open(url) {
    return this.#post("url", { url });
  }

  reload() {
    return this.#post("refresh", {});
  }

  /** Runs the body of a function in the page and gives what it returns. */
  run(script, ...args) {
    return this.#post("execute/sync", { script, args });
  }

  /** A command of Chromium's DevTools. */
  devtools(cmd, params = {}) {
    return this.#post("goog/cdp/execute", { cmd, params });
  }

  async stop() {
    if (this.#session) await ask("DELETE", this.#session).catch(() => undefined);
    await this.#driver.end("SIGTERM");
  }

  #post(command, body) {
    return ask("POST", `${this.#session}/${command}`, body);
  }
}

async function ask(method, url, body) {
  const headers = { "Content-Type": "application/json" };
  const answer = await fetch(url, { method, headers, body: body && JSON.stringify(body) });
  const { value } = await answer.json();
  if (!answer.ok) throw new Error(`${method} ${new URL(url).pathname}: ${value.error}: ${value.message}`);
  return value;
}
