// Builds the examples on the package in pkg/: npx vite build npm/examples. With NODE_ENV=development as frameworks run while one
// develops: then React's StrictMode mounts everything twice.

import { mkdirSync, rmSync, symlinkSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { svelte } from "@sveltejs/vite-plugin-svelte";
import react from "@vitejs/plugin-react";
import vue from "@vitejs/plugin-vue";
import { defineConfig } from "vite";

const here = fileURLToPath(new URL(".", import.meta.url));

// As `npm install` would put it there.
mkdirSync(`${here}node_modules`, { recursive: true });
rmSync(`${here}node_modules/everwire`, { force: true });
symlinkSync("../../../pkg", `${here}node_modules/everwire`);

export default defineConfig({
  root: here,
  logLevel: "warn",
  plugins: [react(), vue(), svelte()],
  server: { proxy: { "/ws": { target: "ws://127.0.0.1:8080", ws: true } } },
  build: {
    outDir: process.env.EXAMPLES_DIR ?? `${here}../../target/examples`,
    emptyOutDir: true,
    target: "es2022",
    rolldownOptions: { input: ["react", "vue", "svelte"].map((name) => `${here}${name}/index.html`) },
  },
});
