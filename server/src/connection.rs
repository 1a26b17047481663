//! The handle of one connection: a plain socket, or a client with reliable delivery whatever its sockets.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use axum::extract::ws::Message;
use everwire::proto::server::Cid;

use crate::close::Close;
use crate::message::Outgoing;
use crate::queue::{End, SendQueue};
use crate::reliable::Reliable;

/// Names a connection for as long as the process lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(u64);

impl ConnectionId {
    fn next() -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        Self(LAST.fetch_add(1, Ordering::Relaxed) + 1)
    }
}

/// One connection of one user. Clones are handles of the same one; they may outlive it.
#[derive(Clone)]
pub struct Connection(Arc<Inner>);

struct Inner {
    id: ConnectionId,
    user: String,
    way: Way,
}

/// How a message gets to the peer.
enum Way {
    /// Into a plain socket's queue.
    Socket(Arc<SendQueue>),
    /// Into the client's session.
    Session(Cid, Weak<Reliable>),
}

impl Connection {
    pub(crate) fn plain(user: String, queue: Arc<SendQueue>) -> Self {
        Self::new(user, Way::Socket(queue))
    }

    pub(crate) fn reliable(user: String, cid: Cid, reliable: Weak<Reliable>) -> Self {
        Self::new(user, Way::Session(cid, reliable))
    }

    fn new(user: String, way: Way) -> Self {
        let id = ConnectionId::next();
        Self(Arc::new(Inner { id, user, way }))
    }

    /// The connection's name.
    pub fn id(&self) -> ConnectionId {
        self.0.id
    }

    /// The user it belongs to.
    pub fn user(&self) -> &str {
        &self.0.user
    }

    /// The client's name, if its delivery is reliable. Its user chose it: it is no secret and no proof.
    pub fn cid(&self) -> Option<&str> {
        match &self.0.way {
            Way::Socket(_) => None,
            Way::Session(cid, _) => Some(cid.as_str()),
        }
    }

    /// Queues a message; `false` if nobody will get it. For a plain socket that is so if it has ended, or ends because
    /// its queue is full; for a client with reliable delivery, if its session has ended.
    pub fn send(&self, message: &Outgoing) -> bool {
        match &self.0.way {
            Way::Socket(queue) => queue.push(Message::Text(message.text())),
            Way::Session(cid, reliable) => {
                let reliable = reliable.upgrade();
                reliable.is_some_and(|reliable| reliable.send(cid, message).sessions > 0)
            }
        }
    }

    /// Writes what is queued, then closes the socket; `false` if there is none. A client with reliable delivery keeps
    /// its session, unless the code is 1000.
    pub fn close(&self, close: Close) -> bool {
        match &self.0.way {
            Way::Socket(queue) => queue.end(End::Close(close)),
            Way::Session(cid, reliable) => {
                let reliable = reliable.upgrade();
                reliable.is_some_and(|reliable| reliable.close(cid, &close))
            }
        }
    }

    /// Whether it has a socket that has not ended.
    pub fn is_open(&self) -> bool {
        match &self.0.way {
            Way::Socket(queue) => queue.is_open(),
            Way::Session(cid, reliable) => {
                let reliable = reliable.upgrade();
                reliable.is_some_and(|reliable| reliable.is_attached(cid))
            }
        }
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
