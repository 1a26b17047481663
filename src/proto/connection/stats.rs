//! Numbers to look at.

use super::super::time::Instant;
use super::Connection;

#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) sent: u64,
    pub(super) received: u64,
    pub(super) bytes_sent: u64,
    pub(super) bytes_received: u64,
    pub(super) opened: u64,
    pub(super) rejected: u64,
    pub(super) latency_ms: Option<u64>,
}

/// Numbers to look at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Messages written.
    pub sent: u64,
    /// Application messages received.
    pub received: u64,
    /// UTF-8 bytes of messages written.
    pub bytes_sent: u64,
    /// UTF-8 bytes of all frames received.
    pub bytes_received: u64,
    /// How often a socket opened.
    pub opened: u64,
    /// Messages that were rejected after `send` had taken them.
    pub rejected: u64,
    /// Messages in the outbox.
    pub queued: u64,
    /// UTF-8 bytes in the outbox.
    pub queued_bytes: u64,
    /// Messages of this session up to which the application has handled everything.
    pub position: u64,
    /// Messages of reliable mode that were written and not acked.
    pub unacked: u64,
    /// Bytes in the browser's send buffer, as far as known.
    pub buffered: u64,
    /// Which attempt in a row this is, from 1; 0 while open, idle or closed.
    pub attempt: u32,
    /// Milliseconds until the next attempt, if one waits.
    pub retry_in_ms: Option<u64>,
    /// The last round trip of a ping.
    pub latency_ms: Option<u64>,
}

impl<P: Clone> Connection<P> {
    /// Numbers to look at.
    pub fn stats(&self, now: Instant) -> Stats {
        let counts = &self.counts;
        let change = self.status_change();
        Stats {
            sent: counts.sent,
            received: counts.received,
            bytes_sent: counts.bytes_sent,
            bytes_received: counts.bytes_received,
            opened: counts.opened,
            rejected: counts.rejected,
            queued: self.outbox.len() as u64,
            position: self
                .reliable
                .as_ref()
                .map_or(0, |reliable| reliable.inbound.rx()),
            unacked: self
                .reliable
                .as_ref()
                .map_or(0, |reliable| reliable.window.len() as u64),
            queued_bytes: self.outbox.bytes(),
            buffered: self.buffered,
            attempt: change.attempt,
            retry_in_ms: change.retry_at.map(|at| at.since(now)),
            latency_ms: counts.latency_ms,
        }
    }
}
