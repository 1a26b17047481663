//! The messages of everwire.v1 as data, the same for both halves. How they look on the wire is for codecs to know.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use super::auth::Token;

/// The subprotocol that a client of reliable delivery offers.
pub const SUBPROTOCOL: &str = "everwire.v1";
/// The most messages in a frame.
pub const BATCH_MESSAGES: usize = 256;
/// The most UTF-8 bytes in a frame of more than one message.
pub const BATCH_BYTES: u32 = 64 * 1024;
/// Every seq, ack and `n` is at most this: JavaScript counts no further exactly.
pub const NUMBER_MAX: u64 = (1 << 53) - 1;
/// No peer and no storage has honestly come further: who goes on from here never reaches [`NUMBER_MAX`].
pub(crate) const CLAIM_MAX: u64 = 1 << 52;

/// A piece of a frame that came in: neighbours that can be handled as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Application messages.
    Run(Run),
    /// One message of the protocol.
    Control(Control),
}

/// Application messages that stand next to each other in a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// The seq of the first, the others follow without a gap; `None` if they are volatile.
    pub first: Option<u64>,
    /// How many there are, at least one.
    pub count: u32,
    /// The highest `ack` among them.
    pub ack: Option<u64>,
    /// The request that the only one of them answers.
    pub re: Option<u64>,
}

/// A message of the protocol: its type begins with `$`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Control {
    /// `$open`: the client's first.
    Open(Box<Open>),
    /// `$session`: the server's answer to it.
    Session(Box<Session>),
    /// `$ack`: handled up to here.
    Ack(u64),
    /// `$skip`: this seq is consumed and delivered to nobody.
    Skip {
        /// The seq.
        seq: u64,
        /// Handled up to here.
        ack: Option<u64>,
    },
    /// `$err`: this seq was refused, and is consumed.
    Err {
        /// The seq.
        seq: u64,
        /// A stable word for programs.
        code: String,
        /// What to do.
        message: String,
    },
    /// `$ping`.
    Ping(Beat),
    /// `$pong`, with the `t` of its ping.
    Pong(Beat),
    /// `$auth` from the client: a fresh token.
    Token(Token),
    /// `$auth` from the server.
    Auth(AuthNews),
    /// `$drain`: leave within so many milliseconds.
    Drain {
        /// Stay for at least so long.
        after_ms: u64,
        /// Leave at random within so long after that.
        spread_ms: u64,
    },
    /// `$resync`: what was not written yet is dropped.
    Resync {
        /// The next seq.
        next: u64,
        /// Why.
        reason: Lost,
    },
    /// `$bye`: the session ends.
    Bye {
        /// Handled up to here.
        ack: u64,
    },
    /// A type that this version does not know.
    Unknown,
}

/// What a ping or pong carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Beat {
    /// Names the ping. It means something to its sender only.
    pub t: u64,
    /// Handled up to here.
    pub ack: Option<u64>,
    /// The highest seq written on this socket.
    pub tx: Option<u64>,
}

/// `$open`. No debug print shows the token or the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Open {
    /// Names the stream to the server: 128 random bits in hexadecimal digits.
    pub cid: String,
    /// Which opening of this `cid` it is; each is higher than the one before.
    pub n: u64,
    /// The token, if it goes in the frame.
    pub token: Option<Token>,
    /// The lowest seq that is held, `tx` + 1 if none is.
    pub tx0: u64,
    /// The highest seq that was given.
    pub tx: u64,
    /// The largest frame that the client takes, in UTF-8 bytes.
    pub max_frame: u32,
    /// The most messages that may be written and not acked.
    pub window: u32,
    /// The same in UTF-8 bytes.
    pub window_bytes: u32,
    /// The session to go on with.
    pub resume: Option<Resume>,
}

/// The session that a client had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resume {
    /// Its name.
    pub sid: String,
    /// Proves that it is this client's.
    pub key: Token,
    /// The life of the server's memory in which it was made.
    pub epoch: String,
    /// Handled up to here.
    pub rx: u64,
}

/// `$session`. No debug print shows the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Names the stream to the client.
    pub sid: String,
    /// The key for the next resume.
    pub key: Token,
    /// The life of the server's memory in which the session was made.
    pub epoch: String,
    /// A fingerprint of the user.
    pub user: String,
    /// Whether the session goes on.
    pub resumed: Resumed,
    /// Accepted from the client up to here.
    pub got: u64,
    /// Handled up to here; `None` if the server lost its record.
    pub rx: Option<u64>,
    /// Seqs that were refused, with their codes.
    pub errs: Vec<(u64, String)>,
    /// Handlers up to here had begun when the server ended, and may have had their effect.
    pub maybe: Option<u64>,
    /// The `n` of the session before this one, if the server knows one.
    pub prior: Option<u64>,
    /// The first seq that follows.
    pub from: u64,
    /// What the client is to keep to.
    pub terms: Terms,
}

/// Whether a session goes on, and why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resumed {
    /// It does.
    Yes,
    /// There was none to go on with.
    Fresh,
    /// It could not: what it held for the client is lost.
    No(Lost),
}

/// Why messages to the client were lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// The session was away for too long.
    Expired,
    /// The server's memory began anew.
    Epoch,
    /// The session no longer holds what comes next.
    Gap,
    /// The server does not know the session.
    Unknown,
    /// The key does not fit.
    Key,
    /// The client read too slowly.
    Slow,
    /// A message was larger than the client takes.
    TooLarge,
    /// The page was loaded anew. Only clients say so.
    Reload,
}

/// What `$session` says about pace and size. Whoever takes it clamps it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// Silence after which a ping is due, in milliseconds.
    pub ping_ms: u64,
    /// Patience with its answer, in milliseconds.
    pub timeout_ms: u64,
    /// How long the session outlives its socket, in milliseconds.
    pub ttl_ms: u64,
    /// The largest frame that the server takes, in UTF-8 bytes.
    pub max_frame: u64,
    /// The most messages that may be written and not acked.
    pub window: u64,
    /// The same in UTF-8 bytes.
    pub window_bytes: u64,
    /// The most messages a second, if there is a limit.
    pub rate: Option<u64>,
    /// The most messages at once after a pause.
    pub burst: Option<u64>,
    /// The rest of the token's life, in milliseconds.
    pub exp_ms: Option<u64>,
}

/// `$auth` from the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthNews {
    /// The token was taken, and lives for so many milliseconds.
    Ok {
        /// Its life.
        exp_ms: Option<u64>,
    },
    /// The token was not taken; the old one goes on.
    Refused,
    /// A fresh token is needed within so many milliseconds.
    Needed {
        /// Until when.
        in_ms: u64,
    },
}

impl Lost {
    /// Every reason.
    pub const ALL: [Self; 8] = [
        Self::Expired,
        Self::Epoch,
        Self::Gap,
        Self::Unknown,
        Self::Key,
        Self::Slow,
        Self::TooLarge,
        Self::Reload,
    ];

    /// The stable name, in kebab case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Epoch => "epoch",
            Self::Gap => "gap",
            Self::Unknown => "unknown",
            Self::Key => "key",
            Self::Slow => "slow",
            Self::TooLarge => "too-large",
            Self::Reload => "reload",
        }
    }
}
