// The list of tasks on the page. Rows are matched by name and never made again, so live updates do not take the focus.

import { announce, asSentence, byId, setText } from "./dom.js";
import { Row } from "./row.js";

// How long a row says "Saved" before it goes quiet.
const SAVED_FOR_MS = 2_500;

export class List {
  #list = byId("list");
  #count = byId("count");
  #empty = byId("empty");
  #rows = new Map();
  #savedAt = new Map();
  #tasks;
  #users;
  #actions;
  #storage;
  #drafts;
  #state = "loading";
  #scheduled = false;

  constructor({ tasks, sync, users, storage }) {
    this.#tasks = tasks;
    this.#users = users;
    this.#storage = storage;
    this.#drafts = storage.read("edits", {});
    this.#actions = {
      edit: (row, fields) => sync.edit(row, fields),
      remove: (row) => this.#remove(row, sync),
      retry: (id) => sync.retry(id),
      discard: (id) => sync.discard(id),
      keepDraft: (row, text) => this.#keepDraft(row, text),
    };
    tasks.addEventListener("change", () => this.#schedule());
    sync.addEventListener("listed", () => this.setState("listed"));
    sync.addEventListener("saved", ({ detail }) => this.#saved(detail.row));
    sync.addEventListener("rejected", ({ detail }) => announce(`Not saved: ${asSentence(detail.error.message)}`));
    this.#schedule();
  }

  /** `loading`, `waiting` (no connection yet) or `listed`. */
  setState(state) {
    if (this.#state === "listed") return;
    this.#state = state;
    this.#schedule();
  }

  // One message may change the store several times; the page is written once.
  #schedule() {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#render(this.#tasks.rows());
    });
  }

  #render(models) {
    const focused = document.activeElement;
    const lost = this.#dropMissing(new Set(models.map(({ row }) => row)), focused);
    for (const row of this.#rows.values()) row.moving = true;
    models.forEach((model, index) => this.#place(model, index));
    for (const row of this.#rows.values()) row.moving = false;
    if (lost !== undefined) this.#focusNear(lost);
    else if (focused?.isConnected && focused !== document.activeElement) focused.focus();
    this.#summarise(models);
  }

  #dropMissing(names, focused) {
    let lost;
    for (const [name, row] of this.#rows) {
      if (names.has(name)) continue;
      if (row.node.contains(focused)) lost = [...this.#list.children].indexOf(row.node);
      row.moving = true;
      row.node.remove();
      this.#rows.delete(name);
    }
    return lost;
  }

  #place(model, index) {
    let row = this.#rows.get(model.row);
    const isNew = !row;
    if (isNew) {
      row = new Row(model.row, this.#users, this.#actions);
      this.#rows.set(model.row, row);
    }
    row.update(model, this.#savedAt.has(model.row));
    if (this.#list.children[index] !== row.node) this.#list.insertBefore(row.node, this.#list.children[index] ?? null);
    if (isNew && model.row in this.#drafts) row.edit(this.#drafts[model.row]);
  }

  #focusNear(index) {
    const near = this.#list.children[Math.min(index, this.#list.children.length - 1)];
    (near?.querySelector(".title:not([hidden]):not(:disabled)") ?? byId("new-title")).focus();
  }

  #summarise(models) {
    const done = models.filter((model) => model.done).length;
    setText(this.#count, models.length === 0 ? "" : `${models.length - done} open, ${done} done`);
    this.#empty.hidden = models.length > 0;
    setText(
      this.#empty,
      {
        loading: "Loading tasks…",
        waiting: "No connection yet. What you add now is kept, and sent as soon as there is one.",
        listed: "Nothing to do. Add the first task above; everyone sees it at once.",
      }[this.#state],
    );
  }

  #remove(row, sync) {
    const { node, title } = this.#rows.get(row);
    const index = [...this.#list.children].indexOf(node);
    announce(`Deleting “${title.textContent}”`);
    const next = this.#list.children[index + 1] ?? this.#list.children[index - 1];
    (next?.querySelector(".title:not([hidden]):not(:disabled)") ?? byId("new-title")).focus();
    sync.remove(row);
  }

  #saved(row) {
    clearTimeout(this.#savedAt.get(row));
    this.#savedAt.set(
      row,
      setTimeout(() => {
        this.#savedAt.delete(row);
        this.#schedule();
      }, SAVED_FOR_MS),
    );
    this.#schedule();
  }

  #keepDraft(row, text) {
    if (text === undefined) delete this.#drafts[row];
    else this.#drafts[row] = text;
    this.#storage.write("edits", this.#drafts);
  }
}
