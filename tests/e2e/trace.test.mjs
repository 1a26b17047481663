// A bug report is a file that runs again: what a page records over cuts is what the engine does natively.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

import { throughProxy } from "./harness/proxy.mjs";
import { onEachServer } from "./harness/suite.mjs";
import { until } from "./harness/until.mjs";

const SECRET = "s3cret-title";

/** Connects in the page, beside the board's own connection, and keeps it as `traced`. */
function connect(page, delivery) {
  return page.evaluate(async (delivery) => {
    const { connect } = await import("/pkg/everwire.js");
    const body = JSON.stringify({ user: "ann" });
    const headers = { "content-type": "application/json" };
    const response = await fetch("/api/token", { method: "POST", headers, body });
    const { token } = await response.json();
    globalThis.token = token;
    const url = new URL("/ws/ann?hidden=s3cret-query", location.href);
    globalThis.traced = connect(url, { auth: () => token, delivery, trace: true, backoff: { firstMs: 50 } });
    await globalThis.traced.opened;
  }, delivery);
}

async function replay(trace) {
  const folder = await mkdtemp(join(tmpdir(), "everwire-trace-"));
  try {
    const file = join(folder, "trace.json");
    await writeFile(file, trace);
    const program = join(dirname(process.env.EVERWIRE_SERVER_BIN), "everwire-replay");
    return await promisify(execFile)(program, [file]).catch(({ code, stdout, stderr }) => ({ code, stdout, stderr }));
  } finally {
    await rm(folder, { recursive: true });
  }
}

onEachServer(
  "a recording",
  (test) => {
    for (const delivery of ["plain", "reliable"]) {
      test(`of ${delivery} delivery over cuts runs again without divergence, and has no secret`, async (body) => {
        const { ann, proxy } = await throughProxy(body);
        await connect(ann.page, delivery);
        for (let round = 1; round <= 3; round++) {
          await ann.page.evaluate((title) => {
            for (let n = 0; n < 5; n++) globalThis.traced.send("create_task", { title });
          }, SECRET);
          proxy.cut();
          await until("the cut is noticed", () => ann.page.evaluate(() => globalThis.traced.status !== "open"));
          await ann.page.evaluate((title) => void globalThis.traced.send("create_task", { title }), SECRET);
          proxy.release();
          await until("it is open", () => ann.page.evaluate(() => globalThis.traced.status === "open"), { withinMs: 30_000 });
        }
        const [trace, token] = await ann.page.evaluate(() => [globalThis.traced.trace(), globalThis.token]);
        for (const secret of [SECRET, "s3cret-query", token]) assert.ok(!trace.includes(secret), `${secret} shows`);
        const { begin, steps } = JSON.parse(trace);
        assert.equal(begin.delivery.is, delivery);
        assert.match(begin.agent, /Chrom/);
        assert.ok(steps.filter(({ out }) => out === "open").length >= 4, "every cut led to another socket");
        const { code = 0, stdout, stderr } = await replay(trace);
        assert.deepEqual([code, stderr, stdout], [0, "", `${steps.length} steps, no divergence\n`]);

        const changed = steps.findLastIndex(({ out }) => out === "open");
        const line = JSON.stringify(steps[changed]);
        const other = await replay(trace.replace(line, line.replace('"socket":', '"socket":9')));
        assert.equal(other.code, 1);
        assert.match(other.stdout, new RegExp(`step ${changed} diverges`));
      });
    }
  },
  // The engine is the same on each, and this one checks tokens.
  ["rust"],
);
