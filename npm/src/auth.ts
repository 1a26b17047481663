import { FAILED, GRANTED, UNAUTHORIZED } from "./engine.js";
import { WireError } from "./errors.js";
import { resolve } from "./options.js";
import type { AttemptContext, Options, Url } from "./types.js";

const REASONS: AttemptContext["reason"][] = ["connect", "refused", "refresh"];

/** Asks for the token and the URL, and answers the engine; tells first why that failed, or `undefined`. */
export async function fetchToken(
  answer: (outcome: number, expiresIn: number, token?: string, url?: string) => void,
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
    answer(GRANTED, expiresInMs, token ?? undefined, place && resolve(place));
  } catch (error) {
    const refused = (error as { code?: unknown } | undefined)?.code === "unauthorized";
    tell(error);
    answer(refused ? UNAUTHORIZED : FAILED, NaN);
  }
}
