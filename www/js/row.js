// One row of the list: made once, then only brought up to date, so that focus and selections survive.

import { asSentence, element, setText } from "./dom.js";

const CHIP = { queued: "Queued", sent: "Sent", uncertain: "Unconfirmed", rejected: "Not saved", saved: "Saved" };
// Which stage a row with several changes shows: the one that most wants attention.
const URGENCY = ["rejected", "uncertain", "queued", "sent"];

/** `actions` is `{ edit(row, fields), remove(row), retry(id), discard(id), keepDraft(row, text) }`. */
export class Row {
  #model;
  #actions;
  #editor;

  constructor(row, users, actions) {
    this.#actions = actions;
    this.check = element("input", { type: "checkbox", change: () => actions.edit(row, { done: this.check.checked }) });
    this.title = element("button", {
      type: "button",
      class: "title",
      click: () => this.edit(this.#model.title).select(),
    });
    this.owner = element("span");
    this.chip = element("span", { class: "chip" });
    this.assignee = element("select", { change: () => actions.edit(row, { assignee: this.assignee.value || null }) });
    fillAssignees(this.assignee, users);
    this.delete = element("button", { type: "button", class: "delete", click: () => actions.remove(row) });
    this.delete.append(element("span", { "aria-hidden": "true", text: "×" }));
    this.trouble = element("div", { class: "trouble", hidden: true });
    this.body = element("div", { class: "body" }, this.title, element("p", { class: "meta" }, this.owner, this.chip));
    this.node = element(
      "li",
      { class: "task", "data-row": row },
      this.check,
      this.body,
      this.assignee,
      this.delete,
      this.trouble,
    );
  }

  update(model, justSaved) {
    this.#model = model;
    const stage =
      URGENCY.find((each) => model.changes.some((change) => change.stage === each)) ?? (justSaved ? "saved" : "");
    const doomed = model.changes.some((change) => change.kind === "delete" && change.stage !== "rejected");
    this.node.dataset.done = model.done;
    this.node.dataset.stage = stage;
    this.node.dataset.doomed = doomed;
    this.node.dataset.assigned = model.assignee !== null;
    setText(this.title, model.title);
    this.title.setAttribute("aria-description", "Edit the title");
    setText(this.owner, `by ${nameOf(model.owner)}`);
    setText(this.chip, doomed ? `Delete ${CHIP[stage]?.toLowerCase() ?? ""}` : (CHIP[stage] ?? ""));
    this.check.checked = model.done;
    if (document.activeElement !== this.assignee) this.assignee.value = model.assignee ?? "";
    this.check.setAttribute("aria-label", `Done: ${model.title}`);
    this.assignee.setAttribute("aria-label", `Assign “${model.title}”`);
    this.delete.setAttribute("aria-label", `Delete “${model.title}”`);
    for (const control of [this.check, this.title, this.assignee, this.delete]) control.disabled = doomed;
    this.#showTrouble(model.changes.find((change) => change.stage === "rejected"));
  }

  /** Opens the editor on `text` and returns its input. */
  edit(text) {
    if (this.#editor) return this.#editor;
    const { row, title } = this.#model;
    const input = element("input", {
      type: "text",
      class: "title-input",
      maxlength: "200",
      "aria-label": `New title for “${title}”`,
    });
    input.value = text;
    input.addEventListener("input", () => this.#actions.keepDraft(row, input.value));
    input.addEventListener("blur", () => this.#finish(input.value));
    input.addEventListener("keydown", (event) => {
      if (event.isComposing || (event.key !== "Enter" && event.key !== "Escape")) return;
      event.preventDefault();
      this.#finish(event.key === "Enter" ? input.value : this.#model.title);
      this.title.focus();
    });
    this.#editor = input;
    this.title.hidden = true;
    this.body.prepend(input);
    return input;
  }

  #finish(text) {
    const input = this.#editor;
    // Taking a focused input off the page, or moving it, blurs it as well.
    if (!input || this.moving) return;
    this.#editor = undefined;
    input.remove();
    this.title.hidden = false;
    this.#actions.keepDraft(this.#model.row, undefined);
    const title = text.trim();
    if (title && title !== this.#model.title) this.#actions.edit(this.#model.row, { title });
  }

  #showTrouble(change) {
    this.trouble.hidden = !change;
    const isNowNew = change?.kind === "update" && this.#model.id === undefined;
    const shown = change ? `${change.id} ${isNowNew} ${change.error.message}` : "";
    if (this.trouble.dataset.shown === shown) return;
    this.trouble.dataset.shown = shown;
    if (!change) return;
    this.trouble.replaceChildren(
      element("p", { text: asSentence(change.error.message) }),
      element("button", {
        type: "button",
        text: isNowNew ? "Add as a new task" : "Try again",
        click: () => this.#actions.retry(change.id),
      }),
      element("button", { type: "button", text: "Discard", click: () => this.#actions.discard(change.id) }),
    );
  }
}

/** Offers nobody and each user. */
export function fillAssignees(select, users) {
  select.replaceChildren(
    element("option", { value: "", text: "Nobody" }),
    ...users.map((user) => element("option", { value: user, text: nameOf(user) })),
  );
}

export function nameOf(user) {
  return user ? user[0].toUpperCase() + user.slice(1) : "nobody";
}
