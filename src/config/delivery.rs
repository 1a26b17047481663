//! What is promised about messages: the options of reliable delivery.

use alloc::string::String;

/// What is promised about messages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Delivery {
    /// In order, at most once after the write, against any server that speaks `{"type","data"}`.
    #[default]
    Plain,
    /// In order, once to the application, or a report of what is not sure. The server must speak `everwire.v1`.
    Reliable(Reliable),
}

/// The options of reliable delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reliable {
    /// What survives a reload of the page. Default: what must be sent.
    pub persist: Persist,
    /// Tells connections to the same URL in one tab apart. Default: empty.
    pub name: String,
    /// What becomes of messages that the server may or may not have acted on. Default: they are sent again.
    pub uncertain: Uncertain,
    /// The most messages from the server that may be underway or unhandled. Default 1,000.
    pub window: u32,
    /// The same in UTF-8 bytes. Default 1 MiB.
    pub window_bytes: u32,
}

/// What survives a reload of the page, in its session storage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Persist {
    /// Nothing: a reload loses what was not sent.
    Nothing,
    /// What must be sent. Messages to the page begin anew, with a `resync`.
    #[default]
    Outbox,
    /// The place in the messages to the page too: for applications that store their own state together with it.
    Session,
}

/// What becomes of messages that the server may or may not have acted on. Their receipts say `uncertain` first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Uncertain {
    /// They are sent again.
    #[default]
    Resend,
    /// They are left out.
    Drop,
}

impl Default for Reliable {
    fn default() -> Self {
        Self {
            persist: Persist::default(),
            name: String::new(),
            uncertain: Uncertain::default(),
            window: 1_000,
            window_bytes: 1 << 20,
        }
    }
}
