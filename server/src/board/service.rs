//! What the board does, whoever asks: change the store, then tell the right people.

use std::sync::{Arc, Mutex, PoisonError};

use everwire_server::{Delivery, Hub, MessageError, Outgoing};
use serde_json::json;

use super::store::{Creation, Store, StoreError, Update};
use super::task::{Invalid, NewTask, Patch, Task, USERS};

/// Why the board did not do what was asked. The text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum BoardError {
    #[error(transparent)]
    Invalid(#[from] Invalid),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("A message could not be written: report this.")]
    Message(#[from] MessageError),
    #[error("The server failed: try again.")]
    Failed(#[from] tokio::task::JoinError),
}

impl BoardError {
    /// A stable word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Invalid(Invalid::Title) => "invalid-title",
            Self::Invalid(Invalid::Assignee) => "unknown-assignee",
            Self::Invalid(Invalid::Key) => "invalid-key",
            Self::Store(StoreError::NotFound(_)) => "not-found",
            Self::Store(StoreError::Forbidden(_)) => "forbidden",
            Self::Store(StoreError::Full) => "board-full",
            Self::Store(StoreError::Fenced | StoreError::Sqlite(_))
            | Self::Message(_)
            | Self::Failed(_) => "internal",
        }
    }
}

/// Who asks for a change.
pub struct Author {
    pub user: String,
    /// The message by which they ask, if it must have its effect once.
    pub delivery: Option<Delivery>,
}

/// The tasks of the board. Clones are handles of the same tasks.
///
/// A change, its push and the answer to whoever asked happen under one lock: on every socket, messages come in the
/// order of the commits, and a list stands before all changes that it lacks.
#[derive(Clone)]
pub struct Board(Arc<Mutex<Store>>);

impl Board {
    pub fn new(store: Store) -> Self {
        Self(Arc::new(Mutex::new(store)))
    }

    /// The tasks that `user` sees. `answer` is called under the lock.
    pub async fn list<T: Send + 'static>(
        &self,
        user: String,
        answer: impl FnOnce(Vec<Task>) -> Result<T, BoardError> + Send + 'static,
    ) -> Result<T, BoardError> {
        self.blocking(move |store| answer(store.visible_to(&user)?))
            .await
    }

    /// Creates a task and tells who sees it. `answer` is called under the lock.
    pub async fn create<T: Send + 'static>(
        &self,
        hub: Hub,
        author: Author,
        new: NewTask,
        answer: impl FnOnce(Creation) -> Result<T, BoardError> + Send + 'static,
    ) -> Result<T, BoardError> {
        let new = new.checked()?;
        self.blocking(move |store| {
            let creation = store.create(&author.user, new, author.delivery.as_ref())?;
            match &creation {
                Creation::Created(task) => tell(&hub, task, &Outgoing::new("task_created", task)?),
                Creation::Known(_) => {}
            }
            answer(creation)
        })
        .await
    }

    /// Changes a task, tells who sees it now, and takes it from those who did before. `answer` is called under the
    /// lock.
    pub async fn update<T: Send + 'static>(
        &self,
        hub: Hub,
        author: Author,
        id: i64,
        patch: Patch,
        answer: impl FnOnce(Task) -> Result<T, BoardError> + Send + 'static,
    ) -> Result<T, BoardError> {
        let patch = patch.checked()?;
        self.blocking(move |store| {
            let update = store.update(&author.user, id, patch, author.delivery.as_ref())?;
            if update.before != update.after {
                tell_update(&hub, &update)?;
            }
            answer(update.after)
        })
        .await
    }

    /// Deletes a task and takes it from who saw it. `answer` is called under the lock.
    pub async fn delete<T: Send + 'static>(
        &self,
        hub: Hub,
        author: Author,
        id: i64,
        answer: impl FnOnce(Task) -> Result<T, BoardError> + Send + 'static,
    ) -> Result<T, BoardError> {
        self.blocking(move |store| {
            let task = store.delete(&author.user, id, author.delivery.as_ref())?;
            tell(&hub, &task, &deleted(&task)?);
            answer(task)
        })
        .await
    }

    /// Runs `work` where it may block. Once begun it ends, whatever becomes of the caller.
    pub async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Store) -> Result<T, BoardError> + Send + 'static,
    ) -> Result<T, BoardError> {
        let store = Arc::clone(&self.0);
        tokio::task::spawn_blocking(move || {
            let mut store = store.lock().unwrap_or_else(PoisonError::into_inner);
            work(&mut store)
        })
        .await?
    }
}

fn tell(hub: &Hub, task: &Task, message: &Outgoing) {
    match &task.assignee {
        None => {
            hub.broadcast(message);
        }
        Some(_) => {
            for user in USERS.iter().filter(|user| task.is_visible_to(user)) {
                hub.send_to_user(user, message);
            }
        }
    }
}

fn tell_update(hub: &Hub, Update { before, after }: &Update) -> Result<(), MessageError> {
    tell(hub, after, &Outgoing::new("task_updated", after)?);
    let deleted = deleted(after)?;
    for user in USERS {
        if before.is_visible_to(user) && !after.is_visible_to(user) {
            hub.send_to_user(user, &deleted);
        }
    }
    Ok(())
}

fn deleted(task: &Task) -> Result<Outgoing, MessageError> {
    Outgoing::new("task_deleted", &json!({ "id": task.id }))
}
