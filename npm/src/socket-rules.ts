// What the standard says of arguments, for sockets that have no platform socket to ask yet.

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const REASON_BYTES = 123;

/** Where a socket may connect to: absolute and with its scheme. No error shows the URL, which may carry a token. */
export function checkedUrl(url: string | URL): string {
  let parsed: URL;
  try {
    parsed = new URL(url, globalThis.document?.baseURI ?? globalThis.location?.href);
  } catch {
    throw syntax("the URL is invalid");
  }
  parsed.protocol = parsed.protocol.replace("http", "ws");
  if (!/^wss?:$/.test(parsed.protocol)) throw syntax("the URL's scheme is none of ws, wss, http, https");
  if (parsed.href.includes("#")) throw syntax("the URL has a fragment");
  return parsed.href;
}

/** The subprotocols to offer. */
export function checkedProtocols(protocols: string | readonly string[] = []): string[] {
  const list = typeof protocols === "string" ? [protocols] : Array.from(protocols, String);
  if (!list.every((name) => TOKEN.test(name))) throw syntax("a subprotocol is no token");
  if (new Set(list).size < list.length) throw syntax("a subprotocol is offered twice");
  return list;
}

/** The code and the reason to close with. Throws for those that no page may use. */
export function checkedClose(code: unknown, reason: unknown): [code: number | undefined, reason: string | undefined] {
  const number = code === undefined ? undefined : clamped(Number(code));
  if (number !== undefined && number !== 1000 && !(number >= 3000 && number <= 4999)) {
    throw new DOMException("a page closes with code 1000 or 3000 to 4999", "InvalidAccessError");
  }
  const text = reason === undefined ? undefined : String(reason);
  if (text && new TextEncoder().encode(text).length > REASON_BYTES) {
    throw syntax(`a reason has at most ${REASON_BYTES} bytes`);
  }
  return [number, text];
}

/** As an argument of type `[Clamp] unsigned short`: halves go to the even number. */
function clamped(number: number): number {
  const within = Math.min(65_535, Math.max(0, number || 0));
  const floor = Math.floor(within);
  const rest = within - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}

function syntax(message: string): DOMException {
  return new DOMException(message, "SyntaxError");
}
