//! Bounds: a user's sessions and clients, and what all rings hold. The least recently used goes first.

use alloc::format;
use alloc::vec::Vec;

use super::super::frames::Lost;
use super::super::ids::SocketId;
use super::config::FULL_RETRY_MS;
use super::deadlines::Owner;
use super::io::{Cid, Output, Write};
use super::{RecordWork, RecordWorkKind, Sessions};

impl<M, P: Clone> Sessions<M, P> {
    /// Makes room for a session of `cid`; `false` if all of the user's are in use.
    pub(super) fn make_room(&mut self, cid: &Cid, user: &str) -> bool {
        let sessions = self
            .others(cid, user)
            .filter(|(_, client)| client.has_session())
            .count();
        if sessions >= self.config.sessions_per_user && !self.evict_session(cid, user) {
            return false;
        }
        let clients = self.others(cid, user).count();
        clients < self.config.clients_per_user || self.evict_client(cid, user)
    }

    pub(super) fn close_full(&mut self, id: SocketId) {
        self.close(
            id,
            4429,
            &format!(r#"{{"retry_after_ms":{FULL_RETRY_MS}}}"#),
        );
    }

    fn evict_session(&mut self, cid: &Cid, user: &str) -> bool {
        // One whose socket is being opened keeps its place: ending its session would make no room.
        let detached = self
            .others(cid, user)
            .filter(|(_, client)| client.socket.is_none())
            .filter_map(|(cid, client)| Some((client.detached()?, cid)));
        let Some(oldest) = detached.min().map(|(_, cid)| cid.clone()) else {
            return false;
        };
        self.end_session(&oldest, Lost::Expired);
        self.arm_client(&oldest);
        true
    }

    fn evict_client(&mut self, cid: &Cid, user: &str) -> bool {
        let unused = self
            .others(cid, user)
            .filter(|(_, client)| client.is_unused());
        let Some(oldest) = unused
            .min_by_key(|(_, client)| client.last_used)
            .map(|(cid, _)| cid.clone())
        else {
            return false;
        };
        self.end_session(&oldest, Lost::Unknown);
        self.forget(&oldest);
        true
    }

    /// Forgets a client here and in the store.
    pub(super) fn forget(&mut self, cid: &Cid) {
        self.remove_client(cid);
        self.begin_last_write(cid);
        self.outputs
            .push_back(Output::Store(cid.clone(), Write::Forget));
    }

    /// A client is about to be given up while a write of its record may be under way: who comes next reads it after that.
    pub(super) fn await_last_write(&mut self, cid: &Cid) {
        let is_writing = |client: &super::client::Client<M, P>| !client.writes.is_empty();
        if self.clients.get(cid).is_some_and(is_writing) {
            self.begin_last_write(cid);
        }
    }

    fn begin_last_write(&mut self, cid: &Cid) {
        let work = RecordWork {
            waiting: Vec::new(),
            kind: RecordWorkKind::LastWrite,
        };
        self.records.insert(cid.clone(), work);
    }

    /// A client that is no longer here is written or deleted; `false` if it is none. Sockets that came meanwhile find
    /// what is left.
    pub(super) fn handle_last_write(&mut self, cid: &Cid) -> bool {
        let is_last = |work: &RecordWork| work.kind == RecordWorkKind::LastWrite;
        if !self.records.get(cid).is_some_and(is_last) {
            return false;
        }
        let work = self.records.remove(cid);
        if let Some(work) = work.filter(|work| !work.waiting.is_empty()) {
            self.load(cid.clone(), work.waiting);
        }
        true
    }

    pub(super) fn remove_client(&mut self, cid: &Cid) {
        self.deadlines.disarm(&Owner::Client(cid.clone()));
        self.dirty.remove(cid);
        let Some(client) = self.clients.remove(cid) else {
            return;
        };
        if let Some(cids) = self.users.get_mut(&client.user) {
            cids.remove(cid);
            if cids.is_empty() {
                self.users.remove(&client.user);
            }
        }
    }

    /// Makes room in the rings by ending the largest detached sessions; `false` if the attached ones fill it.
    pub(super) fn make_ring_room(&mut self, bytes: u64) -> bool {
        while self.ring_bytes + bytes > self.config.rings_bytes {
            let detached = self
                .clients
                .iter()
                .filter(|(_, client)| client.detached().is_some());
            let largest = detached.max_by_key(|(_, client)| client.ring_bytes());
            let Some(largest) = largest.filter(|(_, client)| client.ring_bytes() > 0) else {
                return false;
            };
            let cid = largest.0.clone();
            self.end_session(&cid, Lost::Gap);
            self.arm_client(&cid);
        }
        true
    }

    /// A client's ring held `before` bytes.
    pub(super) fn note_ring(&mut self, cid: &Cid, before: u64) {
        let after = self
            .clients
            .get(cid)
            .map_or(0, |client| client.ring_bytes());
        self.ring_bytes = self.ring_bytes + after - before;
    }

    fn others<'a>(
        &'a self,
        cid: &'a Cid,
        user: &str,
    ) -> impl Iterator<Item = (&'a Cid, &'a super::client::Client<M, P>)> {
        let cids = self.users.get(user).into_iter().flatten();
        cids.filter(move |other| *other != cid)
            .filter_map(|other| Some((other, self.clients.get(other)?)))
    }
}
