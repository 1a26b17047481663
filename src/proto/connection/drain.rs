//! Leaving a server that is about to end: at a random moment, and with everything acked.

use super::super::auth::TokenReason;
use super::super::state::{State, Writable};
use super::super::time::Instant;
use super::super::timer::Timer;
use super::Connection;
use crate::error::ErrorCode;

/// How long a client that was asked to leave waits for acks.
const LEAVE_MS: u64 = 5_000;
/// No server may keep clients away, or ask them to leave, for longer: 5 minutes.
const DRAIN_MS: u64 = 300_000;

impl<P: Clone> Connection<P> {
    /// The server wants to be left: not at once, or all clients would come back at once.
    pub(super) fn handle_drain(&mut self, now: Instant, after_ms: u64, spread_ms: u64) {
        let spread = self.retry.spread(spread_ms.min(DRAIN_MS));
        self.timers.set(
            Timer::Drain,
            Some(now.after(after_ms.min(DRAIN_MS) + spread)),
        );
    }

    /// It is time to leave: write no more, wait for acks for a while.
    pub(super) fn drain_due(&mut self, now: Instant) {
        let State::Ready { writable, .. } = &mut self.state else {
            return;
        };
        if *writable == Writable::Leaving {
            return self.leave(now);
        }
        *writable = Writable::Leaving;
        self.timers.set(Timer::Drain, Some(now.after(LEAVE_MS)));
        self.leave_when_acked(now);
    }

    pub(super) fn leave_when_acked(&mut self, now: Instant) {
        let leaving = matches!(
            self.state,
            State::Ready {
                writable: Writable::Leaving,
                ..
            }
        );
        let is_acked = self
            .reliable
            .as_ref()
            .is_none_or(|reliable| reliable.window.is_acked());
        if leaving && is_acked {
            self.leave(now);
        }
    }

    fn leave(&mut self, now: Instant) {
        self.write_ack();
        self.abandon_with(4100, "drained", ErrorCode::Disconnected);
        self.token_reason = TokenReason::Connect;
        self.attempt_when_permitted(now);
    }
}
