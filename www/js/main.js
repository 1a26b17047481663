// Puts the board together: who, which server, the wire, and the parts of the page.

import { connect } from "/pkg/everwire.js";

import { getConfig, getToken } from "./api.js";
import { startComposer } from "./composer.js";
import { addressWith, chosenDelivery, DeliveryCard } from "./delivery.js";
import { asSentence, byId, element, setText } from "./dom.js";
import { startFaults } from "./faults.js";
import { List } from "./list.js";
import { log } from "./log.js";
import { hideNotice, showNotice } from "./notice.js";
import { Panel } from "./panel.js";
import { nameOf } from "./row.js";
import { Storage } from "./storage.js";
import { Sync } from "./sync.js";
import { Tasks } from "./tasks.js";
import { uuid } from "./uuid.js";

// Quicker than the defaults, for somebody who watches one board. Thousands of clients want the defaults.
const HEARTBEAT = { intervalMs: 5_000, timeoutMs: 4_000 };
const BACKOFF = { maxMs: 6_000, attemptsPerMinute: 30 };
const LONGEST_PAUSE_MS = 8_000;

start();

async function start() {
  const config = await configuration();
  const asked = new URLSearchParams(location.search).get("user");
  const user = config.users.includes(asked) ? asked : config.users[0];
  const tab = uuid();
  const storage = new Storage(user);
  const tasks = new Tasks(storage, user);
  const delivery = chosenDelivery(config.deliveries);
  const wire = openWire(config, user, tab, delivery);
  const sync = new Sync(wire, tasks, user);

  showUsers(config.users, user);
  const list = new List({ tasks, sync, users: config.users, storage });
  new Panel(wire, sync);
  startComposer({ sync, users: config.users, storage });
  new DeliveryCard({ wire, tab, offered: config.deliveries, delivery, counts: config.counts });
  const answersPings = () => delivery === "reliable" || wire.latency !== undefined;
  startFaults({ faults: config.faults, tab, user, delivery, answersPings });
  watchWire(wire, list);
  sync.addEventListener("news", ({ detail }) => log(`“${detail.title}” is at version ${detail.version}.`));
}

function openWire(config, user, tab, delivery) {
  const url = new URL(`/ws/${encodeURIComponent(user)}?tab=${tab}`, location.href);
  url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  const auth = config.auth && { auth: () => getToken(user) };
  return connect(url, { delivery, name: "board", heartbeat: HEARTBEAT, backoff: BACKOFF, ...auth });
}

function watchWire(wire, list) {
  wire.addEventListener("error", ({ detail }) => log(asSentence(detail.message), "bad"));
  wire.addEventListener("dropped", () => log("A message had to be dropped.", "bad"));
  wire.addEventListener("status", () => {
    if (wire.status === "reconnecting" || wire.stats.attempt > 1) list.setState("waiting");
    if (wire.status === "closed") {
      showNotice({
        title: "The connection has ended for good",
        text: `${asSentence(wire.error?.message ?? "it was closed")} Your unsaved changes are kept in this tab.`,
        action: "Connect again",
        run: () => wire.reconnect(),
      });
    } else {
      hideNotice();
    }
  });
}

// The page may be here and the server gone: ask until it answers, with growing pauses.
async function configuration() {
  for (let pause = 1_000; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
    try {
      const config = await getConfig();
      hideNotice();
      return config;
    } catch (error) {
      await new Promise((again) => {
        const timer = setTimeout(again, pause);
        showNotice({
          title: "The board cannot start yet",
          text: `${asSentence(error.message)} Trying again every few seconds; what you typed stays here.`,
          action: "Try now",
          run: () => {
            clearTimeout(timer);
            again();
          },
        });
      });
    }
  }
}

function showUsers(users, user) {
  byId("users").append(
    ...users.map((each) =>
      element(
        "a",
        {
          href: addressWith("user", each),
          "data-user": each,
          "aria-current": each === user ? "page" : undefined,
        },
        element("span", { class: "initial", "aria-hidden": "true", text: nameOf(each)[0] }),
        element("span", { text: nameOf(each) }),
      ),
    ),
  );
  const other = users.find((each) => each !== user) ?? user;
  const link = element("a", { href: addressWith("user", other), target: "_blank", rel: "noopener" });
  setText(link, `Open a second window as ${nameOf(other)}`);
  byId("hint").append(`You are ${nameOf(user)}. `, link, " and watch both change.");
  document.title = `${nameOf(user)} · Everwire board`;
}
