//! Tasks in SQLite. Every change is committed when its function returns.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, params};

use everwire_server::{Delivery, Record, Stored, Write, sqlite};

use super::task::{NewTask, Patch, Task};

/// Enough for a demo, and an end to a script that only creates.
const TASKS_MAX: i64 = 10_000;

const SCHEMA: &str = "
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
";

const COLUMNS: &str = "id, title, owner, assignee, done, version, key, updated_ms";

/// Why the store did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("There is no task {0}.")]
    NotFound(i64),
    #[error("Task {0} belongs to others.")]
    Forbidden(i64),
    #[error("The board is full: delete some of its {TASKS_MAX} tasks.")]
    Full,
    #[error("The client came to another server: nothing was changed.")]
    Fenced,
    #[error("The task store failed: try again.")]
    Sqlite(#[from] rusqlite::Error),
}

/// What became of a request to create.
#[derive(Debug)]
pub enum Creation {
    Created(Task),
    /// The owner had used the key before.
    Known(Task),
}

/// What became of a request to change.
#[derive(Debug)]
pub struct Update {
    pub before: Task,
    pub after: Task,
}

/// The tasks.
pub struct Store(Connection);

impl Store {
    /// Opens a database file, and makes it if it is missing.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let connection = Connection::open(path)?;
        connection.busy_timeout(Duration::from_secs(5))?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        // A task that was confirmed survives a power cut, not only a crash.
        connection.pragma_update(None, "synchronous", "FULL")?;
        Self::with_schema(connection)
    }

    /// A database that ends with the process.
    pub fn in_memory() -> Result<Self, StoreError> {
        Self::with_schema(Connection::open_in_memory()?)
    }

    fn with_schema(connection: Connection) -> Result<Self, StoreError> {
        connection.execute_batch(SCHEMA)?;
        sqlite::prepare(&connection)?;
        Ok(Self(connection))
    }

    /// The tasks that `user` sees, by id.
    pub fn visible_to(&self, user: &str) -> Result<Vec<Task>, StoreError> {
        let mut query = self.0.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM tasks WHERE assignee IS NULL OR assignee = ?1 OR owner = ?1 ORDER BY id"
        ))?;
        let tasks = query.query_map([user], task)?;
        Ok(tasks.collect::<Result<_, _>>()?)
    }

    /// The record of a client with reliable delivery.
    pub fn load_session(&mut self, cid: &str, owner: &str) -> Result<Option<Record>, StoreError> {
        Ok(sqlite::load(&mut self.0, cid, owner)?)
    }

    /// Changes the record of a client with reliable delivery.
    pub fn write_session(
        &mut self,
        cid: &str,
        owner: &str,
        write: &Write,
    ) -> Result<Stored, StoreError> {
        Ok(sqlite::write(&mut self.0, cid, owner, write)?)
    }

    /// Creates a task, or finds the one that `owner` created with the same key. Here and below, a change and the note
    /// that its message is handled are one transaction.
    pub fn create(
        &mut self,
        owner: &str,
        new: NewTask,
        delivery: Option<&Delivery>,
    ) -> Result<Creation, StoreError> {
        let transaction = self
            .0
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        if let Some(key) = &new.key {
            let known = format!("SELECT {COLUMNS} FROM tasks WHERE owner = ?1 AND key = ?2");
            let known = transaction
                .query_row(&known, [owner, key], task)
                .optional()?;
            if let Some(known) = known {
                return Ok(Creation::Known(known));
            }
        }
        let count: i64 =
            transaction.query_row("SELECT count(*) FROM tasks", [], |row| row.get(0))?;
        if count >= TASKS_MAX {
            return Err(StoreError::Full);
        }
        let created = transaction.query_row(
            &format!(
                "INSERT INTO tasks (title, owner, assignee, done, version, key, updated_ms)
                 VALUES (?1, ?2, ?3, 0, 1, ?4, ?5) RETURNING {COLUMNS}"
            ),
            params![new.title, owner, new.assignee, new.key, now_ms()],
            task,
        )?;
        commit(transaction, delivery)?;
        Ok(Creation::Created(created))
    }

    /// Changes a task that `user` sees. A patch that changes nothing leaves the version as it is.
    pub fn update(
        &mut self,
        user: &str,
        id: i64,
        patch: Patch,
        delivery: Option<&Delivery>,
    ) -> Result<Update, StoreError> {
        let transaction = self
            .0
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let before = seen_by(&transaction, user, id)?;
        let mut after = patch.apply(&before);
        if after != before {
            after.version += 1;
            after.updated_ms = now_ms();
            transaction.execute(
                "UPDATE tasks SET title = ?2, assignee = ?3, done = ?4, version = ?5, updated_ms = ?6 WHERE id = ?1",
                params![id, after.title, after.assignee, after.done, after.version, after.updated_ms],
            )?;
        }
        commit(transaction, delivery)?;
        Ok(Update { before, after })
    }

    /// Deletes a task that `user` sees.
    pub fn delete(
        &mut self,
        user: &str,
        id: i64,
        delivery: Option<&Delivery>,
    ) -> Result<Task, StoreError> {
        let transaction = self
            .0
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let task = seen_by(&transaction, user, id)?;
        transaction.execute("DELETE FROM tasks WHERE id = ?1", [id])?;
        commit(transaction, delivery)?;
        Ok(task)
    }
}

fn commit(transaction: Transaction<'_>, delivery: Option<&Delivery>) -> Result<(), StoreError> {
    let Some(delivery) = delivery else {
        return Ok(transaction.commit()?);
    };
    if !sqlite::settle(&transaction, delivery)? {
        return Err(StoreError::Fenced);
    }
    transaction.commit()?;
    delivery.committed();
    Ok(())
}

fn seen_by(connection: &Connection, user: &str, id: i64) -> Result<Task, StoreError> {
    let found = connection
        .query_row(
            &format!("SELECT {COLUMNS} FROM tasks WHERE id = ?1"),
            [id],
            task,
        )
        .optional()?
        .ok_or(StoreError::NotFound(id))?;
    if found.is_visible_to(user) {
        Ok(found)
    } else {
        Err(StoreError::Forbidden(id))
    }
}

fn task(row: &Row<'_>) -> rusqlite::Result<Task> {
    Ok(Task {
        id: row.get("id")?,
        title: row.get("title")?,
        owner: row.get("owner")?,
        assignee: row.get("assignee")?,
        done: row.get("done")?,
        version: row.get("version")?,
        key: row.get("key")?,
        updated_ms: row.get("updated_ms")?,
    })
}

fn now_ms() -> i64 {
    let since_1970 = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX)
}
