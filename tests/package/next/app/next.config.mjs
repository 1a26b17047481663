import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export default {
  // Pages are rendered when they are built, so what they import runs in Node once.
  output: "export",
  // Where the packages are: above the project.
  turbopack: { root: join(dirname(fileURLToPath(import.meta.url)), "../..") },
};
