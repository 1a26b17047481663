// The one notice for states in which the board cannot go on by itself.

import { byId, setText } from "./dom.js";

const notice = byId("notice");
let running;

/** Shows `title` and `text`, and a button that says `action` and calls `run`. */
export function showNotice({ title, text, action, run }) {
  setText(byId("notice-title"), title);
  setText(byId("notice-text"), text);
  setText(byId("notice-action"), action);
  running = run;
  notice.hidden = false;
}

export function hideNotice() {
  // The focus must not vanish with the button.
  if (notice.contains(document.activeElement)) byId("new-title").focus();
  notice.hidden = true;
}

byId("notice-action").addEventListener("click", () => running());
