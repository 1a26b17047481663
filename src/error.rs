//! What can go wrong, each with a stable code, a sentence that says what to do, and whether trying again can help.

use core::fmt;

/// Why something failed or ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorCode {
    /// The outbox is full.
    OutboxFull,
    /// The message is larger than the outbox or the server takes.
    MessageTooLarge,
    /// The message's time to live ended before it could be written.
    Expired,
    /// The application withdrew the message or request.
    Aborted,
    /// The application closed the connection.
    Closed,
    /// Too many requests wait for their answers.
    TooManyRequests,
    /// No answer came in time.
    RequestTimeout,
    /// The connection was lost after the request was written.
    ConnectionLost,
    /// Token, handshake and opening took too long together.
    ConnectTimeout,
    /// The handshake failed; browsers do not say why.
    ConnectFailed,
    /// The browser refused to make a socket for this URL.
    InvalidUrl,
    /// The token cannot be sent as a subprotocol.
    InvalidToken,
    /// A ping went unanswered.
    HeartbeatTimeout,
    /// The server closed at the first ping; pings are off for this URL.
    HeartbeatRefused,
    /// The server closed the connection, or the network cut it.
    Disconnected,
    /// The server closed with a code that means: do not come back.
    Refused,
    /// The token provider failed.
    TokenFailed,
    /// The token provider or the server says that the user is not authorized.
    Unauthorized,
    /// The last permitted attempt failed.
    AttemptsExhausted,
    /// A frame came that is not `{"type","data"}` text.
    InvalidFrame,
    /// A frame came that is larger than `max_frame`.
    FrameTooLarge,
    /// A close code or reason that browsers do not let a page send.
    InvalidClose,
    /// A volatile message could not be written at once.
    NotWritable,
    // From here on they are those of reliable delivery alone; the npm package counts on the order.
    /// The server does not speak everwire.v1.
    UnsupportedServer,
    /// Another page goes on as this client.
    Superseded,
    /// The user changed: what the former one had queued is not sent.
    UserChanged,
    /// The server broke the protocol.
    ProtocolError,
    /// Messages cannot be stored: a reload would lose them.
    StorageFailed,
    /// The server acks nothing.
    Stalled,
    /// The server lost its record of what it had handled.
    RecordLost,
    /// An earlier page crashed, or another one took over, while the message was underway.
    PageLost,
}

impl ErrorCode {
    /// The stable name, in kebab case.
    pub const fn as_str(self) -> &'static str {
        self.describe().0
    }

    /// What happened and what to do.
    pub const fn message(self) -> &'static str {
        self.describe().1
    }

    /// Its place in the list above, from 0. A new version may move it.
    pub const fn index(self) -> u32 {
        self as u32
    }

    /// Whether the same thing may succeed later without a change.
    pub const fn is_retryable(self) -> bool {
        match self {
            Self::OutboxFull
            | Self::Expired
            | Self::TooManyRequests
            | Self::RequestTimeout
            | Self::ConnectionLost
            | Self::ConnectTimeout
            | Self::ConnectFailed
            | Self::HeartbeatTimeout
            | Self::HeartbeatRefused
            | Self::Disconnected
            | Self::TokenFailed
            | Self::Stalled
            | Self::NotWritable
            | Self::AttemptsExhausted => true,
            Self::MessageTooLarge
            | Self::Aborted
            | Self::Closed
            | Self::InvalidUrl
            | Self::InvalidToken
            | Self::Refused
            | Self::Unauthorized
            | Self::InvalidFrame
            | Self::FrameTooLarge
            | Self::InvalidClose
            | Self::UnsupportedServer
            | Self::Superseded
            | Self::UserChanged
            | Self::ProtocolError
            | Self::StorageFailed
            | Self::RecordLost
            | Self::PageLost => false,
        }
    }

    const fn describe(self) -> (&'static str, &'static str) {
        match self {
            Self::OutboxFull => (
                "outbox-full",
                "the outbox is full: send less while disconnected, raise the outbox limits, or choose another overflow policy",
            ),
            Self::MessageTooLarge => (
                "message-too-large",
                "the message is larger than the outbox or the server takes: split it or raise the limit",
            ),
            Self::Expired => (
                "expired",
                "the time to live ended before the message could be written: it was not sent",
            ),
            Self::Aborted => ("aborted", "withdrawn by the application"),
            Self::Closed => (
                "closed",
                "the connection was closed by the application: connect again to send",
            ),
            Self::TooManyRequests => (
                "too-many-requests",
                "too many requests wait for answers: wait for some of them first",
            ),
            Self::RequestTimeout => (
                "request-timeout",
                "no answer came in time: if the request had been written, the server may still act on it",
            ),
            Self::ConnectionLost => (
                "connection-lost",
                "the connection was lost after the request was written: the server may have acted on it, ask before repeating it",
            ),
            Self::ConnectTimeout => (
                "connect-timeout",
                "the connection did not open in time: it will be tried again",
            ),
            Self::ConnectFailed => (
                "connect-failed",
                "the handshake failed: the server is away, refuses, or the URL or a subprotocol is wrong; it will be tried again",
            ),
            Self::InvalidUrl => (
                "invalid-url",
                "the browser refused the URL or a subprotocol: use ws://, wss:// or a path, without a fragment",
            ),
            Self::InvalidToken => (
                "invalid-token",
                "the token has characters that a subprotocol cannot carry: encode it, or authenticate by message",
            ),
            Self::HeartbeatTimeout => (
                "heartbeat-timeout",
                "the server stopped answering: the connection is made anew",
            ),
            Self::HeartbeatRefused => (
                "heartbeat-refused",
                "the server closed at the first ping: pings are off for this URL, set heartbeat to false to silence this",
            ),
            Self::Disconnected => ("disconnected", "the connection was lost: it is made anew"),
            Self::Refused => (
                "refused",
                "the server closed with a code that means do not come back: see the close code, then connect again",
            ),
            Self::TokenFailed => (
                "token-failed",
                "the token provider failed: it will be asked again",
            ),
            Self::Unauthorized => (
                "unauthorized",
                "the token was refused: sign in again, then connect again",
            ),
            Self::AttemptsExhausted => (
                "attempts-exhausted",
                "the last permitted attempt failed: connect again, or permit more attempts",
            ),
            Self::InvalidFrame => (
                "invalid-frame",
                "a frame came that is not a JSON object with a type: it was left out, the connection goes on",
            ),
            Self::FrameTooLarge => (
                "frame-too-large",
                "a frame came that is larger than the limit: it was left out, the connection goes on",
            ),
            Self::InvalidClose => (
                "invalid-close",
                "close takes code 1000 or 3000 to 4999 and a reason of at most 123 bytes",
            ),
            Self::UnsupportedServer => (
                "unsupported-server",
                "the server may not speak everwire.v1: use delivery plain with it",
            ),
            Self::Superseded => (
                "superseded",
                "another page goes on as this client: connect again to take over",
            ),
            Self::UserChanged => (
                "user-changed",
                "the user changed: messages of the former user are not sent",
            ),
            Self::ProtocolError => (
                "protocol-error",
                "the server broke the protocol: update both sides",
            ),
            Self::StorageFailed => (
                "storage-failed",
                "session storage is full, disabled or not there: a reload of the page loses what was not sent",
            ),
            Self::Stalled => (
                "stalled",
                "the server takes messages and confirms none: its handlers may hang",
            ),
            Self::RecordLost => (
                "record-lost",
                "the server restarted while the message was underway: it may have acted on it",
            ),
            Self::PageLost => (
                "page-lost",
                "the page ended while the message was underway: the server may have acted on it",
            ),
            Self::NotWritable => (
                "not-writable",
                "a volatile message is sent at once or not at all, and it could not be sent at once",
            ),
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())?;
        f.write_str(": ")?;
        f.write_str(self.message())
    }
}

impl core::error::Error for ErrorCode {}
