//! What goes into the engine and what comes out of it. Everything is owned.

use core::fmt;

use super::auth::{Token, TokenReason};
use super::close::{CloseAction, CloseFrame};
use super::frames::{Lost, Part};
use super::ids::{MessageId, SocketId, TokenRequest};
use super::reliable::{Body, Store};
use super::state::Status;
use super::time::Instant;
use super::wire;
use crate::error::ErrorCode;
use alloc::string::String;
use alloc::vec::Vec;

/// What happens to a connection from outside. Inputs cannot fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// The armed timer fired. Deadlines are compared with the time given, so an early or late one does no harm.
    Timeout,
    /// Something happened on a socket. An older socket's events are ignored.
    Socket(SocketId, SocketEvent),
    /// The token provider answered.
    Token(TokenRequest, TokenAnswer),
    /// The page's life.
    Page(PageEvent),
    /// The socket's send buffer holds so many bytes.
    Buffered(SocketId, u32),
    /// What became of something that was asked of the storage.
    Storage(StorageEvent),
}

/// What becomes of claims and writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StorageEvent {
    /// The `cid` that was asked for last is this page's alone.
    Claimed,
    /// It is another page's, or there is no way to know.
    Denied,
    /// Something could not be written.
    Failed,
}

/// What happens on a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SocketEvent {
    /// The handshake is done.
    Opened,
    /// The handshake is done, and the server speaks `everwire.v1`.
    Accepted,
    /// A frame came.
    Frame(Frame),
    /// The socket is closing and takes no more writes, but has not said why.
    Closing,
    /// The socket is closed. A replaced policy gives its verdict along; `None` asks for the default.
    Closed(CloseFrame, Option<CloseAction>),
    /// No socket could be made.
    Failed(OpenFailure),
}

/// Why no socket could be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenFailure {
    /// The URL or a subprotocol is malformed: trying again cannot help.
    Malformed,
    /// Anything else: a security policy, no sockets left.
    Other,
}

/// A frame as the engine sees it: its size and its place in the protocol, never its payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The size in UTF-8 bytes.
    pub bytes: u32,
    /// What it is.
    pub content: Content,
}

/// What a frame is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Messages of reliable mode, one or many.
    Batch(Vec<Part>),
    /// An application message.
    Message,
    /// A message that answers the request of this id.
    Answer(MessageId),
    /// Type `ping`.
    Ping,
    /// Type `pong`.
    Pong,
    /// Neither a JSON object nor one with a string `type`; in reliable mode, no frame of the protocol.
    Invalid,
}

/// The token provider's answer. A connection with a changing URL gets it here too. No debug print shows the URL's query.
#[derive(Clone, PartialEq, Eq)]
pub enum TokenAnswer {
    /// Go on.
    Granted {
        /// The token; `None` where a cookie carries it or only the URL was asked for.
        token: Option<Token>,
        /// The URL of this attempt; `None` keeps the configured one.
        url: Option<String>,
        /// The token's life in milliseconds from now, if known.
        expires_in_ms: Option<u64>,
    },
    /// It failed: try again later.
    Failed,
    /// The user is signed out or not allowed: stop.
    Unauthorized,
}

/// What happens to the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageEvent {
    /// The browser believes that the network is back.
    Online,
    /// The browser believes that the network is gone. A hint only.
    Offline,
    /// The page became visible, got the focus, or was resumed after a freeze.
    Visible,
    /// The page was hidden or is about to be frozen.
    Hidden,
    /// The page goes away, perhaps into the back-forward cache: the socket must be closed.
    Leave,
    /// The page is back from the back-forward cache.
    Return,
}

/// What the driver has to do, strictly in order. No debug print shows a token.
#[derive(Clone, PartialEq, Eq)]
pub enum Output<P> {
    /// Make a socket. Its handlers are attached before anything can arrive.
    Open {
        /// The new socket.
        socket: SocketId,
        /// Where to. It carries the token only if query authentication was chosen.
        url: String,
        /// The subprotocols to offer, each an item of its own.
        protocols: Vec<String>,
    },
    /// Write a frame to the open socket.
    Transmit(SocketId, Transmit<P>),
    /// Abandon the socket: remove its handlers, close it, do not wait for it.
    Close(SocketId, CloseFrame),
    /// Use the storage of the page.
    Store(Store<P>),
    /// Ask the token provider, and the URL provider if there is one.
    FetchToken(TokenRequest, TokenReason),
    /// Tell the application.
    Event(Event<P>),
}

/// A frame to write. No debug print shows a token.
#[derive(Clone, PartialEq, Eq)]
pub enum Transmit<P> {
    /// The engine's own: authentication, heartbeat.
    Control(String),
    /// The application's, as it was given to `send`.
    Message(P),
    /// The application's, with their seqs.
    Batch(Batch<P>),
}

/// Messages to write as one frame: an array, or the object alone if it is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch<P> {
    /// Their seqs and what they are, at least one. [`wire::tail`] has what each adds to its payload.
    pub messages: Vec<(u64, Body<P>)>,
    /// The ack that the first of them carries.
    pub ack: Option<u64>,
}

/// What the application may want to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<P> {
    /// The status, the attempt or the time of the next one changed.
    Status(StatusChange),
    /// The frame that was just handed in is for the application.
    Message,
    /// These messages of the frame that was just handed in are for the application.
    Deliver(Delivered),
    /// The frame that was just handed in answers this request, which settles.
    Answered(MessageId),
    /// This message of the frame that was just handed in answers this request, which settles.
    AnsweredBy(MessageId, Delivered),
    /// Written to the socket. A plain message settles with it; a request goes on to its answer, and a reliable one to its ack.
    Sent(MessageId),
    /// Handled by the server: a reliable message settles with it.
    Acked(MessageId),
    /// Refused by the server, with its code and what it said: settled. It was not handled.
    Refused(MessageId, String, String),
    /// An earlier page of this tab left this message to be sent.
    Restored(MessageId, P),
    /// Not written, and never will be: settled, and handed back.
    Rejected(MessageId, ErrorCode, P),
    /// A message was written and nobody will know whether the server acted on it: settled.
    Uncertain(MessageId, ErrorCode),
    /// A ping was answered after so many milliseconds.
    Latency(u64),
    /// A connection or an attempt ended; the close frame if there was one.
    Disconnected(ErrorCode, Option<CloseFrame>),
    /// Messages to the application were lost. What it fetches now has all of them.
    Resync(Resync),
    /// Something is worth a warning, and the connection goes on; the message concerned if there is one.
    Warning(ErrorCode, Option<MessageId>),
}

/// Messages of a frame, and their places in all that the application gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// The first of them in the frame, from 0.
    pub index: u32,
    /// How many.
    pub count: u32,
    /// The position of the first, for [`Connection::handled`](super::Connection::handled).
    pub position: u64,
}

/// Messages to the application that were lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resync {
    /// Why.
    pub reason: Lost,
    /// The first and the last seq of those missed, if that is known.
    pub missed: Option<(u64, u64)>,
    /// The position of this news among what the application gets.
    pub position: u64,
}

/// Where the connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusChange {
    /// The public status.
    pub status: Status,
    /// Which attempt in a row this is, from 1; 0 while open, idle or closed.
    pub attempt: u32,
    /// When the next attempt begins, if one waits.
    pub retry_at: Option<Instant>,
    /// Why the connection stopped for good, if it did.
    pub stopped: Option<ErrorCode>,
}

impl fmt::Debug for TokenAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Granted {
                token,
                url,
                expires_in_ms,
            } => f
                .debug_struct("Granted")
                .field("token", token)
                .field("url", &url.as_deref().map(without_query))
                .field("expires_in_ms", expires_in_ms)
                .finish(),
            Self::Failed => f.write_str("Failed"),
            Self::Unauthorized => f.write_str("Unauthorized"),
        }
    }
}

impl<P: fmt::Debug> fmt::Debug for Output<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open {
                socket,
                url,
                protocols,
            } => f
                .debug_struct("Open")
                .field("socket", socket)
                .field("url", &without_query(url))
                .field("protocols", &protocols.len())
                .finish(),
            Self::Transmit(socket, frame) => f
                .debug_tuple("Transmit")
                .field(socket)
                .field(frame)
                .finish(),
            Self::Close(socket, frame) => {
                f.debug_tuple("Close").field(socket).field(frame).finish()
            }
            Self::Store(store) => f.debug_tuple("Store").field(store).finish(),
            Self::FetchToken(request, reason) => f
                .debug_tuple("FetchToken")
                .field(request)
                .field(reason)
                .finish(),
            Self::Event(event) => f.debug_tuple("Event").field(event).finish(),
        }
    }
}

impl<P: fmt::Debug> fmt::Debug for Transmit<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Control(frame) if frame == wire::PING || frame == wire::PONG => {
                f.debug_tuple("Control").field(frame).finish()
            }
            Self::Control(_) => f.write_str("Control(…)"),
            Self::Message(payload) => f.debug_tuple("Message").field(payload).finish(),
            Self::Batch(batch) => f.debug_tuple("Batch").field(batch).finish(),
        }
    }
}

/// A token may be in the query.
fn without_query(url: &str) -> &str {
    url.split_once('?').map_or(url, |(path, _)| path)
}
