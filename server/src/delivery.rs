//! A message that must be handled once: what its handler needs for that, and how it may end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Stands for one sequenced message while it is handled. Clones stand for the same one.
///
/// A handler whose effect goes into a database stores [`seq`](Self::seq) as the `rx` of [`cid`](Self::cid) in the
/// same transaction, if `rx` is `seq` − 1 and [`owner`](Self::owner) owns the record, and else rolls back and ends with
/// [`HandlerError::Fenced`]. After the commit it calls [`committed`](Self::committed). A handler that does none of this
/// is simple, and may have its effect twice if the process dies between the effect and the write that follows.
#[derive(Clone, Debug)]
pub struct Delivery {
    cid: String,
    seq: u64,
    owner: String,
    is_committed: Arc<AtomicBool>,
}

impl Delivery {
    pub(crate) fn new(cid: String, seq: u64, owner: String) -> Self {
        Self {
            cid,
            seq,
            owner,
            is_committed: Arc::default(),
        }
    }

    /// The client's stream.
    pub fn cid(&self) -> &str {
        &self.cid
    }

    /// The message's place in it.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// Who must own the client's record for the effect to count.
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// Says that `rx` is stored together with the effect.
    pub fn committed(&self) {
        self.is_committed.store(true, Ordering::Release);
    }

    pub(crate) fn is_committed(&self) -> bool {
        self.is_committed.load(Ordering::Acquire)
    }
}

/// Why a message was not handled. The client's receipt says so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HandlerError {
    /// The application does not want it.
    #[error("{code}: {message}")]
    Refused {
        /// A stable kebab-case word for programs, 64 bytes at most.
        code: String,
        /// What to do, 1,024 bytes at most.
        message: String,
    },
    /// The handler failed. Clients are told no more than that.
    #[error("the handler failed: {0}")]
    Failed(String),
    /// The transaction was rolled back, since another process owns the client's record.
    #[error("another process owns the client")]
    Fenced,
}

impl HandlerError {
    /// A refusal.
    pub fn refused(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Refused {
            code: code.into(),
            message: message.into(),
        }
    }
}
