//! A page: the engine under a driver as its contract asks for, and an application.

use std::collections::{BTreeMap, VecDeque};

use everwire::proto::{
    Connection, Event, Input, MessageId, Output, PageEnd, SocketId, State, Status, StorageEvent,
    Store, Token, TokenAnswer, TokenReason, TokenRequest,
};

use crate::happening::{Happening, LinkId, PageId, TabId};
use crate::receipts::Receipt;
use crate::storage::Health;
use crate::streams::{Cursor, StreamId, Task};
use crate::wire::{DownFrame, Payload};
use crate::world::World;

/// An event handler that calls back runs at most so deep in one drain.
const REENTRANT: u32 = 5;

#[derive(Debug)]
pub struct Page {
    pub tab: TabId,
    pub connection: Connection<Payload>,
    pub life: Life,
    /// Frozen: nothing of the page happens before.
    pub asleep_until: u64,
    armed: Option<u64>,
    generation: u64,
    pub last_socket: SocketId,
    /// The socket that was opened and is neither abandoned nor closed.
    pub link: Option<LinkId>,
    pub receipts: BTreeMap<MessageId, Receipt>,
    /// Messages that an earlier page left and this one took over.
    pub restored: Vec<u64>,
    /// The frame that is handed in.
    pub frame: Option<DownFrame>,
    /// The session of the present socket.
    pub stream: Option<StreamId>,
    pub cursor: Option<Cursor>,
    pub tasks: VecDeque<Task>,
    /// What it found in storage was left by a page that crashed.
    pub after_crash: bool,
    pub claims: u64,
    pub last_heard: u64,
    /// When attempts began.
    pub attempts: VecDeque<u64>,
    /// Something could not be stored: the page gives storage up.
    pub storage_failed: bool,
    /// How often it went on where another page of its tab was.
    pub takeovers: u32,
    /// The constructor of its last socket threw.
    pub threw: bool,
    /// It stored everything when it went away.
    pub left_clean: bool,
    /// Its application does nothing more.
    pub is_leaving: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    Lives,
    /// In the back-forward cache.
    Cached,
    Gone,
}

impl Page {
    pub fn new(tab: TabId, connection: Connection<Payload>, now: u64) -> Self {
        Self {
            tab,
            connection,
            life: Life::Lives,
            asleep_until: 0,
            armed: None,
            generation: 0,
            last_socket: SocketId::default(),
            link: None,
            receipts: BTreeMap::new(),
            restored: Vec::new(),
            frame: None,
            stream: None,
            cursor: None,
            tasks: VecDeque::new(),
            after_crash: false,
            claims: 0,
            last_heard: now,
            attempts: VecDeque::new(),
            storage_failed: false,
            takeovers: 0,
            threw: false,
            left_clean: false,
            is_leaving: false,
        }
    }

    pub fn open_uids(&self) -> Vec<u64> {
        let open = self.receipts.values().filter(|receipt| !receipt.is_settled);
        open.map(|receipt| receipt.uid).collect()
    }
}

impl World {
    pub fn input(&mut self, page: PageId, input: Input) {
        if self.pages[page].life == Life::Gone {
            return;
        }
        self.note(|_| format!("  page {page} < {input:?}"));
        let at = self.at();
        // The network takes everything at once.
        let buffered = Input::Buffered(self.pages[page].last_socket, 0);
        if self.pages[page].link.is_some() {
            self.pages[page].connection.handle_input(at, buffered);
        }
        let connection = &mut self.pages[page].connection;
        let before = connection.state().clone();
        connection.handle_input(at, input);
        let stopped = matches!(before, State::Closed(_) | State::Idle);
        assert!(
            !stopped || *connection.state() == before,
            "invariant 10: a stopped connection went on by itself"
        );
        self.drain(page);
    }

    /// Acts on each output in order.
    pub fn drain(&mut self, page: PageId) {
        let mut reentrant = 0;
        while let Some(output) = self.pages[page].connection.poll_output() {
            self.note(|_| format!("  page {page} > {output:?}"));
            self.check_shows_no_secret(&output);
            if !self.quiet && self.crash_at == Some(self.outputs) {
                self.crash_at = None;
                self.see("a page crashes between two outputs");
                return self.crash(page);
            }
            self.outputs += 1;
            match output {
                Output::Open { socket, url, .. } => self.open(page, socket, &url),
                Output::Transmit(socket, frame) => self.write(page, socket, frame),
                Output::Close(socket, frame) => self.abandon(page, socket, frame),
                Output::Store(store) => self.use_storage(page, store),
                Output::FetchToken(request, reason) => {
                    // An attempt begins with the question for its token.
                    if reason != TokenReason::Refresh {
                        self.check_budget(page);
                    }
                    self.ask_provider(page, request);
                }
                Output::Event(event) => {
                    self.hears(page, event);
                    let may_act = !self.quiet && !self.pages[page].is_leaving;
                    if may_act && reentrant < REENTRANT && self.dice.one_in(60) {
                        reentrant += 1;
                        self.see("a handler that calls back");
                        self.act(page);
                    }
                }
            }
        }
        self.arm(page);
        self.check_page(page);
    }

    fn hears(&mut self, page: PageId, event: Event<Payload>) {
        self.receipt_hears(page, &event);
        match event {
            // After `close` no handler runs.
            Event::Deliver(_) | Event::AnsweredBy(..) | Event::Resync(_)
                if self.pages[page].stream.is_none() => {}
            Event::Deliver(delivered) | Event::AnsweredBy(_, delivered) => {
                self.delivered(page, delivered);
            }
            Event::Resync(resync) => self.resynced(page, resync),
            Event::Status(change) if change.status == Status::Open => self.see("opened"),
            Event::Warning(code, _) => {
                self.see(code.as_str());
            }
            Event::Disconnected(code, _) => self.see(code.as_str()),
            Event::Status(_)
            | Event::Message
            | Event::Answered(_)
            | Event::Sent(_)
            | Event::Acked(_)
            | Event::Refused(..)
            | Event::Restored(..)
            | Event::Rejected(..)
            | Event::Uncertain(..)
            | Event::Latency(_) => {}
        }
    }

    fn arm(&mut self, page: PageId) {
        let here = &mut self.pages[page];
        let at = here.connection.poll_timeout().map(|(at, _)| at.as_millis());
        if at == here.armed {
            return;
        }
        here.armed = at;
        here.generation += 1;
        if let Some(at) = at {
            let timer = Happening::Timer(page, here.generation);
            self.queue.push(at.max(self.now), timer);
        }
    }

    /// Timers of the time before are gone.
    pub fn wakes(&mut self, page: PageId) {
        self.pages[page].armed = None;
    }

    pub fn timer_fires(&mut self, page: PageId, generation: u64) {
        let here = &self.pages[page];
        if here.life == Life::Lives && generation == here.generation {
            self.pages[page].armed = None;
            self.input(page, Input::Timeout);
        }
    }

    fn use_storage(&mut self, page: PageId, store: Store<Payload>) {
        let (at, tab) = (self.at(), self.pages[page].tab);
        match store {
            Store::Load => {
                let loaded = self.tabs[tab].storage.load();
                let wall = self.wall_ms();
                self.pages[page].connection.restored(at, wall, loaded);
            }
            Store::Claim(cid) => self.claim(page, &cid),
            Store::Release => self.unlock(page),
            store @ (Store::Head(_) | Store::Keep(_) | Store::Forget(_) | Store::Clear) => {
                if let Store::Head(head) = &store {
                    self.tabs[tab].is_stale = false;
                    let works = self.tabs[tab].storage.state == Health::Works;
                    self.pages[page].left_clean = works && matches!(head.end, PageEnd::Clean(_));
                }
                if !self.tabs[tab].storage.act(store) {
                    self.see("the storage fails");
                    self.pages[page].storage_failed = true;
                    let failed = Input::Storage(StorageEvent::Failed);
                    self.pages[page].connection.handle_input(at, failed);
                }
            }
        }
    }

    fn claim(&mut self, page: PageId, cid: &str) {
        self.unlock(page);
        self.pages[page].claims += 1;
        if !self.plan.has_locks {
            let denied = Happening::Denied(page, self.pages[page].claims);
            return self.queue.push(self.now, denied);
        }
        self.locks.ask(cid, page);
        let at = self.now + self.dice.within(0..=20);
        self.queue.push(at, Happening::Lock(cid.to_owned()));
    }

    pub fn unlock(&mut self, page: PageId) {
        for name in self.locks.release(page) {
            self.queue.push(self.now, Happening::Lock(name));
        }
    }

    /// Whoever waits longest gets the lock, and is told once.
    pub fn lock_is_granted(&mut self, name: &str) {
        if let Some(page) = self.locks.grant(name) {
            self.told_of_claim(page, StorageEvent::Claimed);
        }
    }

    pub fn told_of_claim(&mut self, page: PageId, event: StorageEvent) {
        let here = &self.pages[page];
        let claimed = event == StorageEvent::Claimed;
        let adopts = claimed && matches!(here.connection.state(), State::Claiming);
        self.input(page, Input::Storage(event));
        if adopts {
            self.adopts(page);
        }
        let tab = self.pages[page].tab;
        let promised = self.tabs[tab].promised.take_if(|_| adopts || !claimed);
        if let Some(promised) = promised.filter(|_| adopts) {
            self.check_kept(page, &promised);
        }
    }

    /// After a crash, what an earlier page had handled and not stored is handed over again.
    fn adopts(&mut self, page: PageId) {
        let tab = self.pages[page].tab;
        let place = self.tabs[tab].storage.head().and_then(|head| head.place);
        if let Some(place) = place.filter(|_| self.pages[page].after_crash)
            && let Some(stream) = self.streams.by_sid(&place.sid)
        {
            self.tabs[tab].handled.insert(stream, place.rx);
        }
    }

    /// What an earlier page stored when it went away in good order is here.
    fn check_kept(&self, page: PageId, promised: &[u64]) {
        let here = &self.pages[page];
        for uid in promised {
            let known = here.restored.contains(uid)
                || here.receipts.values().any(|receipt| receipt.uid == *uid);
            assert!(known, "invariant 3: {uid} did not survive the reload");
        }
    }

    fn ask_provider(&mut self, page: PageId, request: TokenRequest) {
        let delay = self.dice.within(0..=50);
        let fails = !self.quiet && self.dice.one_in(20);
        let hangs = fails && self.dice.one_in(2);
        if hangs {
            return self.see("the provider hangs");
        }
        self.last_token += 1;
        let user = self.tabs[self.pages[page].tab].user;
        let answer = match fails {
            true => TokenAnswer::Failed,
            false => TokenAnswer::Granted {
                token: Some(Token::new(format!("secret-{user}-{}", self.last_token))),
                url: None,
                expires_in_ms: self.plan.token_life,
            },
        };
        let happening = Happening::Token(page, request, answer);
        self.queue.push(self.now + delay, happening);
    }
}
