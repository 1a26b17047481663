// The package in projects of the usual bundlers and of none, built as their manuals say, opened in a real browser.

import { cp } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";

import { Browser } from "./harness/browser.mjs";
import { Group, run } from "./harness/install.mjs";
import { Board, Site } from "./harness/servers.mjs";
import { check } from "./harness/verdict.mjs";

const PAGES = ["index.html", "wasm.html", "worker.html"];

/**
 * `source` is the folder with what the shared files lack, `build` a tool with its arguments; it writes to `dist`. `pages` are those that the tool makes, `copied` what it does not
 * put there itself: a tool that knows nothing of `new URL("…", import.meta.url)` needs the `.wasm` files copied.
 */
const BUNDLERS = [
  { name: "vite", build: ["vite", "build"], pages: PAGES },
  { name: "webpack", build: ["webpack"], pages: PAGES, copied: PAGES },
  { name: "rollup", build: ["rollup", "-c"], pages: PAGES.slice(0, 2), copied: [...PAGES.slice(0, 2), "wasm"] },
  {
    name: "esbuild",
    source: null,
    build: ["esbuild", "main.js", "wasm.js", "--bundle", "--splitting", "--minify", "--format=esm", "--outdir=dist"],
    pages: PAGES.slice(0, 2),
    copied: [...PAGES.slice(0, 2), "wasm"],
  },
  {
    name: "parcel",
    source: null,
    build: ["parcel", "build", "index.html", "worker.html", "--dist-dir=dist", "--no-cache"],
    // It knows the entries beside the default one only if it is told to read `exports`.
    pages: ["index.html", "worker.html"],
    // Its pages have a script of their own in them, which the policy forbids.
    isUnderPolicy: false,
  },
];
const UNBUNDLED = {
  "a module": "index.html",
  "a module with its wasm in a file": "wasm.html",
  "a dedicated worker": "worker.html",
  "a shared worker": "shared.html",
  "a service worker": "service.html",
};
const WASM = ["everwire.wasm", "everwire-reliable.wasm"];

describe("the package exchanges messages", { timeout: 600_000 }, () => {
  let group;
  let board;
  let browser;
  before(async () => {
    group = await Group.install("web");
    board = await Board.start();
    browser = await Browser.launch();
  });
  after(async () => {
    await browser?.close();
    await board?.stop();
  });

  /** Opens a page and looks at what it did. */
  async function visit(address) {
    await check(await browser.report(address, await board.settings()), board);
  }

  /** Serves a folder while `body` runs, under the policy that the README names. */
  async function served(folder, body, isUnderPolicy = true) {
    const socket = board.origin.replace("http", "ws");
    const policy = `default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self' ${socket}`;
    const site = await Site.start(folder, isUnderPolicy ? policy : undefined);
    try {
      await body(site.origin);
    } finally {
      site.stop();
    }
  }

  for (const { name, source = name, build, pages, copied = [], isUnderPolicy = true } of BUNDLERS) {
    it(`built by ${name}`, async () => {
      const folder = await group.exchangingProject(name, source);
      const [tool, ...args] = build;
      await run(group.program(tool), args, folder, { NODE_ENV: "production" });
      const dist = join(folder, "dist");
      const files = copied.flatMap((file) => (file === "wasm" ? WASM.map((wasm) => `../node_modules/everwire/${wasm}`) : file));
      for (const file of files) await cp(join(folder, file), join(dist, file.split("/").at(-1)));
      const look = async (origin) => {
        for (const page of pages) await visit(`${origin}/${page}`);
      };
      await served(dist, look, isUnderPolicy);
    });
  }

  it("served by Vite's development server", async () => {
    const folder = await group.exchangingProject("vite-dev", "vite");
    const { createServer } = await import(join(group.folder, "node_modules/vite/dist/node/index.js"));
    const server = await createServer({ root: folder, logLevel: "silent", server: { host: "127.0.0.1", port: 0 } });
    try {
      await server.listen();
      const { port } = server.httpServer.address();
      for (const page of PAGES) await visit(`http://127.0.0.1:${port}/${page}`);
    } finally {
      await server.close();
    }
  });

  describe("without a bundler, in", () => {
    let folder;
    before(async () => {
      folder = await group.exchangingProject("script", "script");
    });
    for (const [where, page] of Object.entries(UNBUNDLED)) {
      it(where, () => served(join(folder, ".."), (origin) => visit(`${origin}/script/${page}`)));
    }
  });
});
