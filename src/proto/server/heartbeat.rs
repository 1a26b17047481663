//! What passes with time: pings and deaths, acks, tokens, sessions and records.

use alloc::vec;

use super::super::frames::{Control, Lost};
use super::super::ids::SocketId;
use super::Sessions;
use super::deadlines::Owner;
use super::io::{Cid, Item};
use super::socket::Due;

impl<M, P: Clone> Sessions<M, P> {
    pub(super) fn handle_timeout(&mut self) {
        while let Some(owner) = self.deadlines.take_expired(self.now) {
            match owner {
                Owner::Socket(id) => self.look_at_socket(id),
                Owner::Client(cid) => self.look_at_client(&cid),
            }
        }
    }

    fn look_at_socket(&mut self, id: SocketId) {
        let Some(socket) = self.sockets.get(&id) else {
            return;
        };
        let (at, due) = socket.next_due(&self.config);
        if at > self.now {
            return self.arm_socket(id);
        }
        match due {
            Due::OpenTimeout => self.close(id, 4408, "no session came to be in time"),
            Due::TokenExpired => self.close(id, 4401, "the token has expired"),
            Due::Dead => self.close(id, 4408, "nothing came for too long"),
            Due::Ping => self.write_ping(id),
            Due::Ack => {
                if let Some(cid) = socket.cid().cloned() {
                    self.write_due(&cid);
                }
            }
        }
        self.arm_socket(id);
    }

    fn write_ping(&mut self, id: SocketId) {
        let now = self.now;
        let Some(cid) = self
            .sockets
            .get(&id)
            .and_then(|socket| socket.cid().cloned())
        else {
            return;
        };
        let beat = self.beat(id, &cid, now.as_millis());
        self.transmit(id, vec![Item::Control(Control::Ping(beat))]);
        if let Some(socket) = self.sockets.get_mut(&id) {
            socket.pinged = Some(now);
        }
    }

    fn look_at_client(&mut self, cid: &Cid) {
        let (ttl_ms, record_ms, now) = (self.config.ttl_ms, self.config.record_ms, self.now);
        let Some(client) = self.clients.get(cid) else {
            return;
        };
        let session = client.session.as_ref();
        let is_record_old = client.is_unused() && now >= client.last_used.after(record_ms);
        if session.is_some_and(|session| session.is_expired(ttl_ms, now)) {
            self.end_session(cid, Lost::Expired);
        } else if session.is_none() && is_record_old {
            return self.forget(cid);
        }
        self.arm_client(cid);
    }

    /// Wakes a client without a socket at the end of its session, then of its record.
    pub(super) fn arm_client(&mut self, cid: &Cid) {
        let Some(client) = self.clients.get(cid).filter(|client| client.is_unused()) else {
            return;
        };
        let at = match client.detached() {
            Some(since) => since.after(self.config.ttl_ms),
            None => client.last_used.after(self.config.record_ms),
        };
        self.deadlines.arm(Owner::Client(cid.clone()), at);
    }
}
