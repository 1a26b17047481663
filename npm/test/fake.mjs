// A scripted WebSocket in the place of the global one, so that the real package runs in Node.

/** Every socket that was made, oldest first. */
export const sockets = [];
/** What the constructor throws next, if anything. */
export const script = { throws: undefined };

class FakeSocket {
  readyState = 0;
  bufferedAmount = 0;
  sent = [];
  closedWith = undefined;
  onopen = null;
  onmessage = null;
  onclose = null;

  constructor(url, protocols) {
    const { throws } = script;
    script.throws = undefined;
    if (throws) throw throws;
    Object.assign(this, { url, protocols });
    sockets.push(this);
  }

  send(data) {
    if (this.readyState === 1) this.sent.push(data);
  }

  close(code, reason) {
    this.closedWith ??= { code, reason };
    this.readyState = Math.max(this.readyState, 2);
  }

  // What the other side does.
  open() {
    this.readyState = 1;
    this.onopen?.({ type: "open" });
  }

  receive(message) {
    this.raw(JSON.stringify(message));
  }

  raw(data) {
    this.onmessage?.({ type: "message", data });
  }

  end(code = 1006, reason = "") {
    this.readyState = 3;
    this.onclose?.({ type: "close", code, reason });
  }

  get messages() {
    return this.sent.map((text) => JSON.parse(text));
  }
}

globalThis.WebSocket = FakeSocket;

/** The newest socket. */
export function last() {
  return sockets.at(-1);
}

/** Waits until `condition` answers something true, and answers that. */
export async function until(condition, what = String(condition)) {
  const deadline = Date.now() + 5_000;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > deadline) throw new Error(`waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** Lets everything run that waits for no timer. */
export function settled() {
  return new Promise((resolve) => setImmediate(resolve));
}
