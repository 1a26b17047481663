// Two windows, one server: what one does, the other sees.

import assert from "node:assert/strict";

import { onEachServer } from "./harness/suite.mjs";
import { until } from "./harness/until.mjs";

onEachServer("two windows", (test) => {
  test("see each other create, edit, assign, complete and delete", async ({ server, open }) => {
    const ann = await (await open("ann")).ready();
    const ben = await (await open("ben")).ready();

    await ann.add("Write the README");
    await ben.untilRow("Write the README", { done: false, assignee: "" });
    await until("ann's row went from Sent to Saved", async () => /Sent.*Saved/.test((await ann.chips()).join(" ")));

    await ben.rename("Write the README", "Write a README that works");
    await ann.untilRow("Write a README that works", { done: false });

    await ann.assign("Write a README that works", "ben");
    await ben.untilRow("Write a README that works", { assignee: "ben" });

    await ben.toggle("Write a README that works");
    await ann.untilRow("Write a README that works", { done: true });

    await ann.delete("Write a README that works");
    await ben.until("no task", (rows) => rows.length === 0);
    await ann.until("no task", (rows) => rows.length === 0);
    assert.deepEqual(await server.tasks("ann"), []);
    for (const board of [ann, ben]) board.record.check();
  });

  test("show a task to those it concerns and take it from those it no longer does", async ({ open }) => {
    const [ann, ben, cleo] = await Promise.all(["ann", "ben", "cleo"].map(async (user) => (await open(user)).ready()));
    await ann.add("For everybody");
    for (const board of [ann, ben, cleo]) await board.untilRow("For everybody", {});

    await ben.assign("For everybody", "ben");
    await cleo.until("nothing", (rows) => rows.length === 0);
    await ann.untilRow("For everybody", { assignee: "ben" });

    // Given away by somebody whose task it is not, it leaves that window too.
    await ben.assign("For everybody", "cleo");
    await cleo.untilRow("For everybody", { assignee: "cleo" });
    await ben.until("nothing", (rows) => rows.length === 0);
    await ann.untilQuiet();
    for (const board of [ann, ben, cleo]) board.record.check();
  });

  test("hear of changes made over REST", async ({ server, open }) => {
    const ann = await (await open("ann")).ready();
    const headers = { "X-User": "ben", "Content-Type": "application/json" };
    const create = { method: "POST", headers, body: JSON.stringify({ title: "By REST", assignee: "ann" }) };
    const task = await (await fetch(`${server.origin}/api/tasks`, create)).json();
    await ann.untilRow("By REST", { assignee: "ann", done: false });

    const patch = { method: "PATCH", headers, body: JSON.stringify({ done: true, title: "By REST, done" }) };
    await fetch(`${server.origin}/api/tasks/${task.id}`, patch);
    await ann.untilRow("By REST, done", { done: true });

    await fetch(`${server.origin}/api/tasks/${task.id}`, { method: "DELETE", headers });
    await ann.until("no task", (rows) => rows.length === 0);
    ann.record.check();
  });

  test("leave an editor alone while others change the same task", async ({ open }) => {
    const ann = await (await open("ann")).ready();
    const ben = await (await open("ben")).ready();
    await ann.add("Shared");
    await ben.untilRow("Shared", {});

    await ben.page.click(".title");
    await ben.page.keyboard.type("Half a th");
    await ann.toggle("Shared");
    await ann.rename("Shared", "Shared by all");
    await until("ben's row shows the new title behind the editor", async () => (await ben.row("Shared by all"))?.done);
    await ben.page.keyboard.type("ought");
    assert.equal(await ben.page.$eval(".title-input", (input) => input.value), "Half a thought");
    await ben.page.keyboard.press("Enter");
    await ann.untilRow("Half a thought", { done: true });
  });
});
