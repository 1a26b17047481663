// The board as a person uses it: what it shows, and what can be done to it.

import { until } from "./until.mjs";

export class Board {
  constructor(page, user, record) {
    this.page = page;
    this.user = user;
    this.record = record;
  }

  /** What each row shows, from the top. */
  rows() {
    return this.page.$$eval("#list > li", (items) =>
      items.map((item) => ({
        title: item.querySelector(".title").textContent,
        chip: item.querySelector(".chip").textContent,
        stage: item.dataset.stage,
        done: item.querySelector("input[type=checkbox]").checked,
        assignee: item.querySelector("select").value,
        trouble: item.querySelector(".trouble:not([hidden]) p")?.textContent,
      })),
    );
  }

  titles() {
    return this.rows().then((rows) => rows.map(({ title }) => title));
  }

  async row(title) {
    return (await this.rows()).find((row) => row.title === title);
  }

  /** Waits until `holds` is true of the rows. */
  until(what, holds, withinMs) {
    return until(`${this.user} sees ${what}`, async () => holds(await this.rows()), {
      withinMs,
      show: () => this.#all(),
    });
  }

  untilRow(title, wanted, withinMs) {
    const what = `“${title}” with ${JSON.stringify(wanted)}`;
    const matches = (row) =>
      row.title === title && Object.entries(wanted).every(([name, value]) => row[name] === value);
    return this.until(what, (rows) => rows.some(matches), withinMs);
  }

  untilSaved(title, withinMs) {
    return this.until(
      `“${title}” saved`,
      (rows) => rows.some((row) => row.title === title && isSettled(row)),
      withinMs,
    );
  }

  /** Waits until no row waits for anything any more. */
  untilQuiet(withinMs) {
    return this.until("everything settled", (rows) => rows.every(isSettled), withinMs);
  }

  /** All that the rows' chips ever said. */
  chips() {
    return this.page.evaluate(() => window.seenChips);
  }

  status() {
    return this.page.$eval("#state", (node) => node.dataset.status);
  }

  untilStatus(status, withinMs) {
    return until(`${this.user} is ${status}`, async () => (await this.status()) === status, {
      withinMs,
      show: () => this.#all(),
    });
  }

  text(selector) {
    return this.page.$eval(selector, (node) => node.textContent);
  }

  /** Waits for the list that the server gives after a connection opens. */
  async ready() {
    await this.untilStatus("open");
    await until(`${this.user} has the list`, async () => !/^(Loading|No connection)/.test(await this.text("#empty")), {
      show: () => this.#all(),
    });
    return this;
  }

  async add(title, assignee = "") {
    await this.compose(title, assignee);
    await this.submit();
  }

  /** Fills the form. Typing takes its time, which a test that races with something does not have. */
  async compose(title, assignee = "") {
    await this.page.select("#new-assignee", assignee);
    await this.page.type("#new-title", title);
  }

  async submit() {
    await this.page.click("#new-submit");
  }

  async rename(title, text) {
    await this.retype(title, text);
    await this.page.keyboard.press("Enter");
  }

  /** Types a new title and leaves the editor open. */
  async retype(title, text) {
    await (await this.#part(title, ".title")).click();
    await this.page.keyboard.type(text);
  }

  async assign(title, assignee) {
    await (await this.#part(title, "select")).select(assignee);
  }

  async toggle(title) {
    await (await this.#part(title, "input[type=checkbox]")).click();
  }

  async delete(title) {
    await (await this.#part(title, ".delete")).click();
  }

  /** Presses the button called `name` in the row's report of trouble, once it is offered. */
  async resolve(title, name) {
    const button = await until(`“${title}” offers “${name}”`, () => this.#offered(title, name), {
      show: () => this.#all(),
    });
    await button.click();
  }

  async breakIt(fault) {
    await this.page.click(`[data-fault="${fault}"]`);
  }

  async close() {
    await this.page.browserContext().close();
  }

  async #offered(title, name) {
    for (const button of await (await this.#item(title)).$$(".trouble button")) {
      if ((await button.evaluate((node) => node.textContent)) === name) return button;
    }
    return undefined;
  }

  async #part(title, selector) {
    return (await this.#item(title)).$(selector);
  }

  async #item(title) {
    const items = await this.page.$$("#list > li");
    for (const item of items) {
      if ((await item.$eval(".title", (node) => node.textContent)) === title) return item;
    }
    throw new Error(`${this.user} has no row “${title}”\n${await this.#all()}`);
  }

  async #all() {
    const [rows, state, detail, events] = await Promise.all([
      this.rows(),
      this.status(),
      this.text("#state-detail"),
      this.page.$$eval("#log li", (lines) => lines.map((line) => line.textContent)),
    ]);
    return JSON.stringify({ state, detail, rows, events }, null, 1);
  }
}

// A row says "Saved" for a moment only.
function isSettled({ stage }) {
  return stage === "" || stage === "saved";
}
