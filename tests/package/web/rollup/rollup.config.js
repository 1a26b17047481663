import { nodeResolve } from "@rollup/plugin-node-resolve";

export default {
  input: ["main.js", "wasm.js"],
  output: { dir: "dist" },
  plugins: [nodeResolve({ browser: true })],
};
