//! The window's way out: messages get their seqs, are stored, and go to the socket in batches.

use alloc::vec::Vec;

use super::super::frames::{BATCH_BYTES, BATCH_MESSAGES};
use super::super::ids::{MessageId, MessageKind};
use super::super::io::{Batch, Event, Output, Transmit};
use super::super::mutation::{self, Mutation};
use super::super::reliable::{Body, Receipt, Slot, Store, Stored, Suspect};
use super::super::state::State;
use super::super::time::Instant;
use super::super::timer::Timer;
use super::Connection;
use crate::error::ErrorCode;

/// What `seq`, `ack` and `id` add to a message, in UTF-8 bytes, at most.
const TAIL_BYTES: u32 = 64;
/// A server that acks nothing for so long is worth a warning.
const STALLED_MS: u64 = 30_000;

impl<P: Clone> Connection<P> {
    pub(super) fn flush_window(&mut self, now: Instant) {
        let State::Ready { socket, .. } = self.state else {
            return;
        };
        self.reject_overdue(now);
        loop {
            let mut written = Vec::new();
            let messages = self.next_batch(now, &mut written);
            if messages.is_empty() {
                break;
            }
            let ack = self.take_ack();
            self.store_head();
            let batch = Transmit::Batch(Batch { messages, ack });
            self.output(Output::Transmit(socket, batch));
            for id in written {
                self.event(Event::Sent(id));
            }
        }
        self.arm_stalled(now);
    }

    /// As many messages as one frame takes, and may be written now.
    fn next_batch(&mut self, now: Instant, written: &mut Vec<MessageId>) -> Vec<(u64, Body<P>)> {
        let mut messages = Vec::new();
        let mut total = 0;
        while messages.len() < BATCH_MESSAGES {
            let Some(bytes) = self.next_bytes() else {
                break;
            };
            let with_tail = bytes.saturating_add(TAIL_BYTES);
            let is_full = !messages.is_empty() && total + with_tail > BATCH_BYTES;
            if is_full || !self.may_write(now, bytes) {
                break;
            }
            let Some((seq, body, id)) = self.take_next() else {
                break;
            };
            total = total.saturating_add(with_tail);
            self.buffered += u64::from(bytes);
            self.counts.sent += 1;
            self.counts.bytes_sent += u64::from(bytes);
            if let Some(id) = id {
                self.requests.written(id, seq);
                written.push(id);
            }
            messages.push((seq, body));
        }
        messages
    }

    /// The size of the message that comes next, if the server has room for it.
    fn next_bytes(&mut self) -> Option<u32> {
        self.reject_too_large();
        let reliable = self.reliable.as_ref()?;
        if reliable.waits_alone() {
            return None;
        }
        let replayed = reliable.window.next_bytes();
        let bytes = replayed.or_else(|| self.outbox.front().map(|entry| entry.bytes))?;
        reliable.window.has_room(bytes).then_some(bytes)
    }

    /// What the server does not take at all must not get a seq.
    fn reject_too_large(&mut self) {
        while let Some(bytes) = self.outbox.front().map(|entry| entry.bytes)
            && self.is_too_large(bytes)
        {
            if let Some(entry) = self.outbox.pop_front() {
                self.reject(entry, ErrorCode::MessageTooLarge);
            }
        }
    }

    /// Whether the server would close because of it.
    pub(super) fn is_too_large(&self, bytes: u32) -> bool {
        let reliable = self.reliable.as_ref();
        reliable.is_some_and(|reliable| bytes.saturating_add(TAIL_BYTES) > reliable.max_frame)
    }

    fn take_next(&mut self) -> Option<(u64, Body<P>, Option<MessageId>)> {
        let reliable = self.reliable.as_mut()?;
        if reliable.window.next_bytes().is_none() {
            self.admit_front();
        }
        let reliable = self.reliable.as_mut()?;
        let (seq, body, id) = reliable.window.write();
        if reliable.suspect == Suspect::Some {
            reliable.suspect = Suspect::Alone(seq);
        }
        Some((seq, body, id))
    }

    /// The oldest queued message gets its seq, and is stored with it before anything is written.
    fn admit_front(&mut self) {
        let (Some(reliable), Some(entry)) = (&mut self.reliable, self.outbox.pop_front()) else {
            return;
        };
        let body = match entry.kind {
            MessageKind::Message => Body::Message(entry.payload.clone()),
            MessageKind::Request => Body::Request(entry.payload.clone()),
        };
        let seq = reliable
            .window
            .admit(entry.id, body, entry.bytes, entry.receipt);
        if entry.receipt == Receipt::Settled {
            reliable.uncertain_to = seq;
        }
        let stored = Stored {
            slot: Slot::Seq(seq),
            kind: entry.kind,
            payload: entry.payload,
            bytes: entry.bytes,
        };
        if !mutation::is(Mutation::NotStored) {
            self.store(Store::Keep(stored));
        }
        if let Some(place) = entry.stored {
            self.store(Store::Forget(Slot::Queued(place)));
        }
    }

    /// Other frames may keep both sides from asking, so ask: the ping tells what was written, and a hole shows.
    pub(super) fn stalled(&mut self, now: Instant) {
        self.event(Event::Warning(ErrorCode::Stalled, None));
        self.send_beat("$ping", now.as_millis());
        self.arm_stalled(now);
    }

    pub(super) fn arm_stalled(&mut self, now: Instant) {
        let waits = self
            .reliable
            .as_ref()
            .is_some_and(|reliable| !reliable.window.is_acked());
        if !waits {
            self.timers.cancel(Timer::Stalled);
        } else if !self.timers.is_set(Timer::Stalled) {
            self.timers.set(Timer::Stalled, Some(now.after(STALLED_MS)));
        }
    }
}
