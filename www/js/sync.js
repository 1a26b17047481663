// Carries changes over the wire and settles each with what really became of it.

import { rowOf } from "./tasks.js";
import { uuid } from "./uuid.js";

// The longest that a request may wait. One that was not written by then is asked again after the next open; a
// connection that dies is the wire's to notice.
const PATIENCE_MS = 3_600_000;
// The pause before asking again after the server refused for the moment (a full queue, a rate limit).
const PAUSE_MS = 2_000;

const REQUEST = { create: "create_task", update: "update_task", delete: "delete_task" };

export class Sync extends EventTarget {
  #wire;
  #tasks;
  #user;
  // In the order given to the wire, so that the last `stats.queued` of them are the ones not yet written.
  #underway = [];
  #refreshing = false;
  #again = 0;

  constructor(wire, tasks, user) {
    super();
    this.#wire = wire;
    this.#tasks = tasks;
    this.#user = user;
    for (const change of tasks.changes) {
      if (change.stage === "sent") tasks.updateChange(change, { stage: "uncertain" });
    }
    wire.on("task_created", (task) => this.#told(task));
    wire.on("task_updated", (task) => this.#told(task));
    wire.on("task_deleted", ({ id }) => this.#toldGone(id));
    wire.addEventListener("status", () => {
      this.markSent();
      if (wire.status === "open") this.#refresh();
    });
    if (wire.status === "open") this.#refresh();
  }

  create(title, assignee) {
    const row = uuid();
    const fields = { title, assignee, done: false };
    this.#submit({ kind: "create", row, fields, before: { ...fields, owner: this.#user } });
  }

  edit(row, fields) {
    const unsent = this.#changesOf(row).find((change) => change.kind === "create" && change.stage === "rejected");
    // A task is not made done: that change has to follow.
    if (unsent && !("done" in fields)) {
      this.#tasks.updateChange(unsent, { fields: { ...unsent.fields, ...fields } });
      return;
    }
    this.#submit({ kind: "update", row, fields });
  }

  remove(row) {
    const changes = this.#changesOf(row);
    const onlyHere = !this.#tasks.savedByRow(row) && changes.every((change) => change.stage === "rejected");
    if (onlyHere) for (const change of changes) this.#tasks.dropChange(change);
    else this.#submit({ kind: "delete", row, fields: {} });
  }

  /** Sends a refused change again; one whose task has gone becomes a new task, so that its text lives on. */
  retry(id) {
    const change = this.#tasks.change(id);
    if (!change) return;
    if (change.kind === "update" && !this.#tasks.saved(change.task)) {
      const { title, assignee } = { ...change.before, ...change.fields };
      this.#tasks.dropChange(change);
      this.create(title, assignee);
      return;
    }
    this.#tasks.updateChange(change, { base: this.#tasks.saved(change.task)?.version ?? 0 });
    this.#carry(change);
  }

  discard(id) {
    const change = this.#tasks.change(id);
    if (!change) return;
    const doomed = change.kind === "create" ? this.#changesOf(change.row) : [change];
    for (const each of doomed) this.#tasks.dropChange(each);
  }

  /** Moves changes that have been written since the last look from `queued` to `sent`. */
  markSent() {
    const written = this.#underway.length - this.#wire.stats.queued;
    for (const change of this.#underway.slice(0, Math.max(0, written))) {
      if (change.stage === "queued") this.#tasks.updateChange(change, { stage: "sent" });
    }
  }

  #submit({ kind, row, fields, before }) {
    const task = this.#tasks.savedByRow(row);
    const { title, owner, assignee, done } = task ?? before ?? this.#changesOf(row)[0].before;
    this.#tasks.addChange({
      id: uuid(),
      kind,
      row,
      task: task?.id,
      fields,
      base: task?.version ?? 0,
      before: { title, owner, assignee, done },
      stage: "queued",
    });
    this.#dropOverridden(row);
    this.#carry(this.#changesOf(row).at(-1));
  }

  async #carry(change) {
    this.#tasks.updateChange(change, { stage: "queued", error: undefined });
    // A change to a task that the server has not numbered yet goes out once it has: see #release.
    if (change.kind !== "create" && change.task === undefined) return;
    try {
      const answer = await this.#ask(REQUEST[change.kind], dataOf(change), change);
      this.#answered(change, answer);
    } catch (error) {
      this.#failed(change, error);
    }
  }

  async #ask(type, data, change) {
    const slot = change ?? {};
    const asked = performance.now();
    const answer = this.#wire.request(type, data, { timeoutMs: PATIENCE_MS });
    this.#underway.push(slot);
    this.markSent();
    // What has to queue first would measure the wait, not the network.
    const direct = this.#wire.status === "open" && this.#wire.stats.queued === 0;
    try {
      const value = await answer;
      if (direct) this.dispatchEvent(new CustomEvent("roundtrip", { detail: performance.now() - asked }));
      return value;
    } finally {
      this.#underway.splice(this.#underway.indexOf(slot), 1);
    }
  }

  #answered(change, answer) {
    if (change.kind === "delete") this.#toldGone(change.task);
    else this.#told(answer);
    // A push that came first has settled it already.
    if (this.#tasks.change(change.id)) this.#settled(change);
  }

  #failed(change, error) {
    if (!this.#tasks.change(change.id)) return;
    const { code, message, retryable } = error;
    if (code === "uncertain") {
      this.#tasks.updateChange(change, { stage: "uncertain" });
    } else if (retryable) {
      this.#tasks.updateChange(change, { stage: "queued" });
    } else if (change.kind === "delete" && !this.#tasks.saved(change.task)) {
      this.#settled(change);
      return;
    } else {
      this.#reject(change, code, message);
      return;
    }
    if (this.#wire.status === "open") this.#refreshSoon();
  }

  #reject(change, code, message) {
    this.#tasks.updateChange(change, { stage: "rejected", error: { code, message } });
    this.dispatchEvent(new CustomEvent("rejected", { detail: change }));
  }

  #told(task) {
    const news = this.#tasks.apply(task);
    const current = this.#tasks.saved(task.id);
    if (!current) return;
    for (const change of this.#changesOf(rowOf(current))) {
      if (isIn(current, change)) this.#settled(change);
    }
    this.#release(current);
    if (news) this.dispatchEvent(new CustomEvent("news", { detail: current }));
  }

  #toldGone(id) {
    this.#tasks.remove(id);
    for (const change of this.#tasks.changes) {
      if (change.kind === "delete" && change.task === id) this.#settled(change);
    }
  }

  #settled(change) {
    this.#tasks.dropChange(change);
    this.dispatchEvent(new CustomEvent("saved", { detail: change }));
  }

  // Changes that waited for their task to get its number can go now.
  #release(task) {
    for (const change of this.#changesOf(rowOf(task))) {
      if (change.kind === "create" || change.task !== undefined) continue;
      this.#tasks.updateChange(change, { task: task.id, base: task.version });
      this.#carry(change);
    }
  }

  // After every open the list is asked for anew, and what the last connection left open is settled by it.
  async #refresh() {
    if (this.#refreshing) return;
    this.#refreshing = true;
    clearTimeout(this.#again);
    try {
      this.#tasks.expectList();
      const tasks = await this.#ask("list_tasks", null);
      this.#tasks.applyList(tasks);
      this.#settleOpen();
      this.dispatchEvent(new Event("listed"));
    } catch {
      if (this.#wire.status === "open") this.#refreshSoon();
    } finally {
      this.#refreshing = false;
    }
  }

  #refreshSoon() {
    clearTimeout(this.#again);
    this.#again = setTimeout(() => this.#refresh(), PAUSE_MS);
  }

  #settleOpen() {
    for (const task of this.#tasks.rows().map(({ id }) => this.#tasks.saved(id))) {
      if (task) this.#release(task);
    }
    for (const { row } of this.#tasks.changes) this.#dropOverridden(row);
    for (const change of this.#tasks.changes) {
      if (this.#underway.includes(change) || change.stage === "rejected") continue;
      if (change.stage === "uncertain") this.#settleUncertain(change);
      else if (change.kind === "create" || change.task !== undefined) this.#carry(change);
    }
  }

  #settleUncertain(change) {
    const task = change.kind === "create" ? this.#tasks.savedByRow(change.row) : this.#tasks.saved(change.task);
    const wasSaved = change.kind === "delete" ? !task : task && isIn(task, change);
    if (wasSaved) this.#settled(change);
    // A create carries its key and a delete does no harm twice; an update may be repeated only while nobody else has
    // changed the same fields.
    else if (change.kind !== "update" || !task || isUntouched(task, change)) this.#carry(change);
    else this.#reject(change, "uncertain", "The connection went before the answer, and the task has changed since.");
  }

  // A newer wish for the same field makes an older, undecided one void; a wish to delete voids them all.
  #dropOverridden(row) {
    const changes = this.#changesOf(row);
    changes.forEach((change, index) => {
      if (change.kind !== "update" || this.#underway.includes(change)) return;
      const later = changes.slice(index + 1);
      const overridden = (name) => later.some(({ kind, fields }) => kind === "delete" || name in fields);
      const left = Object.entries(change.fields).filter(([name]) => !overridden(name));
      if (left.length === 0) this.#tasks.dropChange(change);
      else this.#tasks.updateChange(change, { fields: Object.fromEntries(left) });
    });
  }

  #changesOf(row) {
    return this.#tasks.changes.filter((change) => change.row === row);
  }
}

function dataOf({ kind, row, task, fields }) {
  if (kind === "create") return { title: fields.title, assignee: fields.assignee, key: row };
  return kind === "update" ? { id: task, ...fields } : { id: task };
}

// Whether the saved task already is what the change wants.
function isIn(task, change) {
  if (change.stage === "rejected") return false;
  if (change.kind === "create") return task.key === change.row;
  if (change.kind === "delete" || change.stage === "queued") return false;
  return task.version > change.base && Object.entries(change.fields).every(([name, value]) => task[name] === value);
}

function isUntouched(task, change) {
  return Object.keys(change.fields).every((name) => task[name] === change.before[name]);
}
