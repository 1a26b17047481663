//! What a session holds for its client: messages that are not acked, and marks where some were dropped.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::super::frames::{BATCH_BYTES, BATCH_MESSAGES, Lost};
use super::super::mutation::{self, Mutation};
use super::config::{ENVELOPE_BYTES, Intake};

/// Messages in the order of their seqs, from the first that is not acked.
#[derive(Debug)]
pub(super) struct Ring<P> {
    entries: VecDeque<Entry<P>>,
    bytes: u64,
    /// The last seq given.
    last: u64,
    /// The last seq that was ever written.
    written: u64,
    acked: u64,
    /// How many entries were written on the present socket, and their bytes.
    in_flight: usize,
    in_flight_bytes: u64,
    /// The most entries, as it was said last.
    most: usize,
}

#[derive(Debug)]
struct Entry<P> {
    /// Its seq; of those that were lost, the last.
    seq: u64,
    content: Content<P>,
}

#[derive(Debug)]
enum Content<P> {
    Message { payload: P, bytes: u32 },
    Lost(Lost),
}

/// An entry to be written.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Due<P> {
    Message { seq: u64, payload: P },
    Lost { next: u64, reason: Lost },
}

/// How much a ring may hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    pub(super) messages: usize,
    pub(super) bytes: u64,
}

impl<P> Default for Ring<P> {
    fn default() -> Self {
        Self {
            entries: VecDeque::new(),
            bytes: 0,
            last: 0,
            written: 0,
            acked: 0,
            in_flight: 0,
            in_flight_bytes: 0,
            most: 1,
        }
    }
}

impl<P: Clone> Ring<P> {
    /// Appends a message. Without room, it is dropped with all that was not written yet, and a mark says so.
    pub(super) fn append(&mut self, payload: P, bytes: u32, room: Room) {
        if mutation::is(Mutation::SilentDrop) && self.is_full(bytes, room) {
            return;
        }
        self.last += 1;
        self.most = room.messages.max(1);
        if self.is_full(bytes, room) {
            self.drop_unwritten();
            return;
        }
        self.bytes += u64::from(bytes);
        self.entries.push_back(Entry {
            seq: self.last,
            content: Content::Message { payload, bytes },
        });
    }

    /// What is acked is held no more. `false` if the ack is above what was written.
    pub(super) fn ack(&mut self, ack: u64) {
        while self.entries.front().is_some_and(|entry| entry.seq <= ack) {
            let Some(entry) = self.entries.pop_front() else {
                break;
            };
            self.bytes -= entry.bytes();
            if self.in_flight > 0 {
                self.in_flight -= 1;
                self.in_flight_bytes -= entry.bytes();
            }
        }
        self.acked = self.acked.max(ack);
    }

    /// Begins again on a new socket behind `rx`; `false` if the ring does not hold what comes next.
    pub(super) fn resume(&mut self, rx: u64) -> bool {
        if rx < self.acked || rx > self.written {
            return false;
        }
        self.ack(rx);
        self.merge_marks();
        self.in_flight = 0;
        self.in_flight_bytes = 0;
        if mutation::is(Mutation::NoReplayServer) {
            let was_written = |entry: &&Entry<P>| entry.seq <= self.written;
            self.in_flight = self.entries.iter().filter(was_written).count();
        }
        true
    }

    /// Of marks in a row the last says all: written one after the other, they would wait for each other's acks.
    fn merge_marks(&mut self) {
        for entry in core::mem::take(&mut self.entries) {
            if entry.is_lost() && self.entries.back().is_some_and(Entry::is_lost) {
                self.entries.pop_back();
            }
            self.entries.push_back(entry);
        }
    }

    /// The next frame, as far as the client has room; empty if there is nothing to write now.
    pub(super) fn next_batch(&mut self, intake: Intake) -> Vec<Due<P>> {
        let mut batch = Vec::new();
        let mut batch_bytes = 0;
        while batch.len() < BATCH_MESSAGES {
            let Some(entry) = self.entries.get_mut(self.in_flight) else {
                break;
            };
            self.bytes -= entry.lose_if_larger(intake.max_frame);
            let bytes = entry.bytes();
            let framed = bytes + u64::from(ENVELOPE_BYTES);
            // Marks wait for room too, or they alone would fill the ring.
            if entry.is_lost() && self.in_flight >= self.most {
                break;
            }
            if !batch.is_empty() && batch_bytes + framed > u64::from(BATCH_BYTES) {
                break;
            }
            if !has_window(self.in_flight, self.in_flight_bytes + bytes, intake) {
                break;
            }
            batch_bytes += framed;
            self.in_flight += 1;
            self.in_flight_bytes += bytes;
            self.written = self.written.max(entry.seq);
            batch.push(entry.due());
        }
        batch
    }

    fn is_full(&self, bytes: u32, room: Room) -> bool {
        if mutation::is(Mutation::UnboundedRing) {
            return false;
        }
        self.entries.len() >= room.messages
            || (!self.entries.is_empty() && self.bytes + u64::from(bytes) > room.bytes)
    }

    fn drop_unwritten(&mut self) {
        while self
            .entries
            .back()
            .is_some_and(|entry| entry.seq > self.written)
        {
            let dropped = self.entries.pop_back();
            self.bytes -= dropped.map_or(0, |entry| entry.bytes());
        }
        self.entries.push_back(Entry {
            seq: self.last,
            content: Content::Lost(Lost::Slow),
        });
    }
}

impl<P> Ring<P> {
    /// The last seq that was ever written: no ack may be above.
    pub(super) fn written(&self) -> u64 {
        self.written
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}

/// A message larger than the whole window goes alone.
fn has_window(in_flight: usize, bytes: u64, intake: Intake) -> bool {
    let fits = bytes <= u64::from(intake.window_bytes);
    in_flight < intake.window as usize && (in_flight == 0 || fits)
}

impl<P> Entry<P> {
    fn bytes(&self) -> u64 {
        match &self.content {
            Content::Message { bytes, .. } => u64::from(*bytes),
            Content::Lost(_) => 0,
        }
    }

    fn is_lost(&self) -> bool {
        matches!(self.content, Content::Lost(_))
    }

    /// Gives way to a mark if the client does not take it, and says how many bytes that frees.
    fn lose_if_larger(&mut self, max_frame: u32) -> u64 {
        let bytes = self.bytes();
        if bytes + u64::from(ENVELOPE_BYTES) <= u64::from(max_frame) {
            return 0;
        }
        self.content = Content::Lost(Lost::TooLarge);
        bytes
    }
}

impl<P: Clone> Entry<P> {
    fn due(&self) -> Due<P> {
        match &self.content {
            Content::Message { payload, .. } => Due::Message {
                seq: self.seq,
                payload: payload.clone(),
            },
            Content::Lost(reason) => Due::Lost {
                next: self.seq + 1,
                reason: *reason,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: Room = Room {
        messages: 4,
        bytes: 1_000,
    };
    const INTAKE: Intake = Intake {
        max_frame: 500,
        window: 3,
        window_bytes: 400,
    };

    fn filled(count: u32) -> Ring<u32> {
        let mut ring = Ring::default();
        for payload in 1..=count {
            ring.append(payload, 10, ROOM);
        }
        ring
    }

    fn message(seq: u64) -> Due<u32> {
        Due::Message {
            seq,
            payload: seq as u32,
        }
    }

    #[test]
    fn a_mark_waits_for_room_so_that_marks_alone_never_fill_the_ring() {
        let intake = Intake {
            window: 64,
            ..INTAKE
        };
        let mut ring = filled(4);
        assert_eq!(ring.next_batch(intake).len(), 4);
        for payload in 5..=9 {
            ring.append(payload, 10, ROOM);
            assert_eq!(ring.next_batch(intake), []);
        }
        assert_eq!(ring.len(), 5);
        ring.ack(1);
        let next = 10;
        let reason = Lost::Slow;
        assert_eq!(ring.next_batch(intake), [Due::Lost { next, reason }]);
    }

    #[test]
    fn the_window_holds_back_and_an_ack_lets_on() {
        let mut ring = filled(4);
        assert_eq!(
            ring.next_batch(INTAKE),
            [message(1), message(2), message(3)]
        );
        assert_eq!(ring.next_batch(INTAKE), []);
        ring.ack(2);
        assert_eq!(ring.next_batch(INTAKE), [message(4)]);
        assert_eq!((ring.len(), ring.bytes(), ring.written()), (2, 20, 4));
    }

    #[test]
    fn an_overflow_keeps_what_was_written_and_marks_the_rest() {
        let mut ring = filled(4);
        ring.next_batch(INTAKE);
        for payload in 5..=7 {
            ring.append(payload, 10, ROOM);
        }
        ring.ack(2);
        ring.append(8, 10, ROOM);
        let lost = Due::Lost {
            next: 8,
            reason: Lost::Slow,
        };
        assert_eq!(ring.next_batch(INTAKE), [lost, message(8)]);
        assert!(ring.resume(3), "what was written can be written again");
        let lost = Due::Lost {
            next: 8,
            reason: Lost::Slow,
        };
        assert_eq!(ring.next_batch(INTAKE), [lost, message(8)]);
    }

    #[test]
    fn a_mark_stays_until_what_it_stands_for_is_acked() {
        let mut ring = filled(5);
        let lost = || Due::Lost {
            next: 6,
            reason: Lost::Slow,
        };
        assert_eq!(ring.next_batch(INTAKE), [lost()]);
        assert!(ring.resume(0));
        assert_eq!(ring.next_batch(INTAKE), [lost()]);
        ring.ack(5);
        assert_eq!(ring.len(), 0);
    }

    #[test]
    fn what_the_client_does_not_take_gives_way_to_a_mark() {
        let mut ring = Ring::default();
        ring.append(1, 10, ROOM);
        ring.append(2, 500, ROOM);
        ring.append(3, 10, ROOM);
        let lost = Due::Lost {
            next: 3,
            reason: Lost::TooLarge,
        };
        assert_eq!(ring.next_batch(INTAKE), [message(1), lost, message(3)]);
        assert_eq!(ring.bytes(), 20);
    }

    #[test]
    fn a_message_larger_than_window_or_ring_goes_alone() {
        let mut ring = Ring::default();
        let wide = Intake {
            max_frame: 5_000,
            ..INTAKE
        };
        ring.append(1, 2_000, ROOM);
        assert_eq!(ring.next_batch(wide), [message(1)]);
        ring.append(2, 2_000, ROOM);
        ring.ack(1);
        let lost = Due::Lost {
            next: 3,
            reason: Lost::Slow,
        };
        assert_eq!(
            ring.next_batch(wide),
            [lost],
            "there was no room while the first was held"
        );
    }

    #[test]
    fn a_resume_below_the_ring_or_above_what_was_written_is_refused() {
        let mut ring = filled(4);
        ring.next_batch(INTAKE);
        ring.ack(2);
        assert!(!ring.resume(1) && !ring.resume(4));
        assert!(ring.resume(2) && ring.resume(3));
    }

    #[test]
    fn a_batch_is_bounded_in_messages_and_bytes() {
        let wide = Intake {
            max_frame: 1 << 20,
            window: 1_024,
            window_bytes: 1 << 20,
        };
        let room = Room {
            messages: 1_000,
            bytes: 1 << 20,
        };
        let mut ring = Ring::default();
        for payload in 1..=300_u32 {
            ring.append(payload, 10, room);
        }
        assert_eq!(ring.next_batch(wide).len(), 256);
        assert_eq!(ring.next_batch(wide).len(), 44);
        for payload in 1..=3_u32 {
            ring.append(payload, 30_000, room);
        }
        assert_eq!(ring.next_batch(wide).len(), 2);
        assert_eq!(ring.next_batch(wide).len(), 1);
    }
}
