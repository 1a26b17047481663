// What the application says to a close, for the engine.
import { WireError } from "./errors.js";
import type { Options } from "./types.js";

const VERDICTS = [undefined, "stop", "retry", "slow", "refresh"];

/** The index of the verdict: 0 leaves it to the default policy, after a failure too. */
export function verdict(
  onClose: Options["onClose"],
  code: number,
  reason: string,
  failed: (error: WireError, thrown?: { error_: unknown }) => void,
): number {
  let answer: string | undefined;
  try {
    answer = onClose?.(code, reason);
  } catch (error) {
    failed(new WireError("handler-threw", `onClose threw: ${String(error)}`, false, error), { error_: error });
  }
  const index = VERDICTS.indexOf(answer);
  if (index >= 0) return index;
  const allowed = VERDICTS.slice(1).join(", ");
  failed(
    new WireError("invalid-option", `onClose answered ${String(answer)}, but may answer ${allowed} or nothing`),
  );
  return 0;
}
