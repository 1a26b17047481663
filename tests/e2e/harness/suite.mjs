// Runs tests once for each server, with one browser for all of them and nothing left behind.

import { after, before, describe, it } from "node:test";

import { Browser } from "./browser.mjs";
import { PLAIN, Server } from "./servers.mjs";

// Both servers at once, and on each so many tests: most of their time they wait for a timer of the wire or the server.
const AT_ONCE = 2;

/**
 * Declares the same tests for every server (or for `kinds`). `declare(test)` calls `test(name, body)`; a body gets
 * `{ kind, server, open(user, options), keep(closable) }`, and everything opened or kept in it is closed after it.
 */
export function onEachServer(subject, declare, kinds = PLAIN) {
  describe(subject, { concurrency: AT_ONCE }, () => {
    let browser;
    before(async () => {
      browser = await Browser.launch();
    });
    after(() => browser?.close());
    for (const kind of kinds) {
      describe(`on ${kind}`, () =>
        declare((name, body) => it(name, { timeout: 150_000 }, () => run(kind, browser, body))));
    }
  });
}

async function run(kind, browser, body) {
  const closables = [];
  const keep = (closable) => {
    closables.unshift(closable);
    return closable;
  };
  try {
    const server = await Server.start(kind);
    keep({ close: () => server.stop() });
    const open = async (user, { origin = server.origin, ...options } = {}) =>
      keep(await browser.open(origin, user, options));
    await body({ kind, server, open, keep });
  } finally {
    for (const closable of closables) await closable.close();
  }
}
