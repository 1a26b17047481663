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

/** Throws for a code or a reason that no page may close with. Without a code it is none. */
export function checkClose(code: number | undefined, reason: string | undefined): void {
  if (code !== undefined && code !== 1000 && !(code >= 3000 && code <= 4999)) {
    throw new DOMException("a page closes with code 1000 or 3000 to 4999", "InvalidAccessError");
  }
  if (reason !== undefined && new TextEncoder().encode(reason).length > REASON_BYTES) {
    throw syntax(`a reason has at most ${REASON_BYTES} bytes`);
  }
}

function syntax(message: string): DOMException {
  return new DOMException(message, "SyntaxError");
}
