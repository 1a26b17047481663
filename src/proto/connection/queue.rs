//! The queue: from `send` to the socket, bounded, in order, paced.

use core::fmt;

use super::super::ids::{MessageId, MessageKind};
use super::super::io::{Event, Output, Transmit};
use super::super::mutation::{self, Mutation};
use super::super::outbox::Entry;
use super::super::reliable::{Held, Receipt, Slot, Store};
use super::super::state::{State, Writable};
use super::super::time::Instant;
use super::super::timer::Timer;
use super::Connection;
use crate::config::ConfigOption;
use crate::error::ErrorCode;

/// A message to send: a finished frame that the engine never looks into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing<P> {
    /// The frame.
    pub payload: P,
    /// Its size in UTF-8 bytes.
    pub bytes: u32,
    /// Rejected if it waited for so many milliseconds; `None` takes the configured time to live.
    pub ttl_ms: Option<u64>,
    /// Whether it asks for an answer.
    pub answer: Answer,
}

/// Whether a message asks for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It does not.
    No,
    /// It is a request. Its frame carries [`Connection::next_id`]; it waits for so many milliseconds, or the configured time.
    Within(Option<u64>),
}

impl<P> Outgoing<P> {
    /// A message.
    pub fn message(payload: P, bytes: u32) -> Self {
        Self {
            payload,
            bytes,
            ttl_ms: None,
            answer: Answer::No,
        }
    }

    /// A request that waits for its answer for the configured time.
    pub fn request(payload: P, bytes: u32) -> Self {
        Self {
            answer: Answer::Within(None),
            ..Self::message(payload, bytes)
        }
    }
}

/// A message that was not taken, handed back.
#[derive(Clone, PartialEq, Eq)]
pub struct SendError<P> {
    /// Why.
    pub code: ErrorCode,
    /// What was to be sent.
    pub payload: P,
}

impl<P> fmt::Debug for SendError<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendError")
            .field("code", &self.code)
            .finish_non_exhaustive()
    }
}

impl<P> fmt::Display for SendError<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.code.fmt(f)
    }
}

impl<P> core::error::Error for SendError<P> {}

impl<P: Clone> Connection<P> {
    /// Takes a message: written at once if the connection, the order, the rate and the send buffer permit, else queued.
    ///
    /// A message that was taken gets one outcome: [`Event::Sent`], [`Event::Rejected`], and for a request
    /// [`Event::Answered`] or [`Event::Uncertain`].
    pub fn send(&mut self, now: Instant, message: Outgoing<P>) -> Result<MessageId, SendError<P>> {
        let refused = |code, payload| Err(SendError { code, payload });
        if matches!(self.state, State::Closed(ErrorCode::Closed)) {
            return refused(ErrorCode::Closed, message.payload);
        }
        let deadline = match message.answer {
            Answer::No => None,
            Answer::Within(_) if self.requests.is_full() => {
                return refused(ErrorCode::TooManyRequests, message.payload);
            }
            Answer::Within(timeout_ms) => {
                Some(now.after(timeout_ms.unwrap_or_else(|| self.request_timeout_ms())))
            }
        };
        let ttl_ms = message
            .ttl_ms
            .or_else(|| self.config.maybe(ConfigOption::OutboxTtl).map(u64::from));
        let kind = match message.answer {
            Answer::No => MessageKind::Message,
            Answer::Within(_) => MessageKind::Request,
        };
        if let Some(code) = self.outbox.refusal(message.bytes) {
            return refused(code, message.payload);
        }
        let id = self.next_id();
        let gave_way = self.outbox.push(Entry {
            id,
            payload: message.payload,
            bytes: message.bytes,
            expires: ttl_ms.map(|ttl| now.after(ttl)),
            kind,
            receipt: Receipt::Open,
            stored: None,
        });
        self.last_id = id;
        if let Some(deadline) = deadline {
            self.requests.add(id, deadline);
        }
        for entry in gave_way {
            self.reject(entry, ErrorCode::OutboxFull);
        }
        self.flush(now);
        self.store_queue();
        self.arm_requests();
        self.timers.set(Timer::Expiry, self.outbox.next_expiry());
        Ok(id)
    }

    /// Writes a message at once or not at all: it waits for nothing, and nobody confirms it.
    pub fn send_volatile(
        &mut self,
        now: Instant,
        payload: P,
        bytes: u32,
    ) -> Result<(), SendError<P>> {
        let code = ErrorCode::NotWritable;
        let State::Ready { socket, .. } = self.state else {
            return Err(SendError { code, payload });
        };
        if self.is_too_large(bytes) {
            let code = ErrorCode::MessageTooLarge;
            return Err(SendError { code, payload });
        }
        if !self.may_write(now, bytes) {
            return Err(SendError { code, payload });
        }
        self.buffered += u64::from(bytes);
        self.counts.sent += 1;
        self.counts.bytes_sent += u64::from(bytes);
        let frame = Transmit::Message(payload);
        self.output(Output::Transmit(socket, frame));
        Ok(())
    }

    /// Withdraws a message. A queued one is rejected, a written request is uncertain, anything else has settled already.
    pub fn withdraw(&mut self, id: MessageId) {
        if let Some(entry) = self.outbox.remove(id) {
            self.reject(entry, ErrorCode::Aborted);
        } else if self.requests.remove(id) {
            self.request_lost(id, ErrorCode::Aborted);
        } else if let Some(held) = self.held(id).filter(|held| held.is_open()) {
            held.receipt = Receipt::Withdrawn;
        }
        self.arm_requests();
        self.timers.set(Timer::Expiry, self.outbox.next_expiry());
    }

    pub(super) fn flush(&mut self, now: Instant) {
        match self.reliable {
            Some(_) => self.flush_window(now),
            None => self.flush_outbox(now),
        }
    }

    fn flush_outbox(&mut self, now: Instant) {
        let State::Ready { socket, .. } = self.state else {
            return;
        };
        self.reject_overdue(now);
        while let Some(bytes) = self.outbox.front().map(|entry| entry.bytes) {
            if !self.may_write(now, bytes) {
                return;
            }
            let Some(entry) = self.outbox.pop_front() else {
                return;
            };
            self.buffered += u64::from(entry.bytes);
            self.counts.sent += 1;
            self.counts.bytes_sent += u64::from(entry.bytes);
            self.last_written = Some(entry.id);
            self.requests.written(entry.id, entry.id.0);
            let frame = Transmit::Message(entry.payload);
            self.output(Output::Transmit(socket, frame));
            self.event(Event::Sent(entry.id));
        }
        self.timers.cancel(Timer::Flush);
    }

    pub(super) fn handle_buffered(&mut self, now: Instant, bytes: u32) {
        self.buffered = u64::from(bytes);
        if self.outbox.len() > 0 {
            self.flush(now);
        }
    }

    /// A timer may be late: what is overdue is not written before it fires.
    pub(super) fn reject_overdue(&mut self, now: Instant) {
        if self.timers.is_due(Timer::Expiry, now) {
            self.expire_messages(now);
        }
        if self.timers.is_due(Timer::Request, now) {
            self.expire_requests(now);
        }
    }

    pub(super) fn expire_messages(&mut self, now: Instant) {
        for entry in self.outbox.take_expired(now) {
            self.reject(entry, ErrorCode::Expired);
        }
        self.timers.set(Timer::Expiry, self.outbox.next_expiry());
        self.arm_requests();
    }

    pub(super) fn expire_requests(&mut self, now: Instant) {
        for id in self.requests.take_expired(now) {
            match self.outbox.remove(id) {
                Some(entry) => self.reject(entry, ErrorCode::RequestTimeout),
                None => self.request_lost(id, ErrorCode::RequestTimeout),
            }
        }
        self.arm_requests();
    }

    /// Answers to what was written with ids up to this one cannot come any more.
    pub(super) fn lose_requests(&mut self, up_to: u64) {
        for id in self.requests.take_written(up_to) {
            self.request_lost(id, ErrorCode::ConnectionLost);
        }
        self.arm_requests();
    }

    /// A request that was written settles without its answer.
    fn request_lost(&mut self, id: MessageId, code: ErrorCode) {
        self.settle_held(id);
        self.event(Event::Uncertain(id, code));
    }

    /// A message of the window has settled; it still has to reach the server.
    pub(super) fn settle_held(&mut self, id: MessageId) {
        if let Some(held) = self.held(id) {
            held.receipt = Receipt::Settled;
        }
    }

    pub(super) fn held(&mut self, id: MessageId) -> Option<&mut Held<P>> {
        self.reliable.as_mut()?.window.find_id(id)
    }

    pub(super) fn reject_all(&mut self, code: ErrorCode) {
        while let Some(entry) = self.outbox.pop_front() {
            self.reject(entry, code);
        }
        self.timers.cancel(Timer::Expiry);
        self.arm_requests();
    }

    pub(super) fn arm_requests(&mut self) {
        self.timers
            .set(Timer::Request, self.requests.next_deadline());
    }

    pub(super) fn reject(&mut self, entry: Entry<P>, code: ErrorCode) {
        if mutation::is(Mutation::SeqAtSend)
            && let Some(reliable) = &mut self.reliable
        {
            reliable.window.waste();
        }
        if let Some(place) = entry.stored {
            self.store(Store::Forget(Slot::Queued(place)));
        }
        if entry.receipt == Receipt::Open && entry.stored.is_some() && self.may_be_taken_over() {
            self.requests.remove(entry.id);
            self.event(Event::Uncertain(entry.id, ErrorCode::PageLost));
        } else if entry.receipt == Receipt::Open {
            self.rejected(entry.id, code, entry.payload);
        }
    }

    pub(super) fn rejected(&mut self, id: MessageId, code: ErrorCode, payload: P) {
        self.requests.remove(id);
        self.counts.rejected += 1;
        self.event(Event::Rejected(id, code, payload));
    }

    /// Whether the socket, its send buffer and the rate limit take `bytes` now; if not, when to ask again.
    pub(super) fn may_write(&mut self, now: Instant, bytes: u32) -> bool {
        match self.congestion() {
            Writable::Yes => {}
            Writable::Congested => {
                let poll = now.after(self.config.ms(ConfigOption::BackpressurePoll));
                self.timers.set(Timer::Backpressure, Some(poll));
                return false;
            }
            Writable::Leaving | Writable::Closing => return false,
        }
        let for_message = self
            .message_rate
            .as_mut()
            .map_or(0, |rate| rate.wait(now, 1));
        let for_bytes = self
            .byte_rate
            .as_mut()
            .map_or(0, |rate| rate.wait(now, bytes));
        let wait = for_message.max(for_bytes);
        if wait > 0 {
            self.timers.set(Timer::Flush, Some(now.after(wait)));
            return false;
        }
        for (rate, cost) in [(&mut self.message_rate, 1), (&mut self.byte_rate, bytes)] {
            // The wait was 0, so it is taken.
            let _ = rate.as_mut().map(|rate| rate.take(now, cost));
        }
        true
    }

    fn congestion(&mut self) -> Writable {
        let high = u64::from(self.config.number(ConfigOption::BackpressureHigh));
        let low = u64::from(self.config.number(ConfigOption::BackpressureLow));
        let State::Ready { writable, .. } = &mut self.state else {
            return Writable::Closing;
        };
        *writable = match *writable {
            Writable::Leaving => Writable::Leaving,
            Writable::Closing => Writable::Closing,
            Writable::Congested if self.buffered > low.min(high) => Writable::Congested,
            Writable::Congested => Writable::Yes,
            Writable::Yes if self.buffered >= high => Writable::Congested,
            Writable::Yes => Writable::Yes,
        };
        *writable
    }
}
