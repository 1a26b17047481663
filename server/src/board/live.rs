//! The board over WebSocket: `create_task`, `update_task`, `delete_task`, `list_tasks`, and `mark` from pages that count.

use everwire_server::{
    Connection, Delivery, Handler, HandlerError, Hub, Incoming, Outgoing, RequestId,
};
use serde::Deserialize;
use serde_json::json;

use super::counts::{Counts, Mark};
use super::service::{Author, Board, BoardError};
use super::store::{Creation, StoreError};
use super::task::{NewTask, Patch};

/// Handles what comes over a socket.
pub struct Live {
    board: Board,
    counts: Counts,
}

#[derive(Deserialize)]
struct Update {
    id: i64,
    #[serde(flatten)]
    patch: Patch,
}

#[derive(Deserialize)]
struct Delete {
    id: i64,
}

#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("Send create_task, update_task, delete_task or list_tasks.")]
    UnknownType,
    #[error("The data does not fit the type: {0}.")]
    InvalidData(#[from] serde_json::Error),
    #[error(transparent)]
    Board(#[from] BoardError),
}

impl Refusal {
    fn code(&self) -> &'static str {
        match self {
            Self::UnknownType => "unknown-type",
            Self::InvalidData(_) => "invalid-data",
            Self::Board(error) => error.code(),
        }
    }
}

impl Handler for Live {
    async fn on_message(&self, hub: &Hub, connection: &Connection, message: Incoming) {
        let id = message.id.clone();
        if let Err(refusal) = self.run(hub, connection, None, message).await {
            if refusal.code() == "internal" {
                tracing::error!(error = %refusal, "a message failed");
            }
            let error = Outgoing::error(id.as_ref(), refusal.code(), &refusal.to_string());
            connection.send(&error);
        }
    }

    async fn on_delivery(
        &self,
        hub: &Hub,
        connection: &Connection,
        delivery: &Delivery,
        message: Incoming,
    ) -> Result<(), HandlerError> {
        let id = message.id.clone();
        let done = self.run(hub, connection, Some(delivery), message).await;
        let Err(refusal) = done else {
            return Ok(());
        };
        let text = refusal.to_string();
        match (&refusal, id) {
            (Refusal::Board(BoardError::Store(StoreError::Fenced)), _) => Err(HandlerError::Fenced),
            _ if refusal.code() == "internal" => Err(HandlerError::Failed(text)),
            (_, None) => Err(HandlerError::refused(refusal.code(), text)),
            (_, Some(id)) => {
                connection.send(&Outgoing::error(Some(&id), refusal.code(), &text));
                Ok(())
            }
        }
    }
}

impl Live {
    pub fn new(board: Board, counts: Counts) -> Self {
        Self { board, counts }
    }

    async fn run(
        &self,
        hub: &Hub,
        from: &Connection,
        delivery: Option<&Delivery>,
        message: Incoming,
    ) -> Result<(), Refusal> {
        let board = &self.board;
        let user = from.user().to_owned();
        let delivery = delivery.cloned();
        let hub = hub.clone();
        let reply = Reply {
            to: from.clone(),
            id: message.id,
        };
        match message.kind.as_str() {
            "create_task" => {
                let new: NewTask = serde_json::from_value(message.data)?;
                let answer = move |creation| match creation {
                    Creation::Created(task) | Creation::Known(task) => {
                        reply.send("task_created", &task)
                    }
                };
                board
                    .create(hub, Author { user, delivery }, new, answer)
                    .await?;
            }
            "update_task" => {
                let Update { id, patch } = serde_json::from_value(message.data)?;
                let answer = move |task| reply.send("task_updated", &task);
                board
                    .update(hub, Author { user, delivery }, id, patch, answer)
                    .await?;
            }
            "delete_task" => {
                let Delete { id } = serde_json::from_value(message.data)?;
                let answer = move |_| reply.send("task_deleted", &json!({ "id": id }));
                board
                    .delete(hub, Author { user, delivery }, id, answer)
                    .await?;
            }
            "list_tasks" => {
                let answer = move |tasks| reply.send("tasks", &tasks);
                board.list(user, answer).await?;
            }
            "mark" => {
                let mark: Mark = serde_json::from_value(message.data)?;
                self.counts.mark(from, &mark);
            }
            _ => return Err(Refusal::UnknownType),
        }
        Ok(())
    }
}

/// Where an answer goes, if one is waited for.
struct Reply {
    to: Connection,
    id: Option<RequestId>,
}

impl Reply {
    fn send(&self, kind: &str, data: &impl serde::Serialize) -> Result<(), BoardError> {
        if let Some(id) = &self.id {
            self.to.send(&Outgoing::answer(id, kind, data)?);
        }
        Ok(())
    }
}
