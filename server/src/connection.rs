//! The handle of one socket.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::ws::Message;

use crate::close::Close;
use crate::message::Outgoing;
use crate::queue::{End, SendQueue};

/// Names a connection for as long as the process lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(u64);

impl ConnectionId {
    fn next() -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        Self(LAST.fetch_add(1, Ordering::Relaxed) + 1)
    }
}

/// One socket of one user. Clones are handles of the same socket; they may outlive it.
#[derive(Clone)]
pub struct Connection(Arc<Inner>);

struct Inner {
    id: ConnectionId,
    user: String,
    queue: SendQueue,
}

impl Connection {
    pub(crate) fn new(user: String, queue: SendQueue) -> Self {
        Self(Arc::new(Inner {
            id: ConnectionId::next(),
            user,
            queue,
        }))
    }

    /// The connection's name.
    pub fn id(&self) -> ConnectionId {
        self.0.id
    }

    /// The user it belongs to.
    pub fn user(&self) -> &str {
        &self.0.user
    }

    /// Queues a message for this socket; `false` if it has ended, or ends because its queue is full.
    pub fn send(&self, message: &Outgoing) -> bool {
        self.queue().push(Message::Text(message.text()))
    }

    /// Writes what is queued, then closes; `false` if it had ended before.
    pub fn close(&self, close: Close) -> bool {
        self.queue().end(End::Close(close))
    }

    /// Whether it has not ended.
    pub fn is_open(&self) -> bool {
        self.queue().is_open()
    }

    pub(crate) fn queue(&self) -> &SendQueue {
        &self.0.queue
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("id", &self.0.id)
            .field("user", &self.0.user)
            .finish_non_exhaustive()
    }
}
