//! A socket: how far its opening has come, and when it is to be looked at.

use alloc::boxed::Box;

use super::super::auth::Token;
use super::super::frames::Open;
use super::super::time::Instant;
use super::config::{OPEN_MS, ServerConfig};
use super::io::{Cid, Grant};

#[derive(Debug)]
pub(super) struct Socket {
    pub(super) phase: Phase,
    opened: Instant,
    pub(super) last_in: Instant,
    pub(super) last_out: Instant,
    /// A ping that nothing has answered yet.
    pub(super) pinged: Option<Instant>,
    /// When the token's life and its grace end.
    pub(super) expires: Option<Instant>,
    /// Handled up to here, as the client was told.
    pub(super) told: u64,
    /// When it is to be told more.
    pub(super) ack_due: Option<Instant>,
    /// The last seq written on this socket.
    pub(super) tx: u64,
    pub(super) check: TokenCheck,
}

/// How far the opening has come, with its data.
#[derive(Debug)]
pub(super) enum Phase {
    /// For `$open`.
    Waiting,
    /// For the token's check.
    Checking(Box<Open>),
    /// For the client's record.
    Loading(Box<Open>, Grant),
    /// For the store to take note of the opening.
    Claiming(Box<Open>, Grant),
    /// `$session` is written.
    Attached(Cid),
}

/// The check of a token that came in band.
#[derive(Debug)]
pub(super) enum TokenCheck {
    None,
    /// One is checked; the newest of those that came since waits.
    UnderWay(Option<Token>),
}

/// Why a socket is to be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    OpenTimeout,
    TokenExpired,
    Dead,
    Ping,
    Ack,
}

impl Socket {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            phase: Phase::Waiting,
            opened: now,
            last_in: now,
            last_out: now,
            pinged: None,
            expires: None,
            told: 0,
            ack_due: None,
            tx: 0,
            check: TokenCheck::None,
        }
    }

    pub(super) fn heard(&mut self, now: Instant) {
        self.last_in = now;
        self.pinged = None;
    }

    pub(super) fn cid(&self) -> Option<&Cid> {
        match &self.phase {
            Phase::Attached(cid) => Some(cid),
            Phase::Waiting | Phase::Checking(_) | Phase::Loading(..) | Phase::Claiming(..) => None,
        }
    }

    /// The nearest deadline and what it is for.
    pub(super) fn next_due(&self, config: &ServerConfig) -> (Instant, Due) {
        if self.cid().is_none() {
            return (self.opened.after(OPEN_MS), Due::OpenTimeout);
        }
        let mut next = match self.pinged {
            None => (self.ping_at(config), Due::Ping),
            Some(pinged) => (self.dead_at(pinged, config), Due::Dead),
        };
        let others = [(self.expires, Due::TokenExpired), (self.ack_due, Due::Ack)];
        for (at, due) in others {
            if let Some(at) = at.filter(|at| *at < next.0) {
                next = (at, due);
            }
        }
        next
    }

    /// Either side has been silent for long enough.
    fn ping_at(&self, config: &ServerConfig) -> Instant {
        self.last_in.min(self.last_out).after(config.ping_ms)
    }

    /// A peer that was heard of lately is not dead because we were silent.
    fn dead_at(&self, pinged: Instant, config: &ServerConfig) -> Instant {
        let silent = self.last_in.after(config.ping_ms + config.timeout_ms);
        silent.max(pinged.after(config.timeout_ms))
    }
}
