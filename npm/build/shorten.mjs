// wasm-bindgen names imports and exports with hashes, in the module and again in its glue. Short names do as well.

const CUSTOM = 0;
const IMPORTS = 2;
const EXPORTS = 7;

/** The module and its glue with short names, and the module without its custom sections. */
export function shorten(wasm, glue) {
  const names = { imports: new Map(), exports: new Map() };
  const sections = [wasm.subarray(0, 8)];
  const reader = new Reader(wasm, 8);
  while (reader.at < wasm.length) {
    const id = reader.byte();
    const body = reader.bytes();
    if (id === IMPORTS) sections.push(section(id, imports(new Reader(body), names.imports)));
    else if (id === EXPORTS) sections.push(section(id, exports(new Reader(body), names.exports)));
    else if (id !== CUSTOM) sections.push(section(id, body));
  }
  return { wasm: Buffer.concat(sections), glue: rename(glue, names) };
}

function rename(glue, { imports, exports }) {
  const importKey = /^( {8})(\w+)(: function\()/gm;
  return glue
    .replaceAll('"./everwire_bg.js": import0', '"a": import0')
    .replace(importKey, (all, indent, name, rest) => (imports.has(name) ? indent + imports.get(name) + rest : all))
    .replace(/\bwasm\.(\w+)/g, (all, name) => (exports.has(name) ? `wasm.${exports.get(name)}` : all));
}

function imports(reader, names) {
  const count = reader.number();
  const parts = [leb(count)];
  for (let i = 0; i < count; i++) {
    reader.bytes();
    const name = reader.bytes().toString();
    names.set(name, short(i));
    const from = reader.at;
    const kind = reader.byte();
    if (kind !== 0) throw new Error(`the import ${name} is no function`);
    reader.number();
    parts.push(text("a"), text(short(i)), reader.since(from));
  }
  return Buffer.concat(parts);
}

function exports(reader, names) {
  const count = reader.number();
  const parts = [leb(count)];
  for (let i = 0; i < count; i++) {
    const name = reader.bytes().toString();
    names.set(name, short(i));
    const from = reader.at;
    reader.byte();
    reader.number();
    parts.push(text(short(i)), reader.since(from));
  }
  return Buffer.concat(parts);
}

function short(index) {
  return index < 26 ? String.fromCharCode(97 + index) : `a${short(index - 26)}`;
}

function section(id, body) {
  return Buffer.concat([Buffer.of(id), leb(body.length), body]);
}

function text(name) {
  return Buffer.concat([leb(name.length), Buffer.from(name)]);
}

function leb(number) {
  const bytes = [];
  do {
    bytes.push((number & 127) | (number > 127 ? 128 : 0));
    number >>>= 7;
  } while (number > 0);
  return Buffer.from(bytes);
}

/** Reads the numbers and names of a wasm module. */
class Reader {
  constructor(buffer, at = 0) {
    this.buffer = buffer;
    this.at = at;
  }

  byte() {
    return this.buffer[this.at++];
  }

  number() {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.byte();
      value |= (byte & 127) << shift;
      if (byte < 128) return value >>> 0;
    }
  }

  bytes() {
    const length = this.number();
    this.at += length;
    return this.buffer.subarray(this.at - length, this.at);
  }

  since(from) {
    return this.buffer.subarray(from, this.at);
  }
}
