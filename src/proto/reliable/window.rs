//! The window: messages that have a seq and were not handled by the server yet.

use alloc::vec::Vec;
use core::mem;

use super::super::frames::Terms;
use super::super::ids::MessageId;
use super::super::mutation::{self, Mutation};

/// The window of a server that did not say: messages, and UTF-8 bytes.
const DEFAULT: (u64, u64) = (256, 128 << 10);
/// What a server may say: from 16 messages to 1,024, from 64 KiB to 1 MiB.
const MESSAGES: (u64, u64) = (16, 1_024);
const BYTES: (u64, u64) = (64 << 10, 1 << 20);

#[derive(Debug)]
pub(crate) struct Window<P> {
    /// In the order of their seqs. A seq between them is no longer held.
    held: Vec<Held<P>>,
    /// The highest seq that was given.
    tx: u64,
    /// The server has handled everything up to here.
    acked: u64,
    /// The next seq to write on this socket.
    next: u64,
    /// UTF-8 bytes that the server has or that are underway, and that it has not handled.
    in_flight: u64,
    messages: u64,
    bytes: u64,
}

/// A message with its seq.
#[derive(Clone, Debug)]
pub(crate) struct Held<P> {
    pub(crate) seq: u64,
    pub(crate) id: MessageId,
    pub(crate) body: Body<P>,
    pub(crate) bytes: u32,
    pub(crate) receipt: Receipt,
}

/// What a seq stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body<P> {
    /// A message.
    Message(P),
    /// A request: its `id` is its seq.
    Request(P),
    /// Consumed, delivered to nobody.
    Skip,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Receipt {
    Open,
    /// The application wants it back: it is skipped if the server turns out not to have it.
    Withdrawn,
    Settled,
}

impl<P: Clone> Window<P> {
    pub(crate) fn new() -> Self {
        Self {
            held: Vec::new(),
            tx: 0,
            acked: 0,
            next: 1,
            in_flight: 0,
            messages: DEFAULT.0,
            bytes: DEFAULT.1,
        }
    }

    /// What an earlier page held.
    pub(crate) fn restore(tx: u64, held: Vec<Held<P>>) -> Self {
        let first = held.first().map_or(tx + 1, |held| held.seq);
        Self {
            held,
            tx,
            acked: first - 1,
            next: tx + 1,
            ..Self::new()
        }
    }

    pub(crate) fn tx(&self) -> u64 {
        self.tx
    }

    /// The lowest seq that is held, `tx` + 1 if none is.
    pub(crate) fn tx0(&self) -> u64 {
        self.held.first().map_or(self.tx + 1, |held| held.seq)
    }

    /// The highest seq that was written on this socket.
    pub(crate) fn written(&self) -> u64 {
        self.next - 1
    }

    /// Whether the server, which has handled everything up to `rx`, had acked more.
    pub(crate) fn goes_back(&self, rx: u64) -> bool {
        rx < self.acked
    }

    /// Whether an ack says more than those before.
    pub(crate) fn is_news(&self, rx: u64) -> bool {
        rx > self.acked
    }

    /// Whether everything that was written is handled.
    pub(crate) fn is_acked(&self) -> bool {
        self.acked >= self.written()
    }

    /// How many are held.
    pub(crate) fn len(&self) -> usize {
        self.held.len()
    }

    /// UTF-8 bytes of what is held.
    pub(crate) fn held_bytes(&self) -> u64 {
        self.held.iter().map(|held| u64::from(held.bytes)).sum()
    }

    pub(crate) fn find(&mut self, seq: u64) -> Option<&mut Held<P>> {
        let at = self.place_of(seq)?;
        self.held.get_mut(at)
    }

    fn place_of(&self, seq: u64) -> Option<usize> {
        self.held.binary_search_by_key(&seq, |held| held.seq).ok()
    }

    pub(crate) fn find_id(&mut self, id: MessageId) -> Option<&mut Held<P>> {
        self.held.iter_mut().find(|held| held.id == id)
    }

    /// The size of the next message that has its seq and is to be written; `None` if all were.
    pub(crate) fn next_bytes(&self) -> Option<u32> {
        (self.next <= self.tx).then(|| {
            let next = self.place_of(self.next).and_then(|at| self.held.get(at));
            next.map_or(0, |held| held.bytes)
        })
    }

    /// Whether the server takes `bytes` more.
    pub(crate) fn has_room(&self, bytes: u32) -> bool {
        if mutation::is(Mutation::NoWindow) {
            return true;
        }
        let count = self.next - 1 - self.acked.min(self.next - 1);
        count < self.messages && (count == 0 || self.in_flight + u64::from(bytes) <= self.bytes)
    }

    fn leave_out(&mut self) {
        let later = self.held.iter().find(|held| held.seq >= self.next);
        self.next = later.map_or(self.next, |held| held.seq);
    }

    /// A seq goes with a message that never had one.
    pub(crate) fn waste(&mut self) {
        self.next += u64::from(self.next > self.tx);
        self.tx += 1;
    }

    /// Gives a message its seq.
    pub(crate) fn admit(
        &mut self,
        id: MessageId,
        body: Body<P>,
        bytes: u32,
        receipt: Receipt,
    ) -> u64 {
        self.tx += 1;
        self.held.push(Held {
            seq: self.tx,
            id,
            body,
            bytes,
            receipt,
        });
        self.tx
    }

    /// Takes the next message to be written, with its seq. One that is no longer held is skipped.
    pub(crate) fn write(&mut self) -> (u64, Body<P>, Option<MessageId>) {
        if mutation::is(Mutation::NoSkip) || mutation::is(Mutation::SeqAtSend) {
            self.leave_out();
        }
        let seq = self.next;
        self.next += 1;
        match self.find(seq) {
            Some(held) => {
                let (body, id, bytes) = (held.body.clone(), held.id, held.bytes);
                let open = held.is_open().then_some(id);
                self.in_flight += u64::from(bytes);
                (seq, body, open)
            }
            None => (seq, Body::Skip, None),
        }
    }

    /// The server has handled everything up to `rx`. Takes what was held of it, in order.
    pub(crate) fn acked(&mut self, rx: u64) -> Vec<Held<P>> {
        self.acked = self.acked.max(rx);
        let count = self.held.partition_point(|held| held.seq <= rx);
        let rest = self.held.split_off(count);
        let handled = mem::replace(&mut self.held, rest);
        for held in &handled {
            if held.seq < self.next {
                self.in_flight = self.in_flight.saturating_sub(u64::from(held.bytes));
            }
        }
        handled
    }

    /// A session begins: the server has accepted everything up to `got`. What it has not is written again.
    pub(crate) fn begin(&mut self, got: u64) {
        if !mutation::is(Mutation::NoTxMax) {
            self.tx = self.tx.max(got);
        }
        self.next = match mutation::is(Mutation::NoReplay) {
            true => self.tx + 1,
            false => got + 1,
        };
        // A server may have gone back, to a backup for example: then the window is what it has room for.
        self.acked = self.acked.min(got);
        let accepted = self.held.iter().take_while(|held| held.seq <= got);
        self.in_flight = accepted.map(|held| u64::from(held.bytes)).sum();
    }

    /// The server has lost its record: everything that is held is written again.
    pub(crate) fn begin_without_record(&mut self) {
        self.acked = self.tx0() - 1;
        self.begin(self.acked);
    }

    /// Settles the receipts of a range that are still open.
    pub(crate) fn settle_range(&mut self, from: u64, to: u64) -> Vec<MessageId> {
        let mut ids = Vec::new();
        for held in &mut self.held {
            if (from..=to).contains(&held.seq) && held.is_open() {
                held.receipt = Receipt::Settled;
                ids.push(held.id);
            }
        }
        ids
    }

    /// Empties messages of a range: they are consumed and delivered to nobody.
    pub(crate) fn skip_range(&mut self, from: u64, to: u64) {
        for held in &mut self.held {
            if (from..=to).contains(&held.seq) {
                held.body = Body::Skip;
                held.bytes = 0;
            }
        }
    }

    /// Messages above `got` that the application wants back: they are skipped, and handed back.
    pub(crate) fn take_withdrawn(&mut self, got: u64) -> Vec<(u64, MessageId, P)> {
        let mut taken = Vec::new();
        for held in &mut self.held {
            if held.seq > got && held.receipt == Receipt::Withdrawn {
                let seq = held.seq;
                taken.extend(held.empty().map(|(id, payload)| (seq, id, payload)));
            }
        }
        taken
    }

    pub(crate) fn set_limits(&mut self, terms: &Terms) {
        let said = |value: u64, default: u64, (least, most): (u64, u64)| match value {
            0 => default,
            value => value.clamp(least, most),
        };
        self.messages = said(terms.window, DEFAULT.0, MESSAGES);
        self.bytes = said(terms.window_bytes, DEFAULT.1, BYTES);
    }
}

impl<P> Held<P> {
    pub(crate) fn is_open(&self) -> bool {
        self.receipt != Receipt::Settled
    }

    /// Empties it and settles its receipt.
    pub(crate) fn empty(&mut self) -> Option<(MessageId, P)> {
        self.receipt = Receipt::Settled;
        self.bytes = 0;
        match mem::replace(&mut self.body, Body::Skip) {
            Body::Message(payload) | Body::Request(payload) => Some((self.id, payload)),
            Body::Skip => None,
        }
    }
}
