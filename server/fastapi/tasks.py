"""Tasks in SQLite, and the rules for who sees and changes them."""

import sqlite3
import time
from typing import Annotated, Literal

from pydantic import BaseModel, StringConstraints

USERS = ["ann", "ben", "cleo"]

SCHEMA = """
CREATE TABLE IF NOT EXISTS tasks (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    title      TEXT    NOT NULL,
    owner      TEXT    NOT NULL,
    assignee   TEXT,
    done       INTEGER NOT NULL,
    version    INTEGER NOT NULL,
    key        TEXT,
    updated_ms INTEGER NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS tasks_owner_key ON tasks (owner, key) WHERE key IS NOT NULL;
"""

Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Key = Annotated[str, StringConstraints(min_length=1, max_length=100)]
User = Literal["ann", "ben", "cleo"]


class NewTask(BaseModel):
    title: Title
    assignee: User | None = None
    key: Key | None = None


class Patch(BaseModel):
    """A change. Fields that were not given stay; an assignee of null makes the task everybody's."""

    title: Title = ""
    assignee: User | None = None
    done: bool = False


class TaskError(Exception):
    """A request that the store refuses, with the HTTP status that fits."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message

    def body(self) -> dict:
        return {"code": self.code, "message": self.message}


def audience(task: dict) -> set[str]:
    """The users who see a task: everybody if nobody has it, else its owner and its assignee."""
    if task["assignee"] is None:
        return set(USERS)
    return {task["owner"], task["assignee"]}


class TaskStore:
    """The tasks. Each change is committed when its method returns."""

    def __init__(self, path: str) -> None:
        # Every call comes from the event loop's one thread, which need not be the one that imported this.
        self.db = sqlite3.connect(path, check_same_thread=False)
        self.db.row_factory = sqlite3.Row
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.executescript(SCHEMA)

    def visible_to(self, user: str) -> list[dict]:
        rows = self.db.execute("SELECT * FROM tasks ORDER BY id")
        return [task for task in map(_task, rows) if user in audience(task)]

    def create(self, owner: str, new: NewTask) -> tuple[dict, bool]:
        """The task, and whether it is new: a key that its owner used before gives the task it made then."""
        with self.db:
            inserted = self.db.execute(
                "INSERT INTO tasks (title, owner, assignee, done, version, key, updated_ms)"
                " VALUES (?, ?, ?, 0, 1, ?, ?) ON CONFLICT DO NOTHING RETURNING *",
                (new.title, owner, new.assignee, new.key, _now_ms()),
            ).fetchone()
        if inserted:
            return _task(inserted), True
        known = self.db.execute("SELECT * FROM tasks WHERE owner = ? AND key = ?", (owner, new.key))
        return _task(known.fetchone()), False

    def update(self, user: str, task_id: int, patch: Patch) -> tuple[dict, dict]:
        """The task before and after. A patch that changes nothing leaves the version as it is."""
        before = self._seen_by(user, task_id)
        after = before | patch.model_dump(exclude_unset=True)
        if after != before:
            after |= {"version": before["version"] + 1, "updated_ms": _now_ms()}
            with self.db:
                self.db.execute(
                    "UPDATE tasks SET title = :title, assignee = :assignee, done = :done,"
                    " version = :version, updated_ms = :updated_ms WHERE id = :id",
                    after,
                )
        return before, after

    def delete(self, user: str, task_id: int) -> dict:
        task = self._seen_by(user, task_id)
        with self.db:
            self.db.execute("DELETE FROM tasks WHERE id = ?", (task_id,))
        return task

    def _seen_by(self, user: str, task_id: int) -> dict:
        row = self.db.execute("SELECT * FROM tasks WHERE id = ?", (task_id,)).fetchone()
        if row is None:
            raise TaskError(404, "not-found", f"There is no task {task_id}.")
        task = _task(row)
        if user not in audience(task):
            raise TaskError(403, "forbidden", f"Task {task_id} belongs to others.")
        return task


def _task(row: sqlite3.Row) -> dict:
    return dict(row) | {"done": bool(row["done"])}


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
