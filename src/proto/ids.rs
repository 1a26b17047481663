//! What sockets, messages and token requests are told apart by.

/// One socket of many in a connection's life: a generation number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SocketId(pub u32);

/// One message of this connection, counted from 1 in the order of `send`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId(pub u64);

/// One question to the token provider. Answers to an older one are ignored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenRequest(pub u32);

/// What a message asks of the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageKind {
    /// To be handled.
    Message,
    /// To be answered.
    Request,
}
