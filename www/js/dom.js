// Making and changing DOM nodes. Text goes in as text only, so nothing a user types is ever parsed as markup.

/** Makes an element; `props` are attributes, except `text` (its text) and functions (event listeners). */
export function element(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name === "text") node.textContent = value;
    else if (typeof value === "function") node.addEventListener(name, value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

export function byId(id) {
  return document.getElementById(id);
}

// Writing only what differs keeps selections alive and screen readers quiet.
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Error messages begin in lower case and end without a full stop; on the page they are sentences. */
export function asSentence(message) {
  return message[0].toUpperCase() + message.slice(1) + (/[.!?]$/.test(message) ? "" : ".");
}

const announcer = byId("announcer");

/** Says `text` to screen readers once they are idle. */
export function announce(text) {
  setText(announcer, text);
}
