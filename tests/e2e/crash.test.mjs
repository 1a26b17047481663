// kill -9 in the middle of things: nothing lost, nothing twice, and no row that says what is not so.

import assert from "node:assert/strict";

import { throughProxy } from "./harness/proxy.mjs";
import { onEachServer } from "./harness/suite.mjs";
import { until } from "./harness/until.mjs";

onEachServer("after a kill -9", (test) => {
  test("every task typed around it is saved exactly once", async ({ server, open }) => {
    const ann = await (await open("ann")).ready();
    const ben = await (await open("ben")).ready();
    const titles = Array.from({ length: 12 }, (_, number) => `Task ${String(number).padStart(2, "0")}`);
    for (const title of titles.slice(0, 4)) await ann.add(title);
    // The kill and the next tasks race: some go out and get no answer, some are never written.
    const killed = server.kill();
    for (const title of titles.slice(4)) await ann.add(title);
    await killed;
    await ann.untilStatus("reconnecting");
    await server.start();

    for (const board of [ann, ben]) {
      await board.untilStatus("open", 35_000);
      await board.until(
        "every task once",
        (rows) =>
          rows
            .map(({ title }) => title)
            .sort()
            .join() === titles.join(),
      );
    }
    await ann.untilQuiet();
    assert.deepEqual((await server.tasks("ann")).map(({ title }) => title).sort(), titles);
    ann.record.check({ mayLoseServer: true });
  });

  test("a task that was saved but never confirmed is not made twice", async ({ server, ...rest }) => {
    const { proxy, ann } = await throughProxy({ server, ...rest });
    await ann.compose("Saved in silence");
    proxy.holdToClient = true;
    await ann.submit();
    await ann.untilRow("Saved in silence", { stage: "sent" });
    await until("the server has it", async () => (await server.tasks("ann")).length === 1);

    await server.kill();
    await ann.untilRow("Saved in silence", { stage: "uncertain", chip: "Unconfirmed" });
    proxy.release();
    await server.start();
    await ann.untilSaved("Saved in silence", 35_000);
    assert.deepEqual(
      (await server.tasks("ann")).map(({ title }) => title),
      ["Saved in silence"],
    );
  });

  test("a task that was written but never arrived is sent again", async ({ server, ...rest }) => {
    const { proxy, ann } = await throughProxy({ server, ...rest });
    await ann.compose("Lost on the way");
    proxy.holdToServer = true;
    await ann.submit();
    await ann.untilRow("Lost on the way", { stage: "sent", chip: "Sent" });

    await server.kill();
    await ann.untilRow("Lost on the way", { stage: "uncertain" });
    proxy.release();
    await server.start();
    await ann.untilSaved("Lost on the way", 35_000);
    assert.deepEqual(
      (await server.tasks("ann")).map(({ title }) => title),
      ["Lost on the way"],
    );
  });

  test("a change of unknown fate is not forced over somebody else's", async ({ server, ...rest }) => {
    const { proxy, ann } = await throughProxy({ server, ...rest });
    await ann.add("First words");
    await ann.untilQuiet();
    const [task] = await server.tasks("ann");
    await ann.retype("First words", "Ann's words");
    proxy.holdToServer = true;
    await ann.page.keyboard.press("Enter");
    await ann.untilRow("Ann's words", { stage: "sent" });

    await server.kill();
    await ann.untilRow("Ann's words", { stage: "uncertain" });
    await server.start();
    await patch(server, "ben", task.id, { title: "Ben's words" });
    proxy.release();
    await ann.untilRow("Ann's words", { stage: "rejected" }, 35_000);
    assert.equal((await server.tasks("ann"))[0].title, "Ben's words");

    await ann.resolve("Ann's words", "Discard");
    await ann.untilRow("Ben's words", { stage: "" });
  });
});

async function patch(server, user, id, fields) {
  const response = await fetch(`${server.origin}/api/tasks/${id}`, {
    method: "PATCH",
    headers: { "X-User": user, "Content-Type": "application/json" },
    body: JSON.stringify(fields),
  });
  assert.equal(response.status, 200);
}
