//! The server's application: what it says unasked and what it answers.

use everwire::proto::server::{Cid, Handle, Sent};

use crate::happening::{Happening, ProcessId};
use crate::wire::{Note, Payload};
use crate::world::World;

impl World {
    pub fn backend_ticks(&mut self) {
        if self.quiet {
            return;
        }
        let next = self.now + self.dice.within(0..=self.plan.backend_idle);
        self.queue.push(next, Happening::Backend);
        let Some(id) = self.listening.filter(|id| self.is_stalled(*id).is_none()) else {
            return;
        };
        match self.dice.within(0..=19) {
            0 => self.burst(id),
            1..=6 => self.say_to_all(id),
            7 => self.say_volatile(id),
            8 => {
                let at = self.at();
                let user = self.some_user();
                let sessions = &mut self.processes[id].sessions;
                sessions.ask_for_token(at, &user, 20_000);
            }
            9 if self.dice.one_in(10) => self.disconnect(id),
            _ => {
                let bytes = self.some_bytes();
                self.say_to_user(id, bytes);
            }
        }
        self.drain_server(id);
    }

    fn some_user(&mut self) -> String {
        let user = self.dice.within(0..=self.plan.users - 1);
        format!("user-{user}")
    }

    fn some_bytes(&mut self) -> u32 {
        match self.dice.within(0..=30) {
            0 => 70_000,
            1..=3 => 8_000,
            _ => 160,
        }
    }

    fn burst(&mut self, id: ProcessId) {
        self.see("the server has much to say");
        for _ in 0..self.dice.within(10..=60) {
            self.say_to_user(id, 160);
        }
    }

    fn note_of(&mut self, bytes: u32, re: Option<u64>) -> Note {
        let uid = self.streams.next_uid();
        Note { uid, bytes, re }
    }

    fn say_to_user(&mut self, id: ProcessId, bytes: u32) {
        let (user, at) = (self.some_user(), self.at());
        let note = self.note_of(bytes, None);
        let cids = self.clients_of_user(id, &user);
        let sessions = &mut self.processes[id].sessions;
        let sent = sessions.send_to_user(at, &user, note, bytes);
        self.appended(id, &cids, note, sent);
    }

    fn say_to_all(&mut self, id: ProcessId) {
        let at = self.at();
        let bytes = self.some_bytes();
        let note = self.note_of(bytes, None);
        let cids = self.streams.clients_of(id);
        let sent = self.processes[id].sessions.broadcast(at, note, bytes);
        self.appended(id, &cids, note, sent);
    }

    fn say_volatile(&mut self, id: ProcessId) {
        let at = self.at();
        for cid in self.streams.clients_of(id) {
            let note = self.note_of(50, None);
            self.processes[id].sessions.send_volatile(at, &cid, note);
        }
    }

    pub fn reply(&mut self, id: ProcessId, handle: &Handle<Payload>) {
        let (at, bytes) = (self.at(), 100);
        let note = self.note_of(bytes, handle.seq);
        let cid = &handle.cid;
        let sent = self.processes[id].sessions.send(at, cid, note, bytes);
        self.appended(id, std::slice::from_ref(cid), note, sent);
        self.drain_server(id);
    }

    /// A message goes to every session there is. One that ends to make room for it is of no interest any more.
    fn appended(&mut self, id: ProcessId, cids: &[Cid], note: Note, sent: Sent) {
        let sessions = self.streams.appended(id, cids, note.uid);
        let has_room = self.plan.server.rings_bytes > 1 << 20;
        assert!(
            sent.sessions == sessions || !has_room,
            "{} sessions took a message, {sessions} stand",
            sent.sessions
        );
    }

    fn clients_of_user(&self, id: ProcessId, user: &str) -> Vec<Cid> {
        let all = self.streams.clients_of(id);
        all.into_iter()
            .filter(|cid| self.users_of_cids.get(cid).is_some_and(|of| of == user))
            .collect()
    }

    fn disconnect(&mut self, id: ProcessId) {
        self.see("the server disconnects a user");
        let (user, at) = (self.some_user(), self.at());
        let code = self.dice.pick(&[1012, 4410, 1011, 4429, 1001, 1013]);
        let reason = match code {
            4429 => r#"{"retry_after_ms":3000}"#,
            _ => "",
        };
        self.processes[id]
            .sessions
            .disconnect(at, &user, code, reason);
    }
}
