// The board's switch between plain and reliable, and the counts that show the difference.

import assert from "node:assert/strict";

import { RELIABLE } from "./harness/servers.mjs";
import { onEachServer } from "./harness/suite.mjs";
import { until } from "./harness/until.mjs";

/** A window that counts, with some messages both ways. */
async function counting(open, delivery) {
  const board = await (await open("ann", { path: `/?user=ann&delivery=${delivery}` })).ready();
  await board.page.click("#count-messages");
  await until("some were counted", async () => Number(await board.text("#in-received")) >= 4);
  return board;
}

/** Refuses the window for ten seconds and waits until messages flow again. */
async function goneForAWhile(board) {
  await board.breakIt("refuse");
  await board.untilStatus("reconnecting");
  await board.untilStatus("open", 45_000);
  const before = Number(await board.text("#in-received"));
  await until("messages flow again", async () => Number(await board.text("#in-received")) > before + 4);
}

onEachServer(
  "the delivery switch",
  (test) => {
    test("with plain delivery, what the server sends meanwhile is lost, and the count says so", async ({ open }) => {
      const board = await counting(open, "plain");
      await goneForAWhile(board);
      assert.match(await board.text("#in-wrong"), /^[1-9]\d* lost/);
      board.record.check({ mayLoseServer: true });
    });

    test("with reliable delivery nothing is lost, neither way", async ({ open }) => {
      const board = await counting(open, "reliable");
      await goneForAWhile(board);
      assert.equal(await board.text("#in-wrong"), "none lost");
      assert.equal(await board.text("#out-wrong"), "none lost");
      // A tick of each quarter of a second: all those of the ten seconds away came.
      assert.ok(Number(await board.text("#in-received")) > 40);
      board.record.check({ mayLoseServer: true });
    });

    test("with reliable delivery a restart is told, and the server misses nothing", async ({ open }) => {
      const board = await counting(open, "reliable");
      await board.breakIt("restart");
      await until("it was told", async () => /Resync \(epoch\)/.test(await board.text("#log")), { withinMs: 45_000 });
      const before = Number(await board.text("#out-received"));
      await until("messages flow again", async () => Number(await board.text("#out-received")) > before + 4);
      assert.match(await board.text("#in-wrong"), /^none lost/);
      assert.equal(await board.text("#out-wrong"), "none lost");
      board.record.check({ mayLoseServer: true });
    });

    test("the switch is a link that keeps the user, and tasks work on either side", async ({ open }) => {
      const ann = await (await open("ann", { path: "/?user=ann" })).ready();
      await ann.add("Written on plain");
      await ann.untilSaved("Written on plain");
      await Promise.all([ann.page.waitForNavigation(), ann.page.click('[data-delivery="reliable"]')]);
      await ann.ready();
      assert.equal(new URL(ann.page.url()).search, "?user=ann&delivery=reliable");
      await ann.untilRow("Written on plain", {});
      await ann.add("Written on reliable");
      await ann.untilSaved("Written on reliable");
      const ben = await (await open("ben")).ready();
      await ben.untilRow("Written on reliable", {});
    });
  },
  RELIABLE,
);
