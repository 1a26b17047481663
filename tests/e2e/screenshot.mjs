// Takes the README's picture of the board: node tests/e2e/screenshot.mjs docs/board.png
// Two people's tasks, one window cut off with two tasks waiting. Needs what the end-to-end tests need.

import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";

import { Browser } from "./harness/browser.mjs";
import { Server } from "./harness/servers.mjs";
import { until } from "./harness/until.mjs";

const [path] = process.argv.slice(2);
if (!path) throw new Error("usage: node tests/e2e/screenshot.mjs FILE.png");

const server = await Server.start("rust");
const browser = await Browser.launch();
try {
  const ann = await (await browser.open(server.origin, "ann", { size: { width: 1200, height: 948 } })).ready();
  const ben = await (await browser.open(server.origin, "ben")).ready();
  await ann.add("Write the README");
  await ben.add("Measure the bundle in all three browsers", "ann");
  await ann.add("Check the board in dark mode", "ben");
  await ben.add("Pull the plug while somebody is typing");
  await ann.until("four tasks", (rows) => rows.length === 4);
  await ann.toggle("Write the README");
  await ben.untilRow("Write the README", { done: true });
  await until("some round trips", async () => (await points(ann)) >= 6, { withinMs: 60_000 });

  await ann.breakIt("refuse");
  await ann.untilStatus("reconnecting");
  await ann.add("Typed while the server was away");
  await ann.add("Nothing of this gets lost", "ben");
  await until("both are counted", async () => (await ann.text("#queued")) === "2");
  await until("a countdown worth looking at", async () =>
    /^Attempt [2-9] in [1-9]/.test(await ann.text("#state-detail")),
  );
  await ann.page.evaluate(() => document.activeElement.blur());
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, await ann.page.screenshot());
} finally {
  await browser.close();
  await server.stop();
}

function points(board) {
  return board.page.$eval("#sparkline polyline", (line) => (line.getAttribute("points") ?? "").split(" ").length);
}
