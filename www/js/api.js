// The server's REST half: configuration, tokens and faults. Tasks travel over the wire alone.

export class ApiError extends Error {
  constructor(code, message) {
    super(message);
    this.name = "ApiError";
    this.code = code;
  }
}

/** What the server offers. One that does not say how it delivers is plain, and counts nothing. */
export async function getConfig() {
  return { deliveries: ["plain"], counts: false, ...(await call("GET", "/api/config")) };
}

/** A fresh token for `user`, with its life. It goes to the wire and nowhere else: never shown, never logged. */
export async function getToken(user) {
  const { token, expires_ms: expiresInMs } = await call("POST", "/api/token", { user });
  return { token, expiresInMs };
}

export function makeFault(fault, tab, user) {
  return call("POST", `/api/faults/${fault}`, { tab }, { "X-User": user });
}

// A server that takes the connection and then says nothing must not hang the page.
const TIMEOUT_MS = 8_000;

async function call(method, path, body, headers = {}) {
  const response = await reach(path, {
    method,
    headers: body ? { "Content-Type": "application/json", ...headers } : headers,
    body: body && JSON.stringify(body),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  const { code = "http-error", message = `The server answered ${response.status}.` } = answer.error ?? {};
  throw new ApiError(code, message);
}

async function reach(path, init) {
  try {
    return await fetch(path, init);
  } catch {
    throw new ApiError("unreachable", "The server cannot be reached.");
  }
}
