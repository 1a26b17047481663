import { defineConfig } from "vite";

export default defineConfig({
  build: { rolldownOptions: { input: ["index.html", "wasm.html", "worker.html"] } },
  // So that the development server finds the .wasm files of `everwire/wasm` beside their module.
  optimizeDeps: { exclude: ["everwire/wasm"] },
});
