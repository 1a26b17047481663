//! What comes from the server: accepted in order, handed to the application, acked once it was handled.
//!
//! Whatever reaches the application has a position, counted from 1 for as long as the page lives. A seq counts within
//! one session only, so what the application reports as handled is a position.

use alloc::vec;
use alloc::vec::Vec;

use super::super::mutation::{self, Mutation};

/// An ack is due after so many messages or UTF-8 bytes.
const ACK_MESSAGES: u64 = 256;
const ACK_BYTES: u64 = 256 << 10;

#[derive(Debug)]
pub(crate) struct Inbound {
    /// The highest seq that was accepted in this session.
    got: u64,
    /// The position of what was handed to the application last.
    delivered: u64,
    /// The position up to which the application has handled.
    handled: u64,
    /// Which seqs the positions stand for, oldest first.
    marks: Vec<Mark>,
    /// The highest ack that was written in this session.
    acked: u64,
    /// UTF-8 bytes accepted since.
    bytes: u64,
    /// Messages after which an ack is due: no more than a quarter of the window.
    ack_after: u64,
    /// A message came twice: its ack may have been lost.
    ack_again: bool,
}

/// The position stands for this seq, and the next ones for the next.
#[derive(Clone, Copy, Debug)]
struct Mark {
    position: u64,
    seq: u64,
}

/// What is to be done with messages that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Accepted {
    /// Deliver so many after leaving out so many; their positions begin here.
    Deliver {
        skip: u32,
        count: u32,
        position: u64,
    },
    /// All of them came before.
    Nothing,
    /// Something is missing before them.
    Hole,
}

impl Inbound {
    pub(crate) fn new(window: u32) -> Self {
        Self {
            got: 0,
            delivered: 0,
            handled: 0,
            marks: vec![Mark {
                position: 0,
                seq: 0,
            }],
            acked: 0,
            bytes: 0,
            ack_after: ACK_MESSAGES.min(u64::from(window / 4)).max(1),
            ack_again: false,
        }
    }

    pub(crate) fn got(&self) -> u64 {
        self.got
    }

    /// The position of what was handed to the application last.
    pub(crate) fn position(&self) -> u64 {
        self.delivered
    }

    /// The highest seq of this session up to which everything was handled.
    pub(crate) fn rx(&self) -> u64 {
        if mutation::is(Mutation::AckBeforeHandled) {
            return self.got;
        }
        let mut rx = 0;
        for mark in &self.marks {
            if mark.position > self.handled {
                return mark.seq.min(rx);
            }
            rx = mark.seq + (self.handled - mark.position);
        }
        self.got.min(rx)
    }

    /// A session goes on after `rx`, which an earlier page had stored. What this page was handed before does not count.
    pub(crate) fn restore(&mut self, rx: u64) {
        self.marks.clear();
        self.handled = self.delivered;
        self.mark(rx);
        self.acked = 0;
        self.bytes = 0;
    }

    /// A new session begins. If the application must know, the news takes a position of its own.
    pub(crate) fn begin(&mut self, told: bool) {
        self.marks.clear();
        self.delivered += u64::from(told);
        self.mark(0);
        self.acked = 0;
        self.bytes = 0;
    }

    /// A session goes on over a new socket: what was acked may not have arrived.
    pub(crate) fn resume(&mut self) {
        self.acked = self.acked.min(self.rx());
        self.ack_again = false;
    }

    pub(crate) fn accept(&mut self, first: u64, count: u32, bytes: u32) -> Accepted {
        let mut next = self.got + 1;
        if mutation::is(Mutation::NoClientDedupe) || mutation::is(Mutation::OverHole) {
            next = first;
            self.got = first - 1;
        }
        if first > next {
            return Accepted::Hole;
        }
        let skip = (next - first).min(u64::from(count)) as u32;
        self.ack_again |= skip > 0;
        if skip == count {
            return Accepted::Nothing;
        }
        let count = count - skip;
        let position = self.delivered + 1;
        self.got += u64::from(count);
        self.delivered += u64::from(count);
        self.bytes += u64::from(bytes);
        Accepted::Deliver {
            skip,
            count,
            position,
        }
    }

    /// Volatile messages have positions, and no seq.
    pub(crate) fn accept_volatile(&mut self, count: u32) -> u64 {
        let position = self.delivered + 1;
        self.delivered += u64::from(count);
        self.mark(self.got);
        position
    }

    /// The server dropped everything before `next`. Answers the seqs that are missed, if that is news.
    pub(crate) fn jump(&mut self, next: u64) -> Option<(u64, u64)> {
        let missed = (self.got + 1, next.checked_sub(1)?);
        if missed.0 > missed.1 {
            return None;
        }
        self.got = missed.1;
        self.delivered += 1;
        self.mark(self.got);
        Some(missed)
    }

    /// The application has handled everything up to this position.
    pub(crate) fn handled(&mut self, position: u64) {
        self.handled = self.handled.max(position.min(self.delivered));
        let begun = |mark: &&Mark| mark.position <= self.handled;
        let passed = self.marks.iter().skip(1).take_while(begun).count();
        self.marks.drain(..passed);
    }

    /// Whether enough was handled to ack it at once.
    pub(crate) fn ack_is_due(&self) -> bool {
        let unacked = self.rx().saturating_sub(self.acked);
        self.ack_again || unacked >= self.ack_after || (unacked > 0 && self.bytes >= ACK_BYTES)
    }

    /// Whether something was handled that is not acked.
    pub(crate) fn ack_waits(&self) -> bool {
        self.rx() > self.acked
    }

    /// What to ack now, with whatever goes out.
    pub(crate) fn take_ack(&mut self) -> u64 {
        let rx = self.rx();
        self.acked = rx;
        self.ack_again = false;
        if rx == self.got {
            self.bytes = 0;
        }
        rx
    }

    /// From here on, positions stand for the seqs after this one.
    fn mark(&mut self, seq: u64) {
        self.got = seq;
        let mark = Mark {
            position: self.delivered,
            seq,
        };
        let others = self.marks.len() > 1;
        match self.marks.last_mut() {
            // Volatile messages in a row need one mark, behind the last of them.
            Some(last) if last.position == mark.position || (others && last.seq == seq) => {
                *last = mark
            }
            _ => self.marks.push(mark),
        }
    }
}
