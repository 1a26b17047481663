//! To clients: messages into rings, and out of them as far as each client has room.

use alloc::vec;
use alloc::vec::Vec;

use super::super::frames::{Beat, Control, Lost};
use super::super::ids::SocketId;
use super::super::time::Instant;
use super::Sessions;
use super::io::{Cid, Event, Item, Output, Sent};
use super::ring::{Due, Room};

/// Whether the client finds out by this that something before it is missing.
fn shows_a_hole<P>(item: &Item<P>) -> bool {
    match item {
        Item::Message { seq, .. } => seq.is_some(),
        Item::Control(control) => matches!(
            control,
            Control::Session(_) | Control::Ping(_) | Control::Pong(_) | Control::Resync { .. }
        ),
    }
}

impl<M, P: Clone> Sessions<M, P> {
    /// Appends a message of so many UTF-8 bytes to a client's session.
    pub fn send(&mut self, now: Instant, cid: &Cid, payload: P, bytes: u32) -> Sent {
        self.now = self.now.max(now);
        self.append(cid, payload, bytes)
    }

    /// Appends a message to every session of a user, attached or not.
    pub fn send_to_user(&mut self, now: Instant, user: &str, payload: P, bytes: u32) -> Sent {
        self.now = self.now.max(now);
        let cids = self.cids_of(user);
        self.append_to_all(cids, payload, bytes)
    }

    /// Appends a message to every session, attached or not.
    pub fn broadcast(&mut self, now: Instant, payload: P, bytes: u32) -> Sent {
        self.now = self.now.max(now);
        let cids: Vec<Cid> = self.clients.keys().cloned().collect();
        self.append_to_all(cids, payload, bytes)
    }

    /// Writes a message to a client if it is attached: it is neither held nor written again. `false` if it is not.
    pub fn send_volatile(&mut self, now: Instant, cid: &Cid, payload: P) -> bool {
        self.now = self.now.max(now);
        self.write_volatile(cid, payload)
    }

    /// The same to every client of a user that is attached, and says how many are.
    pub fn send_volatile_to_user(&mut self, now: Instant, user: &str, payload: P) -> usize {
        self.now = self.now.max(now);
        let cids = self.cids_of(user).into_iter();
        cids.filter(|cid| self.write_volatile(cid, payload.clone()))
            .count()
    }

    fn write_volatile(&mut self, cid: &Cid, payload: P) -> bool {
        let Some(socket) = self.attached_socket(cid) else {
            return false;
        };
        self.write_due(cid);
        // No ack rides on what may be dropped.
        let (seq, ack) = (None, None);
        self.transmit(socket, vec![Item::Message { payload, seq, ack }]);
        true
    }

    fn append_to_all(&mut self, cids: Vec<Cid>, payload: P, bytes: u32) -> Sent {
        let mut sum = Sent::default();
        for cid in cids {
            let sent = self.append(&cid, payload.clone(), bytes);
            sum.sessions += sent.sessions;
            sum.attached += sent.attached;
        }
        sum
    }

    fn append(&mut self, cid: &Cid, payload: P, bytes: u32) -> Sent {
        let room = self.room_for(bytes);
        let Some(client) = self.clients.get_mut(cid) else {
            return Sent::default();
        };
        let before = client.ring_bytes();
        let Some(session) = &mut client.session else {
            return Sent::default();
        };
        session.ring.append(payload, bytes, room);
        let attached = usize::from(session.detached.is_none());
        self.note_ring(cid, before);
        self.dirty.insert(cid.clone());
        Sent {
            sessions: 1,
            attached,
        }
    }

    fn room_for(&mut self, bytes: u32) -> Room {
        match self.make_ring_room(u64::from(bytes)) {
            true => Room {
                messages: self.config.ring_messages as usize,
                bytes: self.config.ring_bytes,
            },
            false => Room {
                messages: 0,
                bytes: 0,
            },
        }
    }

    /// Writes what a client has room for, and the ack that is due.
    pub(super) fn write_due(&mut self, cid: &Cid) {
        let Some(id) = self.attached_socket(cid) else {
            return;
        };
        loop {
            let batch = self.next_batch(cid);
            if batch.is_empty() {
                break;
            }
            self.write_batch(id, cid, batch);
        }
        let now = self.now;
        let is_due = |socket: &super::Socket| socket.ack_due.is_some_and(|at| at <= now);
        if self.sockets.get(&id).is_some_and(is_due)
            && let Some(ack) = self.take_ack(id, cid)
        {
            self.transmit(id, vec![Item::Control(Control::Ack(ack))]);
        }
        self.arm_socket(id);
    }

    fn next_batch(&mut self, cid: &Cid) -> Vec<Due<P>> {
        let Some(client) = self.clients.get_mut(cid) else {
            return Vec::new();
        };
        let before = client.ring_bytes();
        let session = client.session.as_mut();
        let batch =
            session.map_or_else(Vec::new, |session| session.ring.next_batch(session.intake));
        self.note_ring(cid, before);
        batch
    }

    /// One frame. The last message of the application in it carries the ack.
    fn write_batch(&mut self, id: SocketId, cid: &Cid, batch: Vec<Due<P>>) {
        let mut items = Vec::with_capacity(batch.len());
        let mut lost = Vec::new();
        let mut tx = 0;
        for due in batch {
            match due {
                Due::Message { seq, payload } => {
                    tx = seq;
                    let seq = Some(seq);
                    items.push(Item::Message {
                        payload,
                        seq,
                        ack: None,
                    });
                }
                Due::Lost { next, reason } => {
                    tx = next - 1;
                    lost.push(reason);
                    items.push(Item::Control(Control::Resync { next, reason }));
                }
            }
        }
        if let Some(Item::Message { ack, .. }) = items.last_mut() {
            *ack = self.take_ack(id, cid);
        }
        if let Some(socket) = self.sockets.get_mut(&id) {
            socket.tx = tx;
        }
        self.transmit(id, items);
        for reason in lost {
            let cid = cid.clone();
            self.outputs
                .push_back(Output::Event(Event::Resync { cid, reason }));
        }
    }

    /// What the client is to be told of its own stream, if it does not know it yet.
    pub(super) fn take_ack(&mut self, id: SocketId, cid: &Cid) -> Option<u64> {
        let client = self.clients.get_mut(cid)?;
        client.unacked_bytes = 0;
        let rx = client.rx?;
        let socket = self.sockets.get_mut(&id)?;
        socket.ack_due = None;
        if rx <= socket.told {
            return None;
        }
        socket.told = rx;
        Some(rx)
    }

    pub(super) fn beat(&mut self, id: SocketId, cid: &Cid, t: u64) -> Beat {
        self.take_ack(id, cid);
        Beat {
            t,
            ack: self.clients.get(cid).and_then(|client| client.rx),
            tx: self.sockets.get(&id).map(|socket| socket.tx),
        }
    }

    pub(super) fn write_drain(&mut self, id: SocketId) {
        if let Some(drain) = self.draining {
            let (after_ms, spread_ms) = (drain.after_ms, drain.spread_ms);
            self.transmit(
                id,
                vec![Item::Control(Control::Drain {
                    after_ms,
                    spread_ms,
                })],
            );
        }
    }

    /// What is held is written first, as far as there is room.
    pub(super) fn write_bye(&mut self, cid: &Cid) {
        self.write_due(cid);
        if let Some(id) = self.attached_socket(cid) {
            let ack = self
                .clients
                .get(cid)
                .and_then(|client| client.rx)
                .unwrap_or(0);
            self.transmit(id, vec![Item::Control(Control::Bye { ack })]);
        }
    }

    pub(super) fn transmit(&mut self, id: SocketId, items: Vec<Item<P>>) {
        if let Some(socket) = self.sockets.get_mut(&id) {
            if items.iter().any(shows_a_hole) {
                socket.last_out = self.now;
            }
            self.outputs.push_back(Output::Transmit(id, items));
        }
    }

    /// Drops a session with what it holds. Whoever resumes it is told `reason`.
    pub(super) fn end_session(&mut self, cid: &Cid, reason: Lost) {
        let Some(client) = self.clients.get_mut(cid) else {
            return;
        };
        let before = client.ring_bytes();
        let Some(session) = client.session.take() else {
            return;
        };
        client.ended = Some((session.sid, reason));
        self.note_ring(cid, before);
        self.outputs
            .push_back(Output::Event(Event::Ended { cid: cid.clone() }));
    }

    /// The socket of a client that has its `$session`.
    pub(super) fn attached_socket(&self, cid: &Cid) -> Option<SocketId> {
        let id = self.clients.get(cid)?.socket?;
        self.sockets.get(&id)?.cid().map(|_| id)
    }
}
