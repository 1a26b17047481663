// What this tab must not lose on a reload: drafts and unsaved changes, one JSON value per name and user.
// Storage may be full or switched off; the board then works on without it.

export class Storage {
  #prefix;

  constructor(user) {
    this.#prefix = `everwire-board:${user}:`;
  }

  read(name, fallback) {
    try {
      return JSON.parse(sessionStorage.getItem(this.#prefix + name)) ?? fallback;
    } catch {
      return fallback;
    }
  }

  write(name, value) {
    try {
      sessionStorage.setItem(this.#prefix + name, JSON.stringify(value));
    } catch {
      // The value still lives in memory, which is all that a page without storage has.
    }
  }
}
