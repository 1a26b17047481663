// The module that wasm-bindgen writes; the build puts it in this place.
import type { Module } from "./engine.js";

export const Engine: Module["Engine"];
export const option: Module["option"];
export function initSync(input: { module: BufferSource }): unknown;
export default function init(input: { module_or_path: BufferSource | URL }): Promise<unknown>;
