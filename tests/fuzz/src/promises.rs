//! What the client's half promises about its outputs, whatever comes in.

use std::collections::BTreeMap;

#[cfg(not(feature = "trace"))]
use everwire::proto::Connection;
use everwire::proto::frames::{BATCH_BYTES, BATCH_MESSAGES, NUMBER_MAX};
use everwire::proto::{
    Batch, Body, CloseFrame, Delivered, Event, Instant, MessageId, Output, SocketId, Transmit, wire,
};
#[cfg(feature = "trace")]
use everwire::trace::Traced as Connection;

/// What is carried: its size stands for it.
pub(crate) type Payload = u32;

/// Follows a connection and panics when it breaks a promise.
#[derive(Debug)]
pub(crate) struct Promises {
    is_reliable: bool,
    live: Option<SocketId>,
    /// The messages that have not settled, and whether each is a request.
    open: BTreeMap<MessageId, bool>,
    last_id: MessageId,
    /// The position of what the application got last.
    delivered: u64,
    /// Messages in the frame that was handed in last.
    frame: u32,
    /// The highest seq written on the live socket.
    written: u64,
    pub(crate) highest_written: u64,
    /// The bound of the outbox.
    most_queued: u64,
    /// What waited in it after the last step, and what was restored since, on top of whatever the bound is.
    queued: u64,
    restored: u64,
}

impl Promises {
    pub(crate) fn new(is_reliable: bool, most_queued: u64) -> Self {
        Self {
            is_reliable,
            live: None,
            open: BTreeMap::new(),
            last_id: MessageId::default(),
            delivered: 0,
            frame: 0,
            written: 0,
            highest_written: 0,
            most_queued,
            queued: 0,
            restored: 0,
        }
    }

    /// The socket that was opened and not closed, if there is one.
    pub(crate) fn live(&self) -> Option<SocketId> {
        self.live
    }

    pub(crate) fn delivered(&self) -> u64 {
        self.delivered
    }

    /// The world closed the socket.
    pub(crate) fn ended(&mut self, socket: SocketId) {
        if self.live == Some(socket) {
            self.live = None;
        }
    }

    /// A frame of so many messages is handed in.
    pub(crate) fn arrives(&mut self, messages: u32) {
        self.frame = messages;
    }

    /// A message was taken.
    pub(crate) fn taken(&mut self, id: MessageId, is_request: bool) {
        assert!(id > self.last_id, "{id:?} was given before");
        self.last_id = id;
        self.open.insert(id, is_request);
    }

    pub(crate) fn see(&mut self, output: &Output<Payload>) {
        match output {
            Output::Open { socket, .. } => {
                assert_eq!(self.live, None, "one socket at a time");
                self.live = Some(*socket);
                self.written = 0;
            }
            Output::Transmit(socket, frame) => {
                assert_eq!(
                    self.live,
                    Some(*socket),
                    "only the live socket is written to"
                );
                match frame {
                    Transmit::Batch(batch) => self.batch(batch),
                    Transmit::Control(text) => assert!(has_sound_numbers(text), "{text}"),
                    Transmit::Message(_) => {}
                }
            }
            Output::Close(socket, CloseFrame { code, reason }) => {
                assert_eq!(self.live, Some(*socket), "only the live socket is closed");
                assert!(*code == 1000 || (3000..=4999).contains(code), "{code}");
                assert!(reason.len() <= 123);
                self.live = None;
            }
            Output::Event(event) => self.event(event),
            Output::Store(_) | Output::FetchToken(..) => {}
        }
    }

    fn batch(&mut self, batch: &Batch<Payload>) {
        assert!((1..=BATCH_MESSAGES).contains(&batch.messages.len()));
        let mut bytes: u64 = 1;
        for (seq, body) in &batch.messages {
            assert!((1..=NUMBER_MAX).contains(seq), "{seq}");
            assert!(*seq > self.written, "{seq} is written again in place");
            self.written = *seq;
            let payload = match body {
                Body::Message(bytes) | Body::Request(bytes) => *bytes,
                Body::Skip => 0,
            };
            bytes += u64::from(payload) + wire::tail(body, *seq, batch.ack).len() as u64;
        }
        assert!(batch.ack.is_none_or(|ack| ack <= NUMBER_MAX), "{batch:?}");
        self.highest_written = self.highest_written.max(self.written);
        assert!(
            batch.messages.len() == 1 || bytes <= u64::from(BATCH_BYTES),
            "{bytes}"
        );
    }

    fn event(&mut self, event: &Event<Payload>) {
        match event {
            Event::Restored(id, _) => {
                self.restored += 1;
                self.taken(*id, false);
            }
            Event::Sent(id) => {
                let is_request = self.open.get(id).copied();
                if !self.is_reliable && is_request == Some(false) {
                    self.settle(*id);
                }
            }
            Event::Answered(id)
            | Event::Acked(id)
            | Event::Refused(id, ..)
            | Event::Rejected(id, ..)
            | Event::Uncertain(id, _) => self.settle(*id),
            Event::AnsweredBy(id, delivered) => {
                self.settle(*id);
                self.deliver(*delivered);
            }
            Event::Deliver(delivered) => self.deliver(*delivered),
            Event::Resync(resync) => {
                assert!(resync.missed.is_none_or(|(from, to)| from <= to));
                // News of another page's messages takes no position of its own.
                let own = [self.delivered, self.delivered + 1];
                assert!(own.contains(&resync.position), "{resync:?} after {own:?}");
                self.delivered = resync.position;
            }
            Event::Status(_)
            | Event::Message
            | Event::Latency(_)
            | Event::Disconnected(..)
            | Event::Warning(..) => {}
        }
    }

    fn settle(&mut self, id: MessageId) {
        assert!(self.open.remove(&id).is_some(), "{id:?} settles twice");
    }

    fn deliver(&mut self, delivered: Delivered) {
        assert!(delivered.count > 0);
        assert!(
            delivered.index + delivered.count <= self.frame,
            "{delivered:?} of {}",
            self.frame
        );
        assert_eq!(
            delivered.position,
            self.delivered + 1,
            "positions have no gaps"
        );
        self.delivered += u64::from(delivered.count);
    }

    /// What must hold between any two steps.
    pub(crate) fn check(&mut self, connection: &Connection<Payload>, now: Instant) {
        let stats = connection.stats(now);
        assert!(stats.unacked <= 1_024, "{} unacked", stats.unacked);
        let most = self.most_queued.max(self.queued + self.restored);
        assert!(stats.queued <= most, "{} queued, not {most}", stats.queued);
        self.queued = stats.queued;
        self.restored = 0;
    }
}

/// Whether all numbers in the fields of the protocol's own messages are such that JavaScript counts them exactly.
fn has_sound_numbers(text: &str) -> bool {
    text.split("\":").skip(1).all(|value| {
        let end = value.find(|character: char| !character.is_ascii_digit());
        let digits = value.get(..end.unwrap_or_default()).unwrap_or_default();
        digits.is_empty() || digits.parse().is_ok_and(|number: u64| number <= NUMBER_MAX)
    })
}
