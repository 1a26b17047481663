// Right and wrong uses of the bindings. Compiled, never run.

import { connect } from "everwire";
import { connect as connectReliable } from "everwire/reliable";
import * as react from "everwire/react";
import * as svelte from "everwire/svelte";
import * as vue from "everwire/vue";
import { connect as connectFile } from "everwire/wasm";
import type { Readable } from "svelte/store";
import type { ShallowRef } from "vue";
import { z } from "zod";

interface Task {
  id: number;
  title: string;
}
type Incoming = { created: Task; deleted: { id: number } };
type Outgoing = { create: { title: string }; get: (id: number) => Task };
type Word = "idle" | "connecting" | "open" | "reconnecting" | "closed";

function inReact(): void {
  const wire = react.useWire<Incoming, Outgoing>(connect, "/ws", { auth: () => "token" });
  wire.send("create", { title: "x" });
  // @ts-expect-error a title is a text
  wire.send("create", { title: 7 });
  const status: Word = react.useStatus(wire);
  const latest: Task | undefined = react.useLatest(wire, "created");
  const any = react.useLatest(wire, "*");
  if (any?.type === "created") any.data.title.toUpperCase();
  // @ts-expect-error there may be none yet
  react.useLatest(wire, "created").title;
  // @ts-expect-error no such message comes
  react.useLatest(wire, "creatd");
  react.useMessage(wire, "created", (task, { type }) => [task.title, type satisfies "created"]);
  react.useMessage(wire, "*", (message) => message.type === "deleted" && message.data.id.toFixed());
  // @ts-expect-error a deleted task has no title
  react.useMessage(wire, "deleted", ({ title }) => title);
  // @ts-expect-error a misspelt option
  react.useWire(connect, "/ws", { hartbeat: false });
  // @ts-expect-error the connect of an entry comes first
  react.useWire("/ws");

  const validated = react.useWire(connectReliable, "/ws", { schemas: { date: z.string().transform(Number) } });
  const made: number | undefined = react.useLatest(validated, "date");
  const untyped = react.useWire(connectFile, async () => "/ws");
  react.useMessage(untyped, "whatever", (data) => data.anything);
}

function inVue(): void {
  const wire = vue.useWire<Incoming, Outgoing>(connect, "/ws");
  const status: Readonly<ShallowRef<Word>> = vue.useStatus(wire);
  // @ts-expect-error a status is not for the application to set
  status.value = "open";
  const title: string | undefined = vue.useLatest(wire, "created").value?.title;
  vue.useMessage(wire, "created", (task) => task.title.toUpperCase());
  // @ts-expect-error no such message comes
  vue.useMessage(wire, "creatd", () => {});
}

function inSvelte(): void {
  const wire = svelte.createWire<Incoming, Outgoing>(connect, "/ws");
  const status: Readable<Word> = svelte.status(wire);
  const latest: Readable<Task | undefined> = svelte.latest(wire, "created");
  // @ts-expect-error a store of tasks is none of texts
  const wrong: Readable<string> = svelte.latest(wire, "created");
  const release: () => void = svelte.hold(wire);
}
