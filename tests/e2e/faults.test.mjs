// The board's own fault buttons: each does what it says, and the board recovers without help.

import assert from "node:assert/strict";

import { onEachServer } from "./harness/suite.mjs";
import { until } from "./harness/until.mjs";

onEachServer("the fault button", (test) => {
  test("“drop” cuts this window only, and it is back soon", async ({ open }) => {
    const ann = await (await open("ann")).ready();
    const ben = await (await open("ben")).ready();
    await ann.breakIt("drop");
    await until("ann reconnected", async () => (await ann.text("#reconnects")) === "1");
    await ann.untilStatus("open");
    assert.equal(await ben.text("#reconnects"), "0");
    await stillLive(ann, ben);
    for (const board of [ann, ben]) board.record.check();
  });

  test("“stall” loses nothing, whether or not the server answers pings", async ({ kind, open }) => {
    const ann = await (await open("ann")).ready();
    const ben = await (await open("ben")).ready();
    if (kind === "rust") await until("a ping was answered", async () => (await ann.text("#round-trip-of")) === "ping");
    await ann.breakIt("stall");
    await until("the fault is made", async () => (await ann.text("#watch")) !== "");
    await ann.add("Typed into a stalled socket");
    // A server that answers pings is found dead within 5 s + 4 s; one that never does is waited for.
    if (kind === "rust")
      await until("the dead socket was replaced", async () => (await ann.text("#reconnects")) === "1", {
        withinMs: 25_000,
      });
    await ben.untilRow("Typed into a stalled socket", {}, 25_000);
    await ann.untilQuiet(25_000);
    if (kind === "fastapi") assert.equal(await ann.text("#reconnects"), "0");
    ann.record.check();
  });

  test("“refuse” makes it wait and try until it is let in", async ({ open }) => {
    const ann = await (await open("ann")).ready();
    await ann.compose("Queued while refused");
    await ann.breakIt("refuse");
    await ann.untilStatus("reconnecting");
    await until("a second attempt is counted down", async () =>
      /^Attempt ([2-9]) in [\d.]+ s$/.test(await ann.text("#state-detail")),
    );
    await ann.submit();
    await ann.untilRow("Queued while refused", { stage: "queued" });
    await ann.untilSaved("Queued while refused", 35_000);
    assert.equal(await ann.status(), "open");
    ann.record.check({ mayLoseServer: true });
  });

  test("“restart” sends everybody away, and everybody comes back", async ({ open }) => {
    const ann = await (await open("ann")).ready();
    const ben = await (await open("ben")).ready();
    await ann.add("Outlives a restart");
    await ben.untilRow("Outlives a restart", {});
    await ann.breakIt("restart");
    for (const board of [ann, ben])
      await until(`${board.user} reconnected`, async () => Number(await board.text("#reconnects")) >= 1, {
        withinMs: 35_000,
      });
    for (const board of [ann, ben]) await board.untilStatus("open");
    await ann.untilRow("Outlives a restart", {});
    await stillLive(ann, ben);
    for (const board of [ann, ben]) board.record.check({ mayLoseServer: true });
  });

  test("“reconnect now” does not wait for the countdown", async ({ open }) => {
    const ann = await (await open("ann")).ready();
    await ann.page.click("#reconnect");
    await until("ann reconnected", async () => (await ann.text("#reconnects")) === "1");
    await ann.untilStatus("open");
    ann.record.check();
  });
});

async function stillLive(ann, ben) {
  await ann.add("Still live");
  await ben.untilRow("Still live", {});
  await ann.untilQuiet();
}
