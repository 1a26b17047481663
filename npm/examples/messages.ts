// What the examples and their server say to each other.

export interface Task {
  id: number;
  title: string;
  done: boolean;
}

export type Incoming = { task_created: Task; task_updated: Task };

export type Outgoing = {
  create_task: { title: string };
  toggle_task: { id: number };
  list_tasks: () => Task[];
};
