import { type Engine, FAILED, GRANTED, UNAUTHORIZED } from "./engine.js";
import { WireError } from "./errors.js";
import { resolve } from "./options.js";
import type { AttemptContext, Options, Url } from "./types.js";

const REASONS: AttemptContext["reason"][] = ["connect", "refused", "refresh"];

/** Asks for the token and the URL, and answers the engine; tells first why that failed, or `undefined`. */
export async function fetchToken(
  engine: () => Engine | undefined,
  request: number,
  reason: number,
  attempt: number,
  url: Url,
  { auth, authVia }: Options,
  tell: (cause: unknown) => void,
): Promise<void> {
  const context: AttemptContext = { reason: REASONS[reason] ?? "connect", attempt };
  try {
    const moves = typeof url === "function" && context.reason !== "refresh";
    const [given, place] = await Promise.all([auth?.(context), moves ? url(context) : undefined]);
    const { token, expiresInMs = NaN } = typeof given === "object" ? given : { token: given };
    if (auth && authVia !== "cookie" && typeof token !== "string") {
      throw new WireError("token-failed", "auth answered no token: return a string or { token, expiresInMs }", true);
    }
    tell(undefined);
    engine()?.answer_(request, GRANTED, token ?? undefined, place && resolve(place), expiresInMs);
  } catch (error) {
    const refused = (error as { code?: unknown } | undefined)?.code === "unauthorized";
    tell(error);
    engine()?.answer_(request, refused ? UNAUTHORIZED : FAILED, undefined, undefined, NaN);
  }
}
