// The same of the complete engine.
export * from "./text-plain.js";
