// A newcomer's first five minutes: an empty Vite project with TypeScript, the tarball installed, the README's quick start pasted,
// and a server that knows nothing of the package.

import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";

import { Browser } from "./harness/browser.mjs";
import { Group, run } from "./harness/install.mjs";
import { serve } from "./harness/servers.mjs";

const README = new URL("../../README.md", import.meta.url);
/** The address in the README. The reader puts the address of a server in its place. */
const EXAMPLE = "wss://api.example.com/ws/user-123";
const TOKEN = "a-token";

describe("the README's quick start", { timeout: 200_000 }, () => {
  let group;
  let browser;
  let server;
  before(async () => {
    group = await Group.install("web");
    browser = await Browser.launch();
  });
  after(async () => {
    await browser?.close();
    server?.closeAllConnections();
    server?.close();
  });

  it("works as it is written, types included", async () => {
    const folder = await group.project("quickstart");
    server = createServer((request, response) => {
      if (request.url === "/api/token") response.end(TOKEN);
      else serve(join(folder, "dist"), undefined, request, response);
    });
    const { WebSocketServer } = createRequire(join(group.folder, "package.json"))("ws");
    new WebSocketServer({ server, path: "/ws/user-123" }).on("connection", speak);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const host = `127.0.0.1:${server.address().port}`;

    await mkdir(join(folder, "src"), { recursive: true });
    await writeFile(join(folder, "src/main.ts"), await quickStart(`ws://${host}/ws/user-123`));
    await run(group.program("tsc"), [], folder);
    await run(group.program("vite"), ["build"], folder, { NODE_ENV: "production" });
    await browser.lines(`http://${host}/`, ["open", "created New task", "task 1 is New task"]);
  });
});

async function quickStart(address) {
  const readme = await readFile(README, "utf8");
  const [, code] = /## Quick start: TypeScript\n[^`]*```ts\n(.*?)```/s.exec(readme);
  assert.equal(code.split(EXAMPLE).length, 2, "the quick start names its address once");
  return code.replace(EXAMPLE, address);
}

/** The server's side of the example, on one socket. */
function speak(socket) {
  const tasks = [];
  let isKnown = false;
  const answer = (message) => socket.send(JSON.stringify(message));
  socket.on("message", (text) => {
    const { type, data, id } = JSON.parse(text);
    if (type === "auth") isKnown = data.token === TOKEN;
    else if (!isKnown) socket.close(4401);
    else if (type === "create_task") {
      tasks.push({ id: tasks.length + 1, title: data.title });
      answer({ type: "task_created", data: tasks.at(-1) });
    } else if (type === "get_task") answer({ type: "task", data: tasks[data.id - 1], re: id });
  });
}
