// What every project does with the package: messages both ways, a request and its answer, once per delivery.

/** Connects by `connect` in each delivery, and answers what came of it. */
export async function exchange(connect, settings) {
  const reports = [];
  for (const delivery of ["plain", "reliable"]) reports.push(await attempt(connect, settings, delivery));
  return reports;
}

async function attempt(connect, { url, token }, delivery) {
  const wire = connect(url, { delivery, auth: () => token });
  const title = `${delivery} ${crypto.randomUUID()}`;
  const created = new Promise((resolve) => {
    wire.on("task_created", (task) => task.title === title && resolve(task));
  });
  const receipt = wire.send("create_task", { title });
  try {
    await wire.opened;
    const { id } = await created;
    const tasks = await wire.request("list_tasks", null);
    const { status } = await receipt.settled;
    return { delivery, title, status, listed: tasks.some((task) => task.id === id) };
  } finally {
    wire.close();
  }
}
