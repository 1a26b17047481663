// Types that come from schemas, and schemas that are held against types. Compiled, never run.

import { type } from "arktype";
import { connect, type Message, type StandardSchema, type Wire } from "everwire";
import * as v from "valibot";
import { z } from "zod";

interface Task {
  id: number;
  title: string;
}
type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<A, B>(_: Equal<A, B>): void {}

const zods = { task: z.object({ id: z.number(), title: z.string() }), date: z.string().transform((text) => new Date(text)) };
const valibots = {
  task: v.object({ id: v.number(), title: v.string() }),
  date: v.pipe(v.string(), v.transform((text) => new Date(text))),
};
const arktypes = { task: type({ id: "number", title: "string" }), date: type("string").pipe((text) => new Date(text)) };

type Outgoing = { create_task: { title: string }; get_task: (id: number) => Task };

// What a library makes of its input is what comes.
type Made = { task: { id: number; title: string }; date: Date };
const byZod = connect("/ws", { schemas: zods });
const byValibot = connect("/ws", { schemas: valibots });
const byArktype = connect("/ws", { schemas: arktypes });
same<typeof byZod, Wire<Made>>(true);
same<typeof byValibot, Wire<Made>>(true);
same<typeof byArktype, Wire<Made>>(true);
for (const wire of [byZod, byValibot, byArktype]) {
  wire.on("task", (task) => task.title.toUpperCase());
  wire.on("date", (date, { type }) => [date.getTime(), type satisfies "date"]);
  // @ts-expect-error there is no schema for it
  wire.on("task_deleted", () => {});
  // @ts-expect-error the schema makes a date of the text
  wire.on("date", (date) => date.toUpperCase());
  wire.on("*", (message) => {
    if (message.type === "date") message.data.getTime();
    // @ts-expect-error a task is no date
    else message.data.getTime();
  });
}

// A schema for each type, or for some, of types that were written down.
type Incoming = { task: Task; note: string };
const both = connect<Incoming, Outgoing>("/ws", { schemas: { task: zods.task, note: v.string() } });
both.send("create_task", { title: "x" });
const some: Wire<Incoming, Outgoing> = connect<Incoming, Outgoing>("/ws", { schemas: { task: arktypes.task } });
// @ts-expect-error the schema lets something else through
connect<Incoming, Outgoing>("/ws", { schemas: { note: z.number() } });
// @ts-expect-error no such message comes
connect<Incoming, Outgoing>("/ws", { schemas: { nite: z.string() } });
// @ts-expect-error a function is no schema
connect<Incoming, Outgoing>("/ws", { schemas: { note: (data: unknown) => String(data) } });

// What goes out can be named beside the schemas.
const full = connect<typeof zods, Outgoing>("/ws", { schemas: zods });
full.on("date", (date) => date.getTime());
full.send("create_task", { title: "x" });
// @ts-expect-error a title is a text
full.send("create_task", { title: 7 });
// @ts-expect-error it is a request
full.send("get_task", 1);

// A schema of one's own.
declare const own: StandardSchema<Task>;
connect("/ws", { schemas: { task: own } }).on("task", (task) => same<typeof task, Task>(true));
// @ts-expect-error this is none
connect("/ws", { schemas: { task: { parse: (data: unknown) => data as Task } } });

// One message, by its type or by any.
type OneTask = Message<Made, "task">;
same<OneTask, { type: "task"; data: { id: number; title: string } }>(true);
same<Message<Made>, OneTask | { type: "date"; data: Date }>(true);
