//! The engine: pure, sans-IO, the same on every target.

mod auth;
mod close;
mod connection;
pub mod frames;
mod heartbeat;
mod ids;
mod io;
#[cfg(feature = "mutations")]
pub mod mutation;
#[cfg(not(feature = "mutations"))]
mod mutation;
mod outbox;
pub mod rate;
mod reliable;
mod requests;
mod retry;
mod rng;
pub mod server;
mod state;
mod time;
mod timer;
pub mod wire;

#[cfg(feature = "trace")]
pub(crate) use auth::is_subprotocol;
pub use auth::{AuthVia, Token, TokenReason};
pub use close::{CloseAction, CloseFrame};
pub use connection::{Answer, Connection, Loaded, Outgoing, SendError, Stats};
pub use ids::{MessageId, MessageKind, SocketId, TokenRequest};
pub use io::{
    Batch, Content, Delivered, Event, Frame, Input, OpenFailure, Output, PageEvent, Resync,
    SocketEvent, StatusChange, StorageEvent, TokenAnswer, Transmit,
};
pub use reliable::{Body, Head, PageEnd, Saved, Slot, Store, Stored};
pub use state::{State, Status, Writable};
pub use time::Instant;
pub use timer::Timer;
