// What a trial has shown: each check by name, and whether it holds.

/** Faults that end a connection or keep one from opening: cuts, black holes, resets and what is like them. */
const CUTTING = /^F([1-9]|11|12|29)-/;

/** How many cuts the proxy has counted. Where frames are the fault, each of them counts. */
export function cutsAmong(faults, mix) {
  const counted = Object.entries(faults).filter(([name]) => mix === "garbage" || CUTTING.test(name));
  return counted.reduce((sum, [, count]) => sum + count, 0);
}

/** The checks of a trial: `[name, holds, figures]`. */
export function judge({ messages, cuts, reloads, kills, mix }, trial) {
  const { page, server, proxy, handled, sent, drained } = trial;
  const { tally, sending, events } = page;
  const reported = new Set([...sending.uncertain, ...sending.rejected]);
  const uncertain = new Set(sending.uncertain);
  const unreported = ({ count, first }, told) => count - first.filter((number) => told.has(number)).length;
  const rejected = new Set(sending.rejected);
  const wrongly = rejected.size - server.missing.first.filter((number) => rejected.has(number)).length;
  const made = cutsAmong(proxy.faults, mix);
  const stops = mix === "garbage" ? 0 : (events.stop ?? 0);
  return [
    ["enough messages to the server", handled >= messages, `${handled} handled, ${sending.next - 1} sent`],
    ["enough messages to the page", tally.received >= messages, `${tally.received} received, ${sent} sent`],
    [
      "enough cuts",
      made >= cuts && trial.reloads >= reloads && trial.kills >= kills,
      `${made} cuts, black holes and resets, ${trial.reloads} reloads, ${trial.kills} kills`,
    ],
    ["everything arrived in the end", drained === true, `${sending.open.length} receipts open`],
    ["to the server: none lost", unreported(server.missing, reported) === 0, figures(server.missing, reported)],
    ["to the server: none twice", unreported(server.twice, uncertain) === 0, figures(server.twice, uncertain)],
    [
      "to the server: none out of order",
      unreported(server.descending, uncertain) === 0,
      figures(server.descending, uncertain),
    ],
    ["to the server: none that was never sent", server.unknown.count === 0, figures(server.unknown, new Set())],
    ["to the server: none that was rejected", wrongly === 0, `${rejected.size} rejected`],
    [
      "to the page: none lost",
      tally.lost.count === 0,
      `${tally.lost.count}, ${tally.covered} read again after a resync`,
    ],
    ["to the page: none twice", tally.twice.length === 0, `${tally.twice.length}`],
    ["to the page: none out of order", tally.outOfOrder.length === 0, `${tally.outOfOrder.length}`],
    ["the page was never stopped for good", stops === 0, `${stops} stops`],
  ];
}

/** The check of a trial without guarantees through the same faults: it must show losses, both ways. */
export function judgeLoss({ page, server, proxy }) {
  const made = cutsAmong(proxy.faults, "cuts");
  return [
    ["there were cuts", made > 0, made],
    ["losses on the way to the server are seen", server.missing.count > 0, server.missing.count],
    ["losses on the way to the page are seen", page.tally.lost.count > 0, page.tally.lost.count],
  ];
}

function figures({ count, first }, told) {
  const bad = first.filter((number) => !told.has(number)).slice(0, 10);
  const examples = bad.length > 0 ? `: ${bad.join(", ")}…` : "";
  return `${count}, ${first.length - first.filter((number) => !told.has(number)).length} of them reported${examples}`;
}
