// Right and wrong uses of the package's types. Compiled, never run: a wrong use that compiles is an error.

import { connect, type Receipt, type StandardSchema, type Wire, WireError } from "everwire";
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
  for await (const message of wire.messages()) {
    const type: "task_created" | "task_deleted" = message.type;
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
// @ts-expect-error no such promise
connect("/ws", { delivery: "exactly-once" });
// @ts-expect-error no such verdict
connect("/ws", { onClose: () => "panic" });

// Types come from schemas.
declare const taskSchema: StandardSchema<Task>;
const validated = connect("/ws", { schemas: { task_created: taskSchema } });
validated.on("task_created", (task) => task.title.toUpperCase());
// @ts-expect-error there is no schema for it
validated.on("task_deleted", () => {});

// It is disposable.
function scoped(): void {
  using scoped = connect("/ws");
  scoped.send("anything", { goes: true });
}
