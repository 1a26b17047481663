//! The server's processes: each runs the server's half, with asynchronous handlers and a store.

use everwire::proto::server::{
    Cid, Event, Grant, Handle, Input, Loaded, Outcome, Output, Refusal, ServerConfig, Sessions,
    Stored, Write,
};
use everwire::proto::{CloseFrame, SocketId, Token};

use crate::happening::{Down, Happening, LinkId, ProcessId};
use crate::network::{link_of, server_socket};
use crate::store::Kind as StoreKind;
use crate::wire::{self, Kind, Note, Payload};
use crate::world::World;

#[derive(Debug)]
pub struct Process {
    pub sessions: Sessions<Payload, Note>,
    pub is_alive: bool,
    /// Its loop stalls, or it is stopped: nothing of it happens before.
    pub stalled_until: u64,
    armed: Option<u64>,
    generation: u64,
}

impl World {
    /// The next process listens in place of whichever did.
    pub fn start(&mut self) {
        let id = self.processes.len();
        let mut seed = [0; 32];
        for bytes in seed.chunks_mut(8) {
            bytes.copy_from_slice(&self.dice.roll().to_le_bytes());
        }
        let config = ServerConfig {
            store: self.plan.store.as_the_server_names_it(),
            ..self.plan.server
        };
        self.processes.push(Process {
            sessions: Sessions::new(config, seed, self.at()),
            is_alive: true,
            stalled_until: 0,
            armed: None,
            generation: 0,
        });
        self.listening = Some(id);
        self.note(|_| format!("process {id} listens"));
    }

    pub fn server_input(&mut self, id: ProcessId, input: Input<Payload>) {
        if !self.processes[id].is_alive {
            return;
        }
        self.note(|_| format!("    process {id} < {input:?}"));
        let at = self.at();
        self.processes[id].sessions.handle_input(at, input);
        self.drain_server(id);
    }

    pub fn drain_server(&mut self, id: ProcessId) {
        while let Some(output) = self.processes[id].sessions.poll_output() {
            self.note(|_| format!("    process {id} > {output:?}"));
            match output {
                Output::Transmit(socket, items) => {
                    let cid = self.links[link_of(socket)].monitor.cid.clone();
                    if let Some(cid) = cid {
                        self.streams.note_session(id, &cid, &items);
                    }
                    self.write_down(link_of(socket), wire::down(items));
                }
                Output::Close {
                    socket,
                    code,
                    reason,
                } => self.hang_up(socket, code, reason),
                Output::Authenticate(socket, token) => self.authenticate(id, socket, token),
                Output::Load(cid) => {
                    let at = self.now + self.store_takes();
                    self.queue.push(at, Happening::Look(id, cid));
                }
                Output::Store(cid, write) => {
                    let at = self.now + self.store_takes();
                    self.queue.push(at, Happening::Write(id, cid, write));
                }
                Output::Handle(handle) => {
                    let takes = match self.quiet {
                        true => 5,
                        false => self.plan.handler,
                    };
                    let at = self.now + self.dice.within(0..=takes);
                    self.queue.push(at, Happening::Commit(id, Box::new(handle)));
                }
                Output::Event(event) => {
                    if let Event::Attached { cid, user, .. } = &event {
                        self.users_of_cids.insert(cid.clone(), user.clone());
                    }
                    self.streams.note_event(id, &event);
                }
            }
        }
        self.arm_server(id);
        self.check_server(id);
    }

    fn arm_server(&mut self, id: ProcessId) {
        let process = &mut self.processes[id];
        let at = process.sessions.poll_timeout().map(|at| at.as_millis());
        if at != process.armed {
            process.armed = at;
            process.generation += 1;
            if let Some(at) = at {
                let timer = Happening::ServerTimer(id, process.generation);
                self.queue.push(at.max(self.now), timer);
            }
        }
    }

    pub fn server_timer_fires(&mut self, id: ProcessId, generation: u64) {
        if generation == self.processes[id].generation {
            self.processes[id].armed = None;
            self.server_input(id, Input::Timeout);
        }
    }

    fn store_takes(&mut self) -> u64 {
        self.dice.within(0..=5)
    }

    /// Answers after a while what a process asked for.
    fn answer(&mut self, id: ProcessId, input: Input<Payload>) {
        let takes = self.store_takes();
        let answer = Happening::Answer(id, Box::new(input));
        self.queue.push(self.now + takes, answer);
    }

    fn hang_up(&mut self, socket: SocketId, code: u16, reason: String) {
        let id = link_of(socket);
        if !self.links[id].hung_up {
            self.links[id].hung_up = true;
            let takes = self.takes();
            let frame = CloseFrame { code, reason };
            self.push_down(id, takes, Down::Closed(frame));
        }
    }

    fn authenticate(&mut self, id: ProcessId, socket: SocketId, token: Option<Token>) {
        let tab = self.pages[self.links[link_of(socket)].page].tab;
        // Without a token the handshake's cookie tells.
        let user = match &token {
            Some(token) => user_of(token).expect("a token of the provider"),
            None => self.tabs[tab].user,
        };
        let answer = match !self.quiet && self.dice.one_in(40) {
            true => Err(Refusal::Unauthorized),
            false => Ok(Grant {
                user: format!("user-{user}"),
                fingerprint: format!("f{user}"),
                life_ms: token.and(self.plan.token_life),
            }),
        };
        self.answer(id, Input::Authenticated(socket, answer));
    }

    pub fn look(&mut self, id: ProcessId, cid: Cid) {
        if !self.is_reached(id) {
            return;
        }
        let loaded = match self.store_fails() {
            true => Loaded::Failed,
            false => self.store.load(id, &cid),
        };
        self.answer(id, Input::Loaded(cid, loaded));
    }

    pub fn write_to_store(&mut self, id: ProcessId, cid: Cid, write: Write) {
        if !self.is_reached(id) {
            return;
        }
        let fails = self.store_fails();
        // A store that says so may have failed before or after it wrote.
        let writes = !fails || self.dice.one_in(2);
        let stored = match writes {
            true => self.store.write(id, &cid, write),
            false => Stored::Failed,
        };
        let stored = match fails {
            true => Stored::Failed,
            false => stored,
        };
        if stored == Stored::Fenced {
            self.see("a write is fenced");
        }
        self.answer(id, Input::Stored(cid, stored));
    }

    fn store_fails(&mut self) -> bool {
        let fails = match self.store.fails_one_in {
            Some(one_in) if !self.quiet && self.store.kind != StoreKind::Memory => {
                self.dice.one_in(one_in)
            }
            _ => false,
        };
        if fails {
            self.see("the store fails");
        }
        fails
    }

    /// What a killed process had sent to the store may still get there.
    fn is_reached(&mut self, id: ProcessId) -> bool {
        let is_durable = self.store.kind != StoreKind::Memory;
        self.processes[id].is_alive || is_durable && self.dice.one_in(3)
    }

    /// A handler ends: its effect, then the process hears of it.
    pub fn commit(&mut self, id: ProcessId, handle: Handle<Payload>) {
        let payload = handle.message.clone();
        if !self.is_reached(id) {
            return self.see("a handler dies with its process");
        }
        let outcome = match payload.kind {
            Kind::Refused => Outcome::Refused {
                code: "no".to_owned(),
                message: "not like this".to_owned(),
            },
            Kind::Poison => {
                self.see("a message kills its handler");
                Outcome::Failed
            }
            Kind::TooSlow => {
                // Of an atomic store, a transaction that comes too late is rolled back.
                if self.store.kind != StoreKind::Atomic && self.dice.one_in(2) {
                    self.ledger.of(payload.uid).is_uncertain = true;
                    self.effect(&handle.cid, &payload);
                }
                self.see("a handler takes too long");
                Outcome::TimedOut
            }
            Kind::Good => self.commit_good(id, &handle, &payload),
        };
        let is_done = matches!(outcome, Outcome::Done | Outcome::Committed);
        if is_done && payload.is_request && self.processes[id].is_alive && !self.dice.one_in(10) {
            self.reply(id, &handle);
        }
        self.answer(id, Input::Handled(handle.id, outcome));
    }

    fn commit_good(
        &mut self,
        id: ProcessId,
        handle: &Handle<Payload>,
        payload: &Payload,
    ) -> Outcome {
        let Some(seq) = handle.seq else {
            self.see("a volatile message is handled");
            return Outcome::Done;
        };
        if self.store.kind != StoreKind::Atomic {
            self.effect(&handle.cid, payload);
            return Outcome::Done;
        }
        if self.store_fails() && self.dice.one_in(2) {
            return Outcome::Failed;
        }
        match self.store.commit(id, &handle.cid, seq) {
            true => {
                self.effect(&handle.cid, payload);
                Outcome::Committed
            }
            false => {
                self.see("an effect is fenced");
                Outcome::Fenced
            }
        }
    }

    /// SIGKILL: its sockets end, and nothing more is heard of it.
    pub fn kill(&mut self, id: ProcessId) {
        self.processes[id].is_alive = false;
        self.listening = self.listening.filter(|other| *other != id);
        for link in self.links_of(id) {
            self.links[link].hung_up = true;
            let takes = self.takes();
            match self.dice.one_in(4) {
                // The machine is gone with it: nobody says so.
                true => self.links[link].down.die(self.now),
                false => self.push_down(link, takes, Down::Closed(crate::network::lost())),
            }
        }
    }

    /// A process that was asked to end closes what is left.
    pub fn exit(&mut self, id: ProcessId) {
        if !self.processes[id].is_alive {
            return;
        }
        for link in self.links_of(id) {
            self.hang_up(server_socket(link), 1012, String::new());
        }
        let was_listening = self.listening == Some(id);
        self.kill(id);
        if was_listening {
            let away = self.dice.within(0..=3_000);
            self.queue.push(self.now + away, Happening::Start);
        }
    }

    fn links_of(&self, id: ProcessId) -> Vec<LinkId> {
        let links = self.links.iter().enumerate();
        links
            .filter(|(_, link)| link.process == id && !link.hung_up)
            .map(|(at, _)| at)
            .collect()
    }

    /// The balancer in front of a stopped process may still have its sockets: what comes waits.
    pub fn is_stalled(&self, id: ProcessId) -> Option<u64> {
        let until = self.processes[id].stalled_until;
        (until > self.now).then_some(until)
    }
}

fn user_of(token: &Token) -> Option<u64> {
    let mut words = token.secret().split('-').skip(1);
    words.next()?.parse().ok()
}
