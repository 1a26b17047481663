// The same for the engine that records itself, which can give its recording.
import type { Engine as Plain, PlainLink } from "../engine.js";

export * from "./glue-plain.js";
export interface Engine extends Plain {}
export class Engine {
  constructor(link: PlainLink);
  trace_(): string;
}
