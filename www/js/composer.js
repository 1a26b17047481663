// The form for a new task. What is typed survives a reload.

import { byId } from "./dom.js";
import { fillAssignees } from "./row.js";

export function startComposer({ sync, users, storage }) {
  const form = byId("composer");
  const title = byId("new-title");
  const assignee = byId("new-assignee");
  const draft = storage.read("draft", { title: "", assignee: "" });

  // Until now Enter would have sent the form to the server as a page load.
  byId("new-submit").disabled = false;
  fillAssignees(assignee, users);
  // Whatever was typed before the page was ready counts more than the draft.
  title.value ||= draft.title;
  assignee.value = users.includes(draft.assignee) ? draft.assignee : "";

  const keep = () => storage.write("draft", { title: title.value, assignee: assignee.value });
  form.addEventListener("input", keep);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const text = title.value.trim();
    if (text) {
      sync.create(text, assignee.value || null);
      title.value = "";
      keep();
    }
    title.focus();
  });
}
