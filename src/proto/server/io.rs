//! What goes into the server's half and what comes out of it. Everything is owned.

use core::fmt;

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::super::auth::Token;
use super::super::frames::{Control, Lost, Resumed};
use super::super::ids::SocketId;

/// A client's name for its stream to the server.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cid(Arc<str>);

impl Cid {
    /// Wraps a name.
    pub fn new(name: &str) -> Self {
        Self(Arc::from(name))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Cid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One run of a handler.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HandlerId(pub u64);

/// What happens to the server from outside. Inputs cannot fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input<M> {
    /// The armed timer fired. Deadlines are compared with the time given, so an early or late one does no harm.
    Timeout,
    /// A socket that speaks everwire.v1 opened. Ids are never used again.
    Opened(SocketId),
    /// A frame came.
    Frame(SocketId, Frame<M>),
    /// A frame came that cannot be read.
    Unreadable(SocketId, Unreadable),
    /// The socket is gone, by whatever cause.
    Closed(SocketId),
    /// The answer to [`Output::Authenticate`].
    Authenticated(SocketId, Result<Grant, Refusal>),
    /// The answer to [`Output::Load`].
    Loaded(Cid, Loaded),
    /// The answer to [`Output::Store`].
    Stored(Cid, Stored),
    /// A handler has ended.
    Handled(HandlerId, Outcome),
}

/// A frame that was read whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame<M> {
    /// Its size in UTF-8 bytes.
    pub bytes: u32,
    /// What it holds.
    pub messages: Vec<Inbound<M>>,
}

/// A message that came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inbound<M> {
    /// One for the application.
    Message {
        /// Its seq; volatile without one.
        seq: Option<u64>,
        /// Handled by the client up to here.
        ack: Option<u64>,
        /// Its size in UTF-8 bytes.
        bytes: u32,
        /// Opaque.
        message: M,
    },
    /// One of the protocol.
    Control(Control),
}

/// Why a frame cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// It is no JSON, or breaks the layout.
    Malformed,
    /// It is binary.
    Binary,
    /// It is larger than the server takes.
    TooLarge,
}

/// A token that was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The user.
    pub user: String,
    /// What the client is told of the user: the same text for the same user at any time, and nothing else about it.
    pub fingerprint: String,
    /// The token's life from now on, in milliseconds; `None` if it does not end.
    pub life_ms: Option<u64>,
}

/// A token that was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is missing, wrong or expired.
    Unauthorized,
    /// Whoever this is may not be this user.
    Forbidden,
}

/// What a store keeps of a client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// The fingerprint of the user whom the client belongs to.
    pub user: String,
    /// The highest opening.
    pub n: u64,
    /// Handled up to here; `None` if that was lost.
    pub rx: Option<u64>,
    /// The last seq whose handler began, where the store is told.
    pub begun: Option<u64>,
    /// The refused among the last 1,024 seqs, with their codes, lowest first.
    pub errs: Vec<(u64, String)>,
}

/// What a store found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Loaded {
    /// This record.
    Found(Record),
    /// None.
    Absent,
    /// It could not look.
    Failed,
}

/// What a store did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// It is written.
    Done,
    /// Another process has taken the record: nothing is written.
    Fenced,
    /// It could not.
    Failed,
}

/// A change of a client's record. All but `Forget` are fenced if another process has loaded the record since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// A socket takes the client: sets `user` and `n`. A missing record is made, with this `rx` and these `errs`, and owned.
    Claim {
        /// The user's fingerprint.
        user: String,
        /// Which opening it is.
        n: u64,
        /// For a new record.
        rx: Option<u64>,
        /// For a new record, which is needed while the process runs if the store was emptied beneath it.
        errs: Vec<(u64, String)>,
    },
    /// Sets `rx`, which was `None`.
    Adopt {
        /// Its value.
        rx: u64,
    },
    /// The handler of `seq` is about to begin: sets `begun`.
    Begin {
        /// The seq.
        seq: u64,
    },
    /// `seq` is consumed: sets `rx` to it. Fenced if `rx` is not `seq` − 1.
    Settle {
        /// The seq.
        seq: u64,
        /// Joins `errs` if it was refused, and what fell out of the last 1,024 leaves.
        refused: Option<String>,
    },
    /// Deletes the record.
    Forget,
}

/// How a handler ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Well, and `rx` is stored with its effect.
    Committed,
    /// Well.
    Done,
    /// It refused the message.
    Refused {
        /// A kebab-case word for programs.
        code: String,
        /// What to do.
        message: String,
    },
    /// It failed.
    Failed,
    /// It took too long. Its effect is uncertain.
    TimedOut,
    /// The store would not take its effect: another process has the client.
    Fenced,
}

/// What is to be done. Act on outputs strictly in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output<M, P> {
    /// Write these messages, as one frame.
    Transmit(SocketId, Vec<Item<P>>),
    /// Close the socket, after what was given before. Nothing more comes for it, and its inputs are ignored.
    Close {
        /// The socket.
        socket: SocketId,
        /// The code.
        code: u16,
        /// The reason, at most 123 bytes.
        reason: String,
    },
    /// Check a token; without one, whether the socket's user needs none. Answer with [`Input::Authenticated`].
    Authenticate(SocketId, Option<Token>),
    /// Load a client's record, and in the same step own it: from then on another process's writes are fenced, and
    /// its handlers' transactions. Answer with [`Input::Loaded`].
    Load(Cid),
    /// Change a client's record. Answer with [`Input::Stored`].
    Store(Cid, Write),
    /// Run the application's handler. Answer with [`Input::Handled`].
    Handle(Handle<M>),
    /// Something happened.
    Event(Event),
}

/// A message for the application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handle<M> {
    /// Names the run.
    pub id: HandlerId,
    /// The client.
    pub cid: Cid,
    /// The user.
    pub user: String,
    /// The message's seq; volatile without one.
    pub seq: Option<u64>,
    /// The message.
    pub message: M,
}

/// A message to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item<P> {
    /// One of the application.
    Message {
        /// Opaque.
        payload: P,
        /// Its seq; `None` if it is volatile, and may be dropped if the socket's buffer is full.
        seq: Option<u64>,
        /// Handled up to here.
        ack: Option<u64>,
    },
    /// One of the protocol.
    Control(Control),
}

/// What the application may want to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A client has a session and a socket.
    Attached {
        /// The client.
        cid: Cid,
        /// The user.
        user: String,
        /// Its socket.
        socket: SocketId,
        /// Whether it went on with the session it had. If not, it has lost what was sent before.
        resumed: Resumed,
    },
    /// A client's socket is gone; its session may wait for the next.
    Detached {
        /// The client.
        cid: Cid,
        /// The socket that it had.
        socket: SocketId,
    },
    /// A client has lost messages, and was told so just now.
    Resync {
        /// The client.
        cid: Cid,
        /// Why.
        reason: Lost,
    },
    /// A session is over: what it held is dropped.
    Ended {
        /// The client.
        cid: Cid,
    },
}

/// Where a message went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// Sessions that hold it. 0: nobody will get it.
    pub sessions: usize,
    /// Those of them that have a socket.
    pub attached: usize,
}
