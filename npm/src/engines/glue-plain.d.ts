// The module that wasm-bindgen writes for the plain engine; the build puts it in this place and exports its last two
// functions.
import type { Module } from "../engine.js";

export const Engine: Module["Engine"];
export function __wbg_get_imports(): WebAssembly.Imports;
export function __wbg_finalize_init(instance: WebAssembly.Instance): unknown;
