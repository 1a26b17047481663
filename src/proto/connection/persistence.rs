//! What survives a reload: claiming what an earlier page left, and storing what must be sent.

use alloc::string::String;
use alloc::vec::Vec;

use super::super::frames::Lost;
use super::super::ids::{MessageId, MessageKind};
use super::super::io::{Event, Resync, StorageEvent};
use super::super::mutation::{self, Mutation};
use super::super::outbox::Entry;
use super::super::reliable::{
    Body, Held, PageEnd, QUEUE_BYTES, Receipt, Saved, Slot, Storage, Store, Stored,
};
use super::super::state::State;
use super::super::time::Instant;
use super::super::timer::Timer;
use super::Connection;
use crate::config::{Persist, Uncertain};
use crate::error::ErrorCode;

/// Another page that goes away needs a moment to let go of its claim.
const CLAIM_MS: u64 = 1_000;

/// What was found in storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Loaded<P> {
    /// Nothing that can be read.
    Nothing,
    /// What an earlier page of the tab left, or this one before it went away.
    Saved(Saved<P>),
    /// There is no storage, or it throws.
    Failed,
}

impl<P: Clone> Connection<P> {
    /// Connects once it is known what an earlier page left.
    pub(super) fn claim_or_attempt(&mut self, now: Instant) {
        match &self.reliable {
            _ if self.is_away => self.transition(State::Suspended),
            Some(reliable) if reliable.storage == Storage::Unclaimed => {
                self.transition(State::Claiming);
                self.push_store(Store::Load);
            }
            _ => self.attempt_when_permitted(now),
        }
    }

    /// Hands in what was found after [`Store::Load`]. `wall_ms` is the time since 1970.
    pub fn restored(&mut self, now: Instant, wall_ms: u64, loaded: Loaded<P>) {
        // A handler may have closed the connection since it asked.
        let is_asked = matches!(self.state, State::Claiming);
        let Some(reliable) = self
            .reliable
            .as_mut()
            .filter(|reliable| is_asked && reliable.storage == Storage::Unclaimed)
        else {
            return;
        };
        let is_ours = matches!(&loaded, Loaded::Saved(saved) if reliable.has_left(&saved.head));
        // Where this page goes on, the server must tell if a copy of its tab has opened meanwhile: that has taken the time.
        if !is_ours {
            reliable.raise_n(wall_ms);
        }
        let claimed = match loaded {
            Loaded::Failed => {
                reliable.storage = Storage::Off;
                self.event(Event::Warning(ErrorCode::StorageFailed, None));
                return self.go_on(now);
            }
            Loaded::Saved(saved) if saved.is_plausible() => {
                let cid = saved.head.cid.clone();
                reliable.storage = Storage::Claiming;
                reliable.saved = Some(saved).filter(|_| !is_ours);
                cid
            }
            Loaded::Nothing | Loaded::Saved(_) => {
                self.lose_page();
                return self.go_on_unclaimed(now);
            }
        };
        self.push_store(Store::Claim(claimed));
        self.timers.set(Timer::Claim, Some(now.after(CLAIM_MS)));
    }

    pub(super) fn handle_storage(&mut self, now: Instant, event: StorageEvent) {
        let Some(reliable) = &mut self.reliable else {
            return;
        };
        match (reliable.storage, event) {
            (Storage::Claiming, StorageEvent::Claimed) => {
                self.timers.cancel(Timer::Claim);
                self.adopt_saved();
                // First, so that nobody takes what follows for the work of the page before, should this one crash within it.
                self.store_head();
                self.forget_late();
                self.store_queue();
                self.go_on(now);
            }
            (Storage::Claiming, StorageEvent::Denied) => self.claim_failed(now),
            (Storage::Used, StorageEvent::Failed) => {
                reliable.storage = Storage::Off;
                self.push_store(Store::Clear);
                self.event(Event::Warning(ErrorCode::StorageFailed, None));
            }
            _ => {}
        }
    }

    /// Another page has what was found: it is a copy, and this page begins anew.
    pub(super) fn claim_failed(&mut self, now: Instant) {
        self.timers.cancel(Timer::Claim);
        if let Some(reliable) = &mut self.reliable {
            reliable.saved = None;
        }
        self.lose_page();
        self.push_store(Store::Release);
        self.go_on_unclaimed(now);
    }

    fn go_on_unclaimed(&mut self, now: Instant) {
        self.become_another();
        self.go_on(now);
    }

    fn go_on(&mut self, now: Instant) {
        if matches!(self.state, State::Claiming) {
            self.attempt_when_permitted(now);
        }
    }

    /// The storage belongs to a fresh `cid` now.
    pub(super) fn claim_afresh(&mut self, cid: String) {
        let Some(reliable) = &mut self.reliable else {
            return;
        };
        if reliable.storage == Storage::Off {
            return;
        }
        reliable.storage = Storage::Used;
        for entry in self.outbox.entries() {
            entry.stored = None;
        }
        self.push_store(Store::Clear);
        self.push_store(Store::Claim(cid));
        self.store_queue();
        self.store_head();
    }

    /// Goes on with what is in storage.
    fn adopt_saved(&mut self) {
        let Some(reliable) = &mut self.reliable else {
            return;
        };
        reliable.storage = Storage::Used;
        let Some(mut saved) = reliable.saved.take() else {
            return;
        };
        self.lose_page();
        let crashed = saved.head.end == PageEnd::Open && !mutation::is(Mutation::NoUncleanEnd);
        let first = self.next_id().0;
        let mut held = Vec::new();
        let mut queued = Vec::new();
        let mut left_out = Vec::new();
        for message in in_order(saved.messages) {
            self.last_id = self.next_id();
            let id = self.last_id;
            self.event(Event::Restored(id, message.payload.clone()));
            let doubtful =
                crashed || matches!(message.slot, Slot::Seq(seq) if seq <= saved.head.uncertain_to);
            if doubtful {
                self.event(Event::Uncertain(id, ErrorCode::PageLost));
            }
            let receipt = match doubtful {
                true => Receipt::Settled,
                false => Receipt::Open,
            };
            match message.slot {
                Slot::Seq(seq) => {
                    saved.head.tx = saved.head.tx.max(seq);
                    held.push(self.restored_held(seq, id, receipt, message));
                }
                Slot::Queued(place) => {
                    if let Some(reliable) = &mut self.reliable {
                        reliable.last_place = reliable.last_place.max(place);
                    }
                    if receipt == Receipt::Open || self.resends() {
                        queued.push(restored_entry(id, receipt, message, place));
                    } else {
                        left_out.push(message.slot);
                    }
                }
            }
        }
        self.outbox.restore(queued);
        let Some(reliable) = &mut self.reliable else {
            return;
        };
        reliable.forgotten = left_out;
        reliable.restored = first..self.last_id.0 + 1;
        reliable.adopt(&saved.head, held);
        if crashed {
            reliable.uncertain_to = reliable.window.tx();
        }
        if reliable.had_session && saved.head.place.is_some() {
            // Another page has had messages that this one, back from the cache, did not see.
            let position = reliable.inbound.position();
            self.event(Event::Resync(Resync {
                reason: Lost::Reload,
                missed: None,
                position,
            }));
        }
    }

    fn restored_held(
        &self,
        seq: u64,
        id: MessageId,
        receipt: Receipt,
        message: Stored<P>,
    ) -> Held<P> {
        let body = match message.kind {
            _ if receipt == Receipt::Settled && !self.resends() => Body::Skip,
            MessageKind::Message => Body::Message(message.payload),
            MessageKind::Request => Body::Request(message.payload),
        };
        Held {
            seq,
            id,
            body,
            bytes: message.bytes,
            receipt,
        }
    }

    /// Whether another page sent what was restored is not sure.
    pub(super) fn doubt_restored(&mut self) {
        let resends = self.resends();
        let Some(reliable) = &mut self.reliable else {
            return;
        };
        let restored = core::mem::take(&mut reliable.restored);
        let mut settled = Vec::new();
        for entry in self.outbox.entries() {
            if restored.contains(&entry.id.0) && entry.receipt == Receipt::Open {
                entry.receipt = Receipt::Settled;
                settled.push(entry.id);
            }
        }
        for id in settled {
            if !resends && let Some(place) = self.outbox.remove(id).and_then(|entry| entry.stored) {
                self.store(Store::Forget(Slot::Queued(place)));
            }
            self.event(Event::Uncertain(id, ErrorCode::PageLost));
        }
    }

    fn resends(&self) -> bool {
        self.reliable
            .as_ref()
            .is_some_and(|reliable| reliable.options.uncertain == Uncertain::Resend)
    }

    /// Another page may have gone on with what this one had stored.
    fn lose_page(&mut self) {
        let Some(reliable) = &mut self.reliable else {
            return;
        };
        reliable.forgotten.clear();
        let tx = reliable.window.tx();
        self.doubt(0, tx, ErrorCode::PageLost);
        for entry in self.outbox.take_stored() {
            self.requests.remove(entry.id);
            if entry.receipt != Receipt::Settled {
                self.event(Event::Uncertain(entry.id, ErrorCode::PageLost));
            }
        }
        self.arm_requests();
    }

    /// The page goes away: store everything, and let go.
    pub(super) fn store_page(&mut self) {
        self.timers.cancel(Timer::Claim);
        let Some(reliable) = &mut self.reliable else {
            return;
        };
        match reliable.storage {
            Storage::Used => {}
            Storage::Claiming => reliable.saved = None,
            Storage::Unclaimed | Storage::Off => return,
        }
        if reliable.storage == Storage::Used {
            self.store_all(u64::MAX);
            if let Some(reliable) = &mut self.reliable {
                let head = reliable.last_head();
                self.push_store(Store::Head(head));
            }
        }
        if let Some(reliable) = &mut self.reliable {
            reliable.storage = Storage::Unclaimed;
        }
        self.push_store(Store::Release);
    }

    /// The session has ended: nothing is left to survive.
    pub(super) fn clear_storage(&mut self) {
        let Some(reliable) = &mut self.reliable else {
            return;
        };
        let storage = reliable.storage;
        if !matches!(storage, Storage::Used | Storage::Claiming) {
            return;
        }
        reliable.storage = Storage::Unclaimed;
        reliable.saved = None;
        // What is only being claimed is for the next page to find.
        if storage == Storage::Used {
            self.push_store(Store::Clear);
        }
        self.push_store(Store::Release);
    }

    /// Writes the head, if the page is one to survive.
    pub(super) fn store_head(&mut self) {
        if let Some(reliable) = &self.reliable {
            let head = reliable.head();
            self.store(Store::Head(head));
        }
    }

    /// Writes the place in the messages to the page, where the application asked for it. No ack exceeds a stored one.
    pub(super) fn store_place(&mut self) {
        let keeps_place = self
            .reliable
            .as_ref()
            .is_some_and(|reliable| reliable.options.persist == Persist::Session);
        if keeps_place && !mutation::is(Mutation::AckAboveStored) {
            self.store_head();
        }
    }

    /// Stores what is queued, the oldest first, as far as there is room.
    pub(super) fn store_queue(&mut self) {
        self.store_all(QUEUE_BYTES);
    }

    fn store_all(&mut self, budget: u64) {
        let Some(reliable) = self
            .reliable
            .as_mut()
            .filter(|reliable| reliable.storage == Storage::Used)
        else {
            return;
        };
        let mut used = reliable.window.held_bytes();
        let mut kept = Vec::new();
        for entry in self.outbox.entries() {
            used += u64::from(entry.bytes);
            if used > budget {
                break;
            }
            if entry.stored.is_none() {
                reliable.last_place += 1;
                entry.stored = Some(reliable.last_place);
                kept.push(Stored {
                    slot: Slot::Queued(reliable.last_place),
                    kind: entry.kind,
                    payload: entry.payload.clone(),
                    bytes: entry.bytes,
                });
            }
        }
        for stored in kept {
            self.push_store(Store::Keep(stored));
        }
    }

    /// Uses the storage if it is ours. What is to leave it meanwhile leaves it when it is ours again.
    pub(super) fn store(&mut self, store: Store<P>) {
        let Some(reliable) = &mut self.reliable else {
            return;
        };
        match (reliable.storage, store) {
            (Storage::Used, store) => self.push_store(store),
            (Storage::Unclaimed | Storage::Claiming, Store::Forget(slot)) => {
                reliable.forgotten.push(slot);
            }
            (Storage::Unclaimed | Storage::Claiming | Storage::Off, _) => {}
        }
    }

    fn forget_late(&mut self) {
        let forgotten = self
            .reliable
            .as_mut()
            .map(|reliable| &mut reliable.forgotten);
        for slot in forgotten.map(core::mem::take).unwrap_or_default() {
            self.push_store(Store::Forget(slot));
        }
    }

    /// Whether another page may have gone on with what is in storage.
    pub(super) fn may_be_taken_over(&self) -> bool {
        self.reliable.as_ref().is_some_and(|reliable| {
            matches!(reliable.storage, Storage::Unclaimed | Storage::Claiming)
        })
    }
}

/// The oldest first.
// By insertion: the standard library's sorting takes five kilobytes of wasm.
fn in_order<P>(messages: Vec<Stored<P>>) -> Vec<Stored<P>> {
    let mut ordered: Vec<Stored<P>> = Vec::new();
    for message in messages {
        let at = ordered.partition_point(|other| other.slot < message.slot);
        ordered.insert(at, message);
    }
    ordered
}

fn restored_entry<P>(id: MessageId, receipt: Receipt, message: Stored<P>, place: u64) -> Entry<P> {
    Entry {
        id,
        payload: message.payload,
        bytes: message.bytes,
        expires: None,
        kind: message.kind,
        receipt,
        stored: Some(place),
    }
}
