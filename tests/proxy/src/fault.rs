//! Every fault by name.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What goes wrong. In JSON: `{"fault":"cut","ending":"reset"}`. Those of handshakes meet connections to come, the
/// others every connection that is open.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "kebab-case")]
pub enum Fault {
    /// F1: nobody listens for so many milliseconds.
    Refuse {
        /// How long.
        ms: u64,
    },
    /// F2: connections are accepted, then reset.
    Reset {
        /// How many.
        times: u32,
    },
    /// F3: an HTTP status instead of 101.
    Status {
        /// Which.
        code: u16,
        /// How many handshakes.
        times: u32,
    },
    /// F4: the 101 never comes.
    Silent {
        /// How many handshakes.
        times: u32,
    },
    /// F5: cut without a close frame, in the middle of what is written next, or soon if nothing is.
    Cut {
        /// How TCP ends.
        ending: Ending,
    },
    /// F6: everything is swallowed from now on and TCP stays up, on both sides even after one has hung up.
    BlackHole {
        /// Which way.
        toward: Toward,
    },
    /// F7: a close frame that the server never wrote; nothing follows it.
    Close {
        /// Its code; 1005 writes none.
        code: u16,
        /// Its reason, at most 123 bytes.
        #[serde(default)]
        reason: String,
    },
    /// F8: close frames, and the end of TCP, arrive on neither side.
    CloseUnanswered,
    /// F9, F23, F25: everything is held back for so many milliseconds and arrives then, even if its sender has hung up
    /// meanwhile and has a newer connection.
    Hold {
        /// Which way.
        toward: Toward,
        /// How long.
        ms: u64,
    },
    /// F29: what follows the 101 is held back.
    HoldSession {
        /// How long, in milliseconds.
        ms: u64,
        /// How many connections.
        times: u32,
    },
    /// F10: a slow network, for all connections.
    Shape {
        /// Delay each way, in milliseconds.
        #[serde(default)]
        latency_ms: u64,
        /// At most so much more, at random.
        #[serde(default)]
        jitter_ms: u64,
        /// The most bytes a second each way; 0 is no limit.
        #[serde(default)]
        bytes_per_second: u64,
        /// Writes of at most so many bytes; 0 is no limit.
        #[serde(default)]
        slice: usize,
        /// For how long.
        ms: u64,
    },
    /// F11: connections are cut soon after they opened.
    Flap {
        /// How many.
        times: u32,
        /// How soon, in milliseconds.
        within_ms: u64,
    },
    /// F12: a balancer that kills what is idle.
    Idle {
        /// Silence after which a connection is cut, in milliseconds.
        after_ms: u64,
        /// For how long there is such a balancer.
        ms: u64,
    },
    /// F13: the next frame is lost.
    Drop {
        /// Which way.
        toward: Toward,
    },
    /// F14: the next frame arrives after the one that follows it.
    Late {
        /// Which way.
        toward: Toward,
    },
    /// F15: the next frame arrives twice.
    Twice {
        /// Which way.
        toward: Toward,
    },
    /// F16: the next frame arrives on the next connection, after the first frame there.
    Carry {
        /// Which way.
        toward: Toward,
    },
    /// F17: a frame that nobody wrote.
    Inject {
        /// Which way.
        toward: Toward,
        /// What it is.
        garbage: Garbage,
    },
    /// F18: in the next frame that has it, a field is overwritten: of its first message, or of that one's `data`.
    Rewrite {
        /// Which way.
        toward: Toward,
        /// Its name.
        field: String,
        /// What it says instead.
        value: Value,
    },
}

/// The direction of a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Toward {
    /// What the client writes.
    Server,
    /// What the server writes.
    Client,
    /// Both.
    Both,
}

/// How a cut connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// With a TCP reset.
    Reset,
    /// With an orderly end of TCP.
    End,
}

/// A frame that no peer should write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Garbage {
    /// Text that is no JSON.
    Text,
    /// A text frame that is not UTF-8.
    InvalidUtf8,
    /// A binary frame.
    Binary,
    /// Five thousand arrays in each other.
    Deep,
    /// Seventeen megabytes.
    Large,
    /// A message of the protocol with a seq, which only `$skip` may have.
    Reserved,
    /// A message with names that mean something to JavaScript objects.
    Prototype,
}

impl Fault {
    /// The name it is counted under.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Refuse { .. } => "F1-refuse",
            Self::Reset { .. } => "F2-reset",
            Self::Status { .. } => "F3-status",
            Self::Silent { .. } => "F4-silent",
            Self::Cut { .. } => "F5-cut",
            Self::BlackHole { .. } => "F6-black-hole",
            Self::Close { .. } => "F7-close",
            Self::CloseUnanswered => "F8-close-unanswered",
            Self::Hold { .. } => "F9-hold",
            Self::Shape { .. } => "F10-shape",
            Self::Flap { .. } => "F11-flap",
            Self::Idle { .. } => "F12-idle",
            Self::Drop { .. } => "F13-drop",
            Self::Late { .. } => "F14-late",
            Self::Twice { .. } => "F15-twice",
            Self::Carry { .. } => "F16-carry",
            Self::Inject { .. } => "F17-inject",
            Self::Rewrite { .. } => "F18-rewrite",
            Self::HoldSession { .. } => "F29-hold-session",
        }
    }
}

impl Toward {
    /// Whether what the client writes is meant.
    pub(crate) fn server(self) -> bool {
        matches!(self, Self::Server | Self::Both)
    }

    /// Whether what the server writes is meant.
    pub(crate) fn client(self) -> bool {
        matches!(self, Self::Client | Self::Both)
    }
}
