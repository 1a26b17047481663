// Helpers of wasm-bindgen's glue that are long because they fit every program. Here texts are short and rare, and the
// browsers that have what the package needs have TextEncoder.encode too.

const PLAIN = {
  passStringToWasm0: `function passStringToWasm0(text, malloc) {
    const bytes = cachedTextEncoder.encode(text);
    const ptr = malloc(bytes.length, 1) >>> 0;
    getUint8ArrayMemory0().set(bytes, ptr);
    WASM_VECTOR_LEN = bytes.length;
    return ptr;
}`,
  decodeText: `function decodeText(bytes) {
    return cachedTextDecoder.decode(bytes);
}`,
  getDataViewMemory0: `function getDataViewMemory0() {
    return new DataView(wasm.memory.buffer);
}`,
};
// The facade never frees an engine by hand: it goes with its wire.
const FREEING = /^ {4}__destroy_into_raw\(\) \{\n[\s\S]*?\n {4}\}\n {4}free\(\) \{\n[\s\S]*?\n {4}\}\n/m;
const DISPOSING = /^if \(Symbol\.dispose\) .*\n/m;
const OPTIONAL = /\(typeof FinalizationRegistry === 'undefined'\)\n\s*\? .*\n\s*: (?=new FinalizationRegistry)/g;
const WARMING = /^cachedTextDecoder\.decode\(\);\n/m;
const POLYFILL = /^if \(!\('encodeInto' in cachedTextEncoder\)\) \{\n[\s\S]*?\n\}\n/m;

/** The glue with plain helpers. Throws when wasm-bindgen has changed them, so that somebody looks. */
export function plain(glue) {
  let result = replace(glue, POLYFILL, "", "the polyfill of encodeInto");
  result = replace(result, FREEING, "", "Engine.free");
  result = replace(result, DISPOSING, "", "Engine[Symbol.dispose]");
  // Whatever has reference types has it.
  result = replace(result, OPTIONAL, "", "the choice about FinalizationRegistry");
  result = replace(result, WARMING, "", "the first use of the decoder");
  for (const [name, text] of Object.entries(PLAIN)) {
    result = replace(result, new RegExp(`^function ${name}\\([\\s\\S]*?\\n\\}$`, "m"), text, name);
  }
  return result;
}

function replace(text, pattern, by, name) {
  if (text.search(pattern) < 0) throw new Error(`wasm-bindgen's glue has changed: ${name} is not where it was`);
  return text.replace(pattern, by);
}
