// The same of the engine that records itself.
export * from "./text-plain.js";
