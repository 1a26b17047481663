// What the standard says of a WebSocket, one observation each, after the subjects of web-platform-tests' websockets/. Every
// case answers something that can be compared: of the platform's class and of ours it must be the same.

const WS = (path) => `ws://${location.host}${path}`;

/** The name of what `act` throws, or what it answers. */
function thrown(act) {
  try {
    return act() ?? "nothing";
  } catch (error) {
    return `${error.constructor.name} ${error.name}`;
  }
}

/** A property of an object, its own or inherited. */
function property(object, name) {
  const holder = Object.hasOwn(object, name) ? object : Object.getPrototypeOf(object);
  return Object.getOwnPropertyDescriptor(holder, name);
}

/** Resolves with the next event of a kind. */
function next(socket, kind) {
  return new Promise((resolve) => socket.addEventListener(kind, resolve, { once: true }));
}

async function opened(Socket, path = "/echo", ...others) {
  const socket = new Socket(WS(path), ...others);
  await next(socket, "open");
  return socket;
}

function ending({ type, code, reason, wasClean }) {
  return { type, code, reason, wasClean };
}

/** The events of a socket in order, each with the state that it came in, until it is closed. */
async function history(socket, act = () => {}) {
  const events = [];
  for (const kind of ["open", "message", "error", "close"]) {
    socket.addEventListener(kind, ({ type, code }) => events.push([type, socket.readyState, code]));
  }
  act(socket);
  await next(socket, "close");
  return events;
}

async function shown(data) {
  if (typeof data === "string") return data;
  const buffer = data instanceof Blob ? await data.arrayBuffer() : data;
  return [data.constructor.name, ...new Uint8Array(buffer)];
}

async function echoed(Socket, data, type = "arraybuffer") {
  const socket = await opened(Socket);
  socket.binaryType = type;
  socket.send(data);
  const event = await next(socket, "message");
  socket.close();
  return shown(event.data);
}

/** Cases that differ in one value only. */
function each(what, values, run) {
  return values.map((value) => [`${what}: ${String(typeof value === "string" ? JSON.stringify(value) : value)}`, (Socket) => run(Socket, value)]);
}

function dead(Socket, ...args) {
  return thrown(() => {
    const socket = new Socket(...args);
    socket.close();
    return [socket.url, socket.readyState];
  });
}

const URLS = ["/echo", "echo?x=1", "//other.example/x", "http://a.example/x", "https://a.example", "ws://a.example:80/", "wss://a.example:443/y",
  "ws://a.example/#", "ws://a.example/#x", "ftp://a.example/", "mailto:a@b", "ws://", "ws:// bad/", "WS://A.example/%7e?q=ä b", "", "about:blank", "ws://a.example:70000/", "ws://u:p@a.example/"];
const PROTOCOLS = ["a", "a,b", "", " a", "a b", "ä", "\u007f", ["a", "b"], ["a", "a"], ["a", "A"], [], [""], [1, 2], "a/b", "a:b", "<a>", "{a}", "a!#$%&'*+-.^_`|~z", undefined];
const CODES = [0, 1, 999, 1000, 1001, 1005, 1006, 2999, 3000, 3500, 4999, 5000, 65536 + 1000, -1, NaN, "3000", "x", 3000.4, 2999.5, 999.6, null, true, undefined];
const REASONS = ["", "bye", "x".repeat(123), "x".repeat(124), "ä".repeat(61), "ä".repeat(62), "\ud800", undefined, null, 7, "💥".repeat(30)];

const CONSTRUCTOR = [
  ...each("URL", URLS, (Socket, url) => dead(Socket, url)),
  ["URL object", (Socket) => dead(Socket, new URL(WS("/echo")))],
  ["no argument", (Socket) => thrown(() => new Socket())],
  ["without new", (Socket) => thrown(() => Socket(WS("/echo")))],
  ...each("protocols", PROTOCOLS, (Socket, protocols) => dead(Socket, WS("/echo"), protocols)),
  ["what can be seen at once", (Socket) => {
    const socket = new Socket(WS("/echo"));
    const { readyState, bufferedAmount, extensions, protocol, binaryType, onopen, onmessage, onerror, onclose } = socket;
    socket.close();
    return { readyState, bufferedAmount, extensions, protocol, binaryType, handlers: [onopen, onmessage, onerror, onclose] };
  }],
];

const INTERFACE = [
  ...each("constant", ["CONNECTING", "OPEN", "CLOSING", "CLOSED"], (Socket, name) =>
    [Socket, Socket.prototype].map((object) => property(object, name))),
  ["constants cannot be changed", (Socket) => thrown(() => { "use strict"; Socket.OPEN = 7; })],
  ["names of the interface", (Socket) => {
    const names = [];
    for (const name in Socket.prototype) names.push(name);
    return names.filter((name) => name in globalThis.WebSocket.prototype).sort();
  }],
  ["string tag", (Socket) => {
    const socket = new Socket(WS("/echo"));
    socket.close();
    return String(socket);
  }],
  ["it is an EventTarget", (Socket) => Socket.prototype instanceof EventTarget],
  ["attributes cannot be set", (Socket) => {
    const socket = new Socket(WS("/echo"));
    socket.close();
    return ["url", "readyState", "protocol", "extensions", "bufferedAmount"].map((name) => thrown(() => { socket[name] = 9; return socket[name]; }));
  }],
  ["number of named arguments", (Socket) => [Socket.prototype.send.length, Socket.prototype.close.length]],
];

const HANDLERS = [
  ...each("handler attribute", [() => {}, null, undefined, 5, "x"], async (Socket, value) => {
    const socket = new Socket(WS("/echo"));
    socket.onopen = value;
    const kept = socket.onopen === value;
    socket.close();
    return [kept, typeof socket.onopen];
  }),
  ["an object that is no function is kept and not called", async (Socket) => {
    const socket = new Socket(WS("/echo"));
    const object = { handleEvent: () => { throw new Error("called"); } };
    socket.onopen = object;
    const kept = socket.onopen === object;
    await next(socket, "open");
    socket.close();
    return kept;
  }],
  ["handlers keep their place when they are replaced, and lose it when they are taken away", async (Socket) => {
    const socket = new Socket(WS("/echo"));
    const calls = [];
    socket.onopen = () => calls.push("first");
    socket.addEventListener("open", () => calls.push("listener"));
    socket.onopen = () => calls.push("replaced");
    socket.onclose = () => calls.push("close");
    socket.addEventListener("close", () => calls.push("close listener"));
    socket.onclose = null;
    socket.onclose = () => calls.push("late");
    await next(socket, "open");
    socket.close();
    await next(socket, "close");
    return calls;
  }],
  ["a handler is called on the socket with the event", async (Socket) => {
    const socket = new Socket(WS("/echo"));
    const seen = await new Promise((resolve) => {
      socket.onopen = function (event) {
        resolve([this === socket, event.target === socket, event.currentTarget === socket, arguments.length]);
      };
    });
    socket.close();
    return seen;
  }],
  ["listeners: once, object, removed, aborted", async (Socket) => {
    const socket = new Socket(WS("/echo"));
    const calls = [];
    const removed = () => calls.push("removed");
    const abort = new AbortController();
    socket.addEventListener("message", () => calls.push("once"), { once: true });
    socket.addEventListener("message", { handleEvent: () => calls.push("object") });
    socket.addEventListener("message", removed);
    socket.removeEventListener("message", removed);
    socket.addEventListener("message", () => calls.push("aborted"), { signal: abort.signal });
    abort.abort();
    await next(socket, "open");
    socket.send("1");
    socket.send("2");
    await next(socket, "message");
    await next(socket, "message");
    socket.close();
    return calls;
  }],
];

const SENDING = [
  ["while connecting", (Socket) => {
    const socket = new Socket(WS("/echo"));
    const answer = thrown(() => socket.send("x"));
    socket.close();
    return [answer, socket.bufferedAmount];
  }],
  ["without an argument", async (Socket) => {
    const socket = await opened(Socket);
    const answer = thrown(() => socket.send());
    socket.close();
    return answer;
  }],
  ...each("text", ["", "hello", "\u0000", "ä€💥", "\ud800 alone", "x".repeat(70_000)], (Socket, text) => echoed(Socket, text)),
  ...each("what is no payload becomes a text", [1, null, undefined, true, {}, [1, 2]], (Socket, value) => echoed(Socket, value)),
  ["ArrayBuffer", (Socket) => echoed(Socket, new Uint8Array([1, 2, 3]).buffer)],
  ["view in the middle of a buffer", (Socket) => echoed(Socket, new Uint8Array([1, 2, 3, 4]).subarray(1, 3))],
  ["wide view", (Socket) => echoed(Socket, new Uint16Array([1, 65535]))],
  ["DataView", (Socket) => echoed(Socket, new DataView(new ArrayBuffer(3), 1))],
  ["empty buffer", (Socket) => echoed(Socket, new ArrayBuffer(0))],
  ["Blob", (Socket) => echoed(Socket, new Blob([new Uint8Array([5, 6])]))],
  ["a buffer is sent as it was", async (Socket) => {
    const socket = await opened(Socket);
    socket.binaryType = "arraybuffer";
    const bytes = new Uint8Array([1, 2]);
    socket.send(bytes);
    bytes.fill(9);
    const { data } = await next(socket, "message");
    socket.close();
    return shown(data);
  }],
  ["bufferedAmount counts bytes", async (Socket) => {
    const socket = await opened(Socket);
    const amounts = [];
    for (const data of ["ä€", "💥", new Uint8Array(10), new Blob(["xyz"])]) {
      const before = socket.bufferedAmount;
      socket.send(data);
      amounts.push(socket.bufferedAmount - before);
    }
    socket.close();
    return amounts;
  }],
  ...each("after close", ["text", new Uint8Array(7)], async (Socket, data) => {
    const socket = await opened(Socket);
    socket.close();
    const amounts = [socket.readyState, socket.bufferedAmount];
    socket.send(data);
    amounts.push(socket.bufferedAmount);
    await next(socket, "close");
    socket.send(data);
    return [...amounts, socket.readyState, socket.bufferedAmount];
  }),
];

const RECEIVING = [
  ...each("binaryType", ["blob", "arraybuffer", "", "ArrayBuffer", null, undefined, "nodebuffer"], (Socket, value) => {
    const socket = new Socket(WS("/echo"));
    socket.close();
    const answer = thrown(() => { socket.binaryType = value; });
    return [answer, socket.binaryType];
  }),
  ["as blob", (Socket) => echoed(Socket, new Uint8Array([7]), "blob")],
  ["binaryType may change between messages", async (Socket) => {
    const socket = await opened(Socket);
    const kinds = [];
    for (const type of ["arraybuffer", "blob", "arraybuffer"]) {
      socket.binaryType = type;
      socket.send(new Uint8Array([1]));
      kinds.push((await next(socket, "message")).data.constructor.name);
    }
    socket.close();
    return kinds;
  }],
  ["message event", async (Socket) => {
    const socket = await opened(Socket);
    socket.send("x");
    const event = await next(socket, "message");
    socket.close();
    const { type, origin, lastEventId, source, ports, bubbles, cancelable, defaultPrevented } = event;
    return [event instanceof MessageEvent, type, origin, lastEventId, source, ports, bubbles, cancelable, defaultPrevented];
  }],
  ["open event", async (Socket) => {
    const socket = new Socket(WS("/echo"));
    const event = await next(socket, "open");
    socket.close();
    return [event.constructor.name, event.type, event.bubbles, event.cancelable];
  }],
  ["messages before a close, in order", async (Socket) => {
    const socket = new Socket(WS("/burst"));
    socket.binaryType = "arraybuffer";
    const got = [];
    socket.onmessage = ({ data }) => got.push(shown(data));
    const end = ending(await next(socket, "close"));
    return [await Promise.all(got), end];
  }],
  ["no message after close()", async (Socket) => {
    const socket = await opened(Socket);
    let got = 0;
    socket.onmessage = () => got++;
    socket.send("x");
    socket.close();
    await next(socket, "close");
    return got;
  }],
];

const CLOSING = [
  ...each("code", CODES, async (Socket, code) => {
    const socket = await opened(Socket);
    const answer = thrown(() => socket.close(code));
    if (socket.readyState === 1) socket.close();
    return [answer, socket.readyState, ending(await next(socket, "close"))];
  }),
  ...each("reason", REASONS, async (Socket, reason) => {
    const socket = await opened(Socket);
    const answer = thrown(() => socket.close(1000, reason));
    if (socket.readyState === 1) socket.close();
    return [answer, ending(await next(socket, "close"))];
  }),
  ["a reason without a code", async (Socket) => {
    const socket = await opened(Socket);
    const answer = thrown(() => socket.close(undefined, "why"));
    if (socket.readyState === 1) socket.close();
    return [answer, ending(await next(socket, "close"))];
  }],
  ["what the server saw", async (Socket) => {
    const query = `?name=${Math.random()}`;
    for (const args of [[], [1000], [3001, "bye"], [4999, "ä"]]) {
      const socket = await opened(Socket, `/told${query}`);
      socket.close(...args);
      await next(socket, "close");
    }
    return JSON.parse((await next(new Socket(WS(`/ended${query}`)), "message")).data);
  }],
  ["while connecting", (Socket) => history(new Socket(WS("/echo")), (socket) => socket.close())],
  ["while connecting, with a code", (Socket) => history(new Socket(WS("/echo")), (socket) => socket.close(3000, "x"))],
  ["while nobody answers", (Socket) => history(new Socket(WS("/never")), (socket) => setTimeout(() => socket.close(), 30))],
  ["a bad code while connecting", async (Socket) => {
    const socket = new Socket(WS("/echo"));
    const answer = thrown(() => socket.close(7));
    const state = socket.readyState;
    socket.close();
    return [answer, state];
  }],
  ["twice", async (Socket) => {
    const socket = await opened(Socket);
    socket.close(3000, "one");
    socket.close(3001, "two");
    const end = ending(await next(socket, "close"));
    socket.close();
    return [end, socket.readyState];
  }],
  ["a bad code after the end still throws", async (Socket) => {
    const socket = new Socket(WS("/drop"));
    await next(socket, "close");
    return thrown(() => socket.close(7));
  }],
  ["in the open handler", (Socket) => history(new Socket(WS("/echo")), (socket) => (socket.onopen = () => socket.close()))],
  ["in the message handler", (Socket) =>
    history(new Socket(WS("/echo")), (socket) => {
      socket.onopen = () => { socket.send("1"); socket.send("2"); };
      socket.onmessage = () => socket.close(3000);
    })],
  ["close event", async (Socket) => {
    const event = await next(new Socket(WS("/close?code=3000&reason=ä")), "close");
    return [event instanceof CloseEvent, ending(event), event.bubbles, event.cancelable];
  }],
  ["what stays after the end", async (Socket) => {
    const socket = new Socket(WS("/second"), ["a", "b"]);
    await next(socket, "open");
    socket.close();
    await next(socket, "close");
    return [socket.readyState, socket.protocol, socket.url];
  }],
];

const SERVER = [
  ...each("the server closes", ["?code=1000", "?code=1001", "?code=1011&reason=why", "?code=3000", "?code=4999&reason=ä", ""], async (Socket, query) => {
    const socket = new Socket(WS(`/close${query}`));
    let end;
    socket.addEventListener("close", (event) => (end = ending(event)));
    return [await history(socket), end];
  }),
  ["the server drops it", async (Socket) => {
    const socket = new Socket(WS("/drop"));
    let end;
    socket.addEventListener("close", (event) => (end = ending(event)));
    return [await history(socket), end];
  }],
  ["the server refuses it", (Socket) => history(new Socket(WS("/refused")))],
  ["nobody listens", (Socket) => history(new Socket("ws://127.0.0.1:1/"))],
  ["chosen subprotocol", async (Socket) => {
    const socket = await opened(Socket, "/second", ["a", "b", "c"]);
    socket.close();
    return [socket.protocol, socket.extensions];
  }],
  ["no subprotocol chosen of those offered", (Socket) => history(new Socket(WS("/none"), ["a"]))],
];

const SUBJECTS = {
  "the constructor": CONSTRUCTOR,
  "the interface": INTERFACE,
  "handlers and listeners": HANDLERS,
  sending: SENDING,
  receiving: RECEIVING,
  closing: CLOSING,
  "what the server does": SERVER,
};

/** What a class does, by subject and case. */
export async function observe(Socket) {
  // Sockets that are closed while they connect make Chromium delay those that follow: they come last.
  const { "the constructor": constructor, ...others } = SUBJECTS;
  const subjects = await Promise.all(Object.entries(others).map(([subject, cases]) => run(Socket, subject, cases)));
  return [...subjects.flat(), ...(await run(Socket, "the constructor", constructor))];
}

async function run(Socket, subject, cases) {
  const observations = [];
  for (const [name, act] of cases) observations.push([subject, name, await act(Socket)]);
  return observations;
}
