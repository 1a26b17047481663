// The same for the complete engine, which has reliable delivery too.
export * from "./glue-plain.js";
