export default {
  mode: "production",
  entry: { main: "./main.js", wasm: "./wasm.js", "worker-page": "./worker-page.js" },
};
