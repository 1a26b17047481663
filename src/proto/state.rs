//! The state of a connection, its data inside the variants. The public status is derived from it, never stored.

use super::auth::Token;
use super::ids::{SocketId, TokenRequest};
use super::time::Instant;
use crate::error::ErrorCode;

/// Where a connection stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Not asked to connect yet.
    Idle,
    /// What an earlier page of this tab left is being claimed.
    Claiming,
    /// The token provider was asked.
    Authenticating(TokenRequest),
    /// A socket is making its handshake.
    Opening {
        /// The socket.
        socket: SocketId,
        /// The token to send as the first frame.
        token: Option<Token>,
        /// When the token is to be refreshed.
        refresh_at: Option<Instant>,
    },
    /// The socket is open, and the server was asked for a session.
    Handshaking {
        /// The socket.
        socket: SocketId,
        /// When the token is to be refreshed.
        refresh_at: Option<Instant>,
    },
    /// Open.
    Ready {
        /// The socket.
        socket: SocketId,
        /// Whether it takes writes.
        writable: Writable,
    },
    /// Waiting for the next attempt.
    Backoff {
        /// When it begins.
        retry_at: Instant,
    },
    /// The page went away; it may come back.
    Suspended,
    /// Stopped until the application connects again.
    Closed(ErrorCode),
}

/// Whether an open socket takes writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writable {
    /// It does.
    Yes,
    /// Its send buffer is full.
    Congested,
    /// The server asked to be left: only acks are waited for.
    Leaving,
    /// It is closing and has not said why.
    Closing,
}

impl State {
    pub(crate) fn socket(&self) -> Option<SocketId> {
        match self {
            Self::Opening { socket, .. }
            | Self::Handshaking { socket, .. }
            | Self::Ready { socket, .. } => Some(*socket),
            Self::Idle
            | Self::Claiming
            | Self::Authenticating(_)
            | Self::Backoff { .. }
            | Self::Suspended
            | Self::Closed(_) => None,
        }
    }
}

/// What the application sees of the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Not connected and not asked to.
    Idle,
    /// On the way to the first open.
    Connecting,
    /// Open: messages flow.
    Open,
    /// Lost, and on the way back.
    Reconnecting,
    /// Stopped until the application connects again.
    Closed,
}

impl Status {
    /// The status of `state`, given whether the connection was ever open since it was asked to connect.
    pub(crate) fn of(state: &State, opened_before: bool) -> Self {
        match state {
            State::Idle => Self::Idle,
            State::Ready { .. } => Self::Open,
            State::Closed(_) => Self::Closed,
            State::Claiming
            | State::Authenticating(_)
            | State::Opening { .. }
            | State::Handshaking { .. }
            | State::Backoff { .. }
            | State::Suspended => match opened_before {
                true => Self::Reconnecting,
                false => Self::Connecting,
            },
        }
    }

    /// The stable name, in lower case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Connecting => "connecting",
            Self::Open => "open",
            Self::Reconnecting => "reconnecting",
            Self::Closed => "closed",
        }
    }
}
