// The tasks as the server last told them, with this window's unsaved changes laid over them.
// Knows neither the network nor the page.

/**
 * A change is what this window wants and the server has not confirmed:
 * `{ id, kind: "create" | "update" | "delete", row, task, fields, base, before, stage, error }`.
 * `row` names the row it belongs to, `task` the server's id once there is one, `base` the version it was made on, and
 * `before` what the row showed then. `stage` is one of
 *   queued      not written yet
 *   sent        written, not answered
 *   uncertain   written, and the connection went before the answer
 *   rejected    refused; `error` says why
 */
export class Tasks extends EventTarget {
  #saved = new Map();
  #goneAt = new Map();
  #changes;
  #toldSince = new Set();
  #storage;
  #user;

  constructor(storage, user) {
    super();
    this.#storage = storage;
    this.#user = user;
    this.#changes = storage.read("changes", []);
  }

  /** Takes a task from the server, unless something as new is known. Returns whether it was news. */
  apply(task) {
    this.#toldSince.add(task.id);
    const known = this.#saved.get(task.id)?.version ?? this.#goneAt.get(task.id) ?? 0;
    if (task.version <= known) return false;
    if (!this.#isOurs(task)) {
      this.#forget(task.id, task.version);
      return true;
    }
    this.#goneAt.delete(task.id);
    this.#saved.set(task.id, task);
    this.#changed();
    return true;
  }

  /** The server says that the task is gone, or no longer ours to see. */
  remove(id) {
    this.#toldSince.add(id);
    const task = this.#saved.get(id);
    if (task) this.#forget(id, task.version);
  }

  /** Call when asking for the whole list: what is told from now on is newer than a list without it. */
  expectList() {
    this.#toldSince.clear();
  }

  /** Takes the whole list. */
  applyList(tasks) {
    const told = new Set(this.#toldSince);
    const listed = new Set(tasks.map((task) => task.id));
    for (const id of [...this.#saved.keys()]) {
      if (!listed.has(id) && !told.has(id)) this.remove(id);
    }
    for (const task of tasks) {
      const goneMeanwhile = told.has(task.id) && !this.#saved.has(task.id);
      if (!goneMeanwhile) this.apply(task);
    }
    this.#changed();
  }

  saved(id) {
    return this.#saved.get(id);
  }

  savedByRow(row) {
    for (const task of this.#saved.values()) if (rowOf(task) === row) return task;
    return undefined;
  }

  get changes() {
    return [...this.#changes];
  }

  change(id) {
    return this.#changes.find((change) => change.id === id);
  }

  addChange(change) {
    this.#changes.push(change);
    this.#keep();
  }

  updateChange(change, patch) {
    Object.assign(change, patch);
    this.#keep();
  }

  dropChange(change) {
    this.#changes = this.#changes.filter((other) => other !== change);
    this.#keep();
  }

  /** The rows to show, newest first: the saved tasks, and changes whose task is not (or no longer) there. */
  rows() {
    const rows = new Map();
    const saved = [...this.#saved.values()].sort((a, b) => a.id - b.id);
    for (const task of saved) rows.set(rowOf(task), rowFrom(task));
    for (const change of this.#changes) {
      const row = rows.get(change.row) ?? rowFrom({ ...change.before, key: change.row });
      rows.set(change.row, row);
      Object.assign(row, change.fields);
      row.changes.push(change);
    }
    return [...rows.values()].reverse();
  }

  // The answer to giving a task away shows it to someone who may no longer see it.
  #isOurs({ owner, assignee }) {
    return assignee === null || assignee === this.#user || owner === this.#user;
  }

  #forget(id, version) {
    this.#goneAt.set(id, version);
    if (this.#saved.delete(id)) this.#changed();
  }

  #keep() {
    this.#storage.write("changes", this.#changes);
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}

/** A row keeps its name when the server gives the task an id: the creator's key serves both. */
export function rowOf(task) {
  return task.key ?? `task-${task.id}`;
}

function rowFrom({ id, key, title, owner, assignee, done }) {
  return { row: rowOf({ id, key }), id, title, owner, assignee: assignee ?? null, done: Boolean(done), changes: [] };
}
