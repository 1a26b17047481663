// Right and wrong uses of the package's types. Compiled, never run: a wrong use that compiles is an error.

import { connect, type Receipt, type Wire, WireError } from "everwire";
import { connect as connectFile } from "everwire/wasm";

interface Task {
  id: number;
  title: string;
}
type Incoming = { task_created: Task; task_deleted: { id: number } };
type Outgoing = {
  create_task: { title: string };
  get_task: (query: { id: number }) => Task;
  list_tasks: () => Task[];
};

const wire = connect<Incoming, Outgoing>("wss://example.com/ws");
const sameFromFile: Wire<Incoming, Outgoing> = connectFile<Incoming, Outgoing>(new URL("wss://example.com/ws"));

// Handlers know their data.
const off: () => void = wire.on("task_created", (task) => task.title.toUpperCase());
wire.once("task_deleted", ({ id }) => id.toFixed());
wire.on("task_created", (_, message) => {
  const type: "task_created" = message.type;
  message.data.title.toUpperCase();
});
wire.on("*", (message) => {
  if (message.type === "task_created") message.data.title.toUpperCase();
  // @ts-expect-error a deleted task has no title
  else message.data.title;
});
// @ts-expect-error no such message comes
wire.on("task_creatd", () => {});
// @ts-expect-error a task has no name
wire.on("task_created", (task) => task.name);

// Messages are sent, requests are asked.
const receipt: Receipt = wire.send("create_task", { title: "x" }, { ttlMs: 1_000, signal: AbortSignal.timeout(1) });
const status: "queued" | "sent" | "acked" | "rejected" | "uncertain" = receipt.status;
const settled: Promise<Receipt> = receipt.settled;
// @ts-expect-error a title is a string
wire.send("create_task", { title: 7 });
// @ts-expect-error the title is missing
wire.send("create_task", {});
// @ts-expect-error a request has an answer: ask for it
wire.send("get_task", { id: 1 });
// @ts-expect-error nobody receives this
wire.send("delete_everything", null);

async function requests(): Promise<void> {
  const task: Task = await wire.request("get_task", { id: 7 }, { timeoutMs: 100 });
  const tasks: Task[] = await wire.request("list_tasks", null);
  // @ts-expect-error the answer is a task, not its title
  const title: string = await wire.request("get_task", { id: 7 });
  // @ts-expect-error an id is a number
  await wire.request("get_task", { id: "7" });
  // @ts-expect-error a plain message has no answer
  await wire.request("create_task", { title: "x" });
}

async function iteration(): Promise<void> {
  for await (const { data } of wire.messages("task_created")) data.title.toUpperCase();
  for await (const { type, data } of wire.messages("task_deleted")) {
    const only: "task_deleted" = type;
    // @ts-expect-error a deleted task has no title
    data.title;
  }
  for await (const message of wire.messages({ signal: AbortSignal.timeout(1) })) {
    const type: "task_created" | "task_deleted" = message.type;
    switch (message.type) {
      case "task_created":
        message.data.title.toUpperCase();
        break;
      case "task_deleted":
        message.data.id.toFixed();
        break;
      default:
        message satisfies never;
    }
  }
  // @ts-expect-error no such message comes
  for await (const message of wire.messages("nothing")) break;
}

// Events are typed.
wire.addEventListener("status", ({ detail }) => detail.status === "open" && detail.retryAt.toFixed());
wire.addEventListener("disconnect", ({ detail }) => detail.closeCode.toFixed());
wire.addEventListener("error", ({ detail }) => detail instanceof WireError && detail.code.length);
wire.addEventListener("latency", ({ detail }) => detail.toFixed());
wire.addEventListener("dropped", ({ detail }) => detail.receipt?.id.toFixed());
// @ts-expect-error there is no such event
wire.addEventListener("opened", ({ detail }) => detail);
// @ts-expect-error a status is a word
const wrongStatus: number = wire.status;
// @ts-expect-error it is not for the application to set
wire.error = undefined;

// Options.
connect("/ws", { auth: () => "token", authVia: { query: "t" }, heartbeat: false, rate: false });
connect(async ({ reason }) => (reason === "refused" ? "/other" : "/ws"));
connect("/ws", { auth: async ({ attempt }) => ({ token: String(attempt), expiresInMs: 60_000 }) });
connect("/ws", { onClose: (code) => (code === 4001 ? "stop" : undefined) });
// @ts-expect-error a misspelt option
connect("/ws", { hartbeat: false });
// @ts-expect-error true is no heartbeat
connect("/ws", { heartbeat: true });
// @ts-expect-error no such policy
connect("/ws", { outbox: { overflow: "drop" } });
connect("/ws", { delivery: "reliable", persist: false, uncertain: "drop", name: "board" });
connect("/ws", { autoConnect: false }).connect();
// @ts-expect-error a name is a text
connect("/ws", { name: 7 });
// @ts-expect-error no such promise
connect("/ws", { delivery: "exactly-once" });
// @ts-expect-error no such verdict
connect("/ws", { onClose: () => "panic" });

// A data that may be anything, an entry that may be missing, an interface, and nothing known at all.
interface Loose {
  anything: unknown;
  perhaps?: { id: number };
  either: string | null;
  literal: "a" | "b";
}
const loose = connect<Loose, Loose & { ask?: () => unknown }>("/ws", { name: "loose" });
// @ts-expect-error what is unknown has to be looked at first
loose.on("anything", (data) => data.length);
loose.on("perhaps", ({ id }) => id.toFixed());
loose.on("either", (text) => text?.toUpperCase());
loose.on("*", (message) => message.type === "perhaps" && message.data.id.toFixed());
loose.send("anything", [1, "2"]);
loose.send("literal", "a");
loose.send("either", null);
// @ts-expect-error "c" is not among them
loose.send("literal", "c");
// @ts-expect-error what is sent is there
loose.send("perhaps", undefined);
const asked: Promise<unknown> = loose.request("ask", null);
const untyped = connect("/ws");
untyped.on("whatever", (data, { type }) => [data.anything, type.length]);
untyped.on("*", ({ type, data }) => [data.anything, type.length]);
untyped.send("whatever", { goes: true });
untyped.request("whatever", null).then((answer) => answer.anything);

// It is disposable.
function scoped(): void {
  using scoped = connect("/ws");
  scoped.send("anything", { goes: true });
}
