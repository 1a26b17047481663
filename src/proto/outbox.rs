//! The outbox: messages that are not written yet, bounded in count and bytes, in the order of `send`.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::ids::{MessageId, MessageKind};
use super::reliable::Receipt;
use super::time::Instant;
use crate::config::{ConfigOption, Overflow, Settings};
use crate::error::ErrorCode;

#[derive(Debug)]
pub(crate) struct Outbox<P> {
    /// The most messages, and the most bytes.
    most: usize,
    most_bytes: u32,
    overflow: Overflow,
    entries: VecDeque<Entry<P>>,
    bytes: u64,
    /// No entry expires before this; it may be too early after an entry left.
    next_expiry: Option<Instant>,
}

#[derive(Debug)]
pub(crate) struct Entry<P> {
    pub(crate) id: MessageId,
    pub(crate) payload: P,
    pub(crate) bytes: u32,
    pub(crate) expires: Option<Instant>,
    pub(crate) kind: MessageKind,
    pub(crate) receipt: Receipt,
    /// Its place in the storage, if a reload of the page does not lose it.
    pub(crate) stored: Option<u64>,
}

/// Which entries are to leave.
#[derive(Clone, Copy)]
enum Which {
    Is(MessageId),
    ExpiredAt(Instant),
    Stored,
}

impl Which {
    fn takes<P>(self, entry: &Entry<P>) -> bool {
        match self {
            Self::Is(id) => entry.id == id,
            Self::ExpiredAt(now) => entry.expires.is_some_and(|at| at <= now),
            Self::Stored => entry.stored.is_some(),
        }
    }
}

impl<P> Outbox<P> {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            most: settings.number(ConfigOption::OutboxMessages) as usize,
            most_bytes: settings.number(ConfigOption::OutboxBytes),
            overflow: settings.overflow,
            entries: VecDeque::new(),
            bytes: 0,
            next_expiry: None,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(crate) fn front(&self) -> Option<&Entry<P>> {
        self.entries.front()
    }

    pub(crate) fn next_expiry(&self) -> Option<Instant> {
        self.next_expiry
    }

    /// Why a message of so many bytes cannot be taken, if it cannot.
    pub(crate) fn refusal(&self, bytes: u32) -> Option<ErrorCode> {
        if bytes > self.most_bytes {
            return Some(ErrorCode::MessageTooLarge);
        }
        let is_full = self.overflow == Overflow::Reject && !self.has_room(bytes);
        is_full.then_some(ErrorCode::OutboxFull)
    }

    /// Takes an entry that is not refused. Answers those that gave way, perhaps this one itself.
    pub(crate) fn push(&mut self, entry: Entry<P>) -> Vec<Entry<P>> {
        let mut gave_way = Vec::new();
        while !self.has_room(entry.bytes) {
            let oldest = match self.overflow {
                Overflow::DropOldest => self.pop_front(),
                Overflow::DropNewest | Overflow::Reject => None,
            };
            let Some(oldest) = oldest else {
                gave_way.push(entry);
                return gave_way;
            };
            gave_way.push(oldest);
        }
        if let Some(at) = entry.expires {
            self.next_expiry = Some(self.next_expiry.map_or(at, |next| next.min(at)));
        }
        self.bytes += u64::from(entry.bytes);
        self.entries.push_back(entry);
        gave_way
    }

    /// Puts what an earlier page had queued before everything else, whatever the limits are: it comes on top of them, and
    /// nothing else is taken before there is room again.
    pub(crate) fn restore(&mut self, mut entries: Vec<Entry<P>>) {
        while let Some(entry) = entries.pop() {
            self.bytes += u64::from(entry.bytes);
            self.entries.push_front(entry);
        }
    }

    pub(crate) fn entries(&mut self) -> impl Iterator<Item = &mut Entry<P>> {
        self.entries.iter_mut()
    }

    /// Takes the entries that are in storage.
    pub(crate) fn take_stored(&mut self) -> Vec<Entry<P>> {
        self.take(Which::Stored)
    }

    pub(crate) fn pop_front(&mut self) -> Option<Entry<P>> {
        let entry = self.entries.pop_front()?;
        self.left(&entry);
        Some(entry)
    }

    pub(crate) fn remove(&mut self, id: MessageId) -> Option<Entry<P>> {
        self.take(Which::Is(id)).pop()
    }

    /// Takes the entries whose time to live has ended.
    pub(crate) fn take_expired(&mut self, now: Instant) -> Vec<Entry<P>> {
        let expired = self.take(Which::ExpiredAt(now));
        self.next_expiry = self.entries.iter().filter_map(|entry| entry.expires).min();
        expired
    }

    fn take(&mut self, which: Which) -> Vec<Entry<P>> {
        let mut taken = Vec::new();
        // Each entry is looked at once and goes back to the end, so that their order stays.
        for _ in 0..self.entries.len() {
            match self.entries.pop_front() {
                Some(entry) if which.takes(&entry) => taken.push(entry),
                Some(entry) => self.entries.push_back(entry),
                None => break,
            }
        }
        for entry in &taken {
            self.left(entry);
        }
        taken
    }

    fn has_room(&self, bytes: u32) -> bool {
        self.entries.len() < self.most
            && self.bytes + u64::from(bytes) <= u64::from(self.most_bytes)
    }

    fn left(&mut self, entry: &Entry<P>) {
        self.bytes = self.bytes.saturating_sub(u64::from(entry.bytes));
        if self.entries.is_empty() {
            self.next_expiry = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MESSAGES: u32 = 5;
    const BYTES: u32 = 2_000;

    fn outbox(overflow: Overflow) -> Outbox<u64> {
        let mut settings = Settings::new(String::new());
        settings.overflow = overflow;
        settings.set(ConfigOption::OutboxMessages, MESSAGES);
        settings.set(ConfigOption::OutboxBytes, BYTES);
        Outbox::new(&settings)
    }

    fn entry(id: u64, bytes: u32) -> Entry<u64> {
        Entry {
            id: MessageId(id),
            payload: id,
            bytes,
            expires: None,
            kind: MessageKind::Message,
            receipt: Receipt::Open,
            stored: None,
        }
    }

    fn filled(overflow: Overflow) -> Outbox<u64> {
        let mut outbox = outbox(overflow);
        for id in 1..=5 {
            assert_eq!(outbox.refusal(400), None);
            assert!(outbox.push(entry(id, 400)).is_empty());
        }
        outbox
    }

    fn payloads(entries: &[Entry<u64>]) -> Vec<u64> {
        entries.iter().map(|entry| entry.payload).collect()
    }

    #[test]
    fn a_full_outbox_follows_its_policy() {
        let refusal = filled(Overflow::Reject).refusal(1);
        assert_eq!(refusal, Some(ErrorCode::OutboxFull));

        let mut drops_newest = filled(Overflow::DropNewest);
        assert_eq!(drops_newest.refusal(1), None);
        assert_eq!(payloads(&drops_newest.push(entry(6, 1))), [6]);
        assert_eq!(drops_newest.len(), 5);

        let mut drops_oldest = filled(Overflow::DropOldest);
        assert_eq!(drops_oldest.refusal(801), None);
        assert_eq!(payloads(&drops_oldest.push(entry(6, 801))), [1, 2, 3]);
    }

    #[test]
    fn a_message_larger_than_the_outbox_is_refused_whatever_gives_way() {
        let outbox = filled(Overflow::DropOldest);
        assert_eq!(outbox.refusal(2_001), Some(ErrorCode::MessageTooLarge));
        assert_eq!(outbox.refusal(2_000), None);
    }

    proptest! {
        #[test]
        fn it_stays_in_bounds_in_order_and_loses_nothing(
            overflow in prop::sample::select(vec![Overflow::Reject, Overflow::DropOldest, Overflow::DropNewest]),
            steps in prop::collection::vec((0_u8..4, 1_u32..900, 0_u64..50), 1..200),
        ) {
            let mut outbox = outbox(overflow);
            let (mut now, mut given, mut out) = (Instant::from_millis(0), 0_u64, Vec::new());
            let mut popped = Vec::new();
            for (step, number, pause) in steps {
                now = now.after(pause);
                match step {
                    0 => popped.extend(outbox.pop_front().map(|e| e.payload)),
                    1 => out.extend(outbox.remove(MessageId(u64::from(number) % (given + 1))).map(|e| e.payload)),
                    2 => out.extend(outbox.take_expired(now).iter().map(|e| e.payload)),
                    _ => {
                        given += 1;
                        let mut entry = entry(given, number);
                        entry.expires = (number % 2 == 0).then(|| now.after(u64::from(number) / 4));
                        match outbox.refusal(entry.bytes) {
                            Some(_) => out.push(entry.payload),
                            None => out.extend(payloads(&outbox.push(entry))),
                        }
                    }
                }
                prop_assert!(outbox.len() <= 5 && outbox.bytes() <= 2_000);
                let earliest = outbox.entries.iter().filter_map(|e| e.expires).min();
                prop_assert!(outbox.next_expiry() <= earliest || earliest.is_none());
                prop_assert_eq!(outbox.bytes(), outbox.entries.iter().map(|e| u64::from(e.bytes)).sum::<u64>());
            }
            prop_assert!(popped.is_sorted());
            let mut all: Vec<u64> = outbox.entries.iter().map(|e| e.payload).chain(out).chain(popped).collect();
            all.sort_unstable();
            prop_assert_eq!(all, (1..=given).collect::<Vec<_>>());
        }
    }
}
