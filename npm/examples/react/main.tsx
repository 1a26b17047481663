import { connect } from "everwire";
import { useLatest, useMessage, useStatus, useWire } from "everwire/react";
import { type FormEvent, StrictMode, useEffect, useState } from "react";
import { createRoot } from "react-dom/client";

import type { Incoming, Outgoing, Task } from "../messages.js";

function Board() {
  const wire = useWire<Incoming, Outgoing>(connect, "/ws/react");
  const status = useStatus(wire);
  const latest = useLatest(wire, "task_created");
  const [tasks, setTasks] = useState<Record<number, Task>>({});
  const put = (task: Task) => setTasks((tasks) => ({ ...tasks, [task.id]: task }));
  useMessage(wire, "task_created", put);
  useMessage(wire, "task_updated", put);
  useEffect(() => {
    // Whatever was missed while it was away.
    if (status === "open") wire.request("list_tasks", null).then((tasks) => tasks.forEach(put), console.warn);
  }, [wire, status]);

  function add(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = event.currentTarget;
    wire.send("create_task", { title: String(new FormData(form).get("title")) });
    form.reset();
  }

  return (
    <main>
      <p>
        Status: <output id="status">{status}</output>, latest: <output id="latest">{latest?.title ?? "none"}</output>
      </p>
      <form onSubmit={add}>
        <input name="title" aria-label="Title" required />
        <button id="add">Add</button>
      </form>
      <ul>
        {Object.values(tasks).map(({ id, title, done }) => (
          <li key={id}>
            <label>
              <input type="checkbox" checked={done} onChange={() => wire.send("toggle_task", { id })} /> {title}
            </label>
          </li>
        ))}
      </ul>
    </main>
  );
}

function App() {
  const [isShown, setShown] = useState(true);
  return (
    <>
      <button id="toggle" onClick={() => setShown(!isShown)}>
        {isShown ? "Leave" : "Return"}
      </button>
      {isShown && <Board />}
    </>
  );
}

const root = document.getElementById("app");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <App />
    </StrictMode>,
  );
}
