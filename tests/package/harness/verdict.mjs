// Whether a project did what it should.

import assert from "node:assert/strict";

/** Compares the reports of a project with what must be in them, and with what its server has. */
export async function check(reports, board) {
  const seen = reports.map(({ delivery, status, listed }) => ({ delivery, status, listed }));
  assert.deepEqual(seen, [
    { delivery: "plain", status: "sent", listed: true },
    { delivery: "reliable", status: "acked", listed: true },
  ]);
  const titles = await board.titles();
  for (const { title } of reports) {
    assert.equal(titles.filter((each) => each === title).length, 1, `the server has "${title}" once`);
  }
}
