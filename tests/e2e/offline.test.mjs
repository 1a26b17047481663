// The server is away: everything goes on, waits its turn, and is on every board once it is back.

import assert from "node:assert/strict";

import { throughProxy } from "./harness/proxy.mjs";
import { onEachServer } from "./harness/suite.mjs";
import { until } from "./harness/until.mjs";

onEachServer("while the server is away", (test) => {
  test("everything is queued, and on both boards once it is back", async ({ server, open }) => {
    const ann = await (await open("ann")).ready();
    const ben = await (await open("ben")).ready();
    await ann.add("Was there before");
    await ann.add("To be deleted");
    await ben.untilRow("To be deleted", {});

    await server.kill();
    for (const board of [ann, ben]) await board.untilStatus("reconnecting");
    await ann.add("Made while away", "ben");
    await ann.rename("Made while away", "Made and renamed while away");
    await ann.toggle("Was there before");
    await ann.delete("To be deleted");
    await ben.add("Ben was busy too");
    await ann.untilRow("Made and renamed while away", { stage: "queued", chip: "Queued", assignee: "ben" });
    await ann.untilRow("Was there before", { stage: "queued", done: true });
    await ben.untilRow("Ben was busy too", { stage: "queued" });
    // The rename waits in the board for the task's number; three messages wait in the wire.
    await until("three messages queued", async () => (await ann.text("#queued")) === "3");

    await server.start();
    const wanted = ["Ben was busy too", "Made and renamed while away", "Was there before"];
    // Each brings what the other waits for.
    for (const board of [ann, ben]) await board.untilStatus("open", 35_000);
    for (const board of [ann, ben]) {
      await board.until("all three tasks", (rows) => titlesOf(rows).join() === wanted.join());
      await board.untilQuiet();
    }
    const tasks = await server.tasks("ben");
    assert.deepEqual(titlesOf(tasks), wanted);
    assert.equal(tasks.find(({ title }) => title === "Was there before").done, true);
    // The panel is written a few times a second.
    await until("nothing queued", async () => (await ann.text("#queued")) === "0");
    for (const board of [ann, ben]) board.record.check({ mayLoseServer: true });
  });

  test("a page loaded meanwhile starts by itself, and drafts and unsaved tasks survive a reload", async ({
    server,
    open,
  }) => {
    const ann = await (await open("ann")).ready();
    await server.kill();
    await ann.untilStatus("reconnecting");
    await ann.add("Typed while away");
    await ann.page.type("#new-title", "Half a sente");
    await ann.untilRow("Typed while away", { stage: "queued" });

    await server.start();
    await ann.page.reload();
    await ann.untilSaved("Typed while away");
    assert.equal(await ann.page.$eval("#new-title", (input) => input.value), "Half a sente");
    assert.deepEqual(titlesOf(await server.tasks("ann")), ["Typed while away"]);
  });

  test("a change to a task that has gone is refused with its reason, and its text is not lost", async ({
    server,
    ...rest
  }) => {
    const { proxy, ann } = await throughProxy({ server, ...rest });
    await ann.add("Doomed");
    await ann.untilQuiet();
    const [task] = await server.tasks("ann");

    proxy.cut();
    await ann.untilStatus("reconnecting");
    await fetch(`${server.origin}/api/tasks/${task.id}`, { method: "DELETE", headers: { "X-User": "ben" } });
    await ann.rename("Doomed", "Better words");
    await ann.untilRow("Better words", { stage: "queued" });
    proxy.release();
    await ann.untilRow("Better words", { stage: "rejected" }, 40_000);
    assert.match((await ann.row("Better words")).trouble, /\w{3,}/);

    await ann.resolve("Better words", "Add as a new task");
    await ann.untilSaved("Better words");
    assert.deepEqual(titlesOf(await server.tasks("ben")), ["Better words"]);
  });
});

function titlesOf(tasks) {
  return tasks.map(({ title }) => title).sort();
}
