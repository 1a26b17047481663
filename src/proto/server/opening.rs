//! From a new socket to `$session`: `$open`, the token's check, the client's record, the claim.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::super::frames::{
    Control, Lost, NUMBER_MAX, Open, Resumed, Session as SessionFrame, Terms,
};
use super::super::ids::SocketId;
use super::super::mutation::{self, Mutation};
use super::client::{After, Client, Keys, Session};
use super::config::{Intake, OPEN_BYTES};
use super::deadlines::Owner;
use super::io::{Cid, Event, Frame, Grant, Inbound, Item, Loaded, Output, Record, Write};
use super::ring::Ring;
use super::socket::{Phase, Socket};
use super::{RecordWork, RecordWorkKind, Sessions};

/// The longest name that a client may have, in characters.
const NAME_CHARS: usize = 128;
const STORE_FAILED: &str = "the session store failed";

impl<M, P: Clone> Sessions<M, P> {
    pub(super) fn handle_opened(&mut self, id: SocketId) {
        self.sockets.insert(id, Socket::new(self.now));
        self.arm_socket(id);
    }

    /// The first frame of a socket, which is `$open` and nothing else.
    pub(super) fn handle_first(&mut self, id: SocketId, frame: Frame<M>) {
        if frame.bytes > OPEN_BYTES {
            return self.close(id, 4413, "$open is too large");
        }
        match open_of(frame) {
            Some(open) if is_valid(&open) => {
                let token = open.token.clone();
                self.set_phase(id, Phase::Checking(open));
                self.outputs.push_back(Output::Authenticate(id, token));
            }
            _ => self.close(id, 4400, "the first frame must be $open"),
        }
    }

    /// The token of an `$open` is good.
    pub(super) fn handle_granted(&mut self, id: SocketId, open: Box<Open>, grant: Grant) {
        let cid = Cid::new(&open.cid);
        self.set_expiry(id, grant.life_ms);
        self.set_phase(id, Phase::Loading(open, grant));
        if self.clients.contains_key(&cid) {
            return self.accept(id, None);
        }
        if let Some(work) = self.records.get_mut(&cid) {
            work.waiting.push(id);
            return;
        }
        self.load(cid, vec![id]);
    }

    pub(super) fn load(&mut self, cid: Cid, waiting: Vec<SocketId>) {
        let kind = RecordWorkKind::Load;
        self.records
            .insert(cid.clone(), RecordWork { waiting, kind });
        self.outputs.push_back(Output::Load(cid));
    }

    pub(super) fn handle_loaded(&mut self, cid: Cid, loaded: Loaded) {
        let is_load = |work: &RecordWork| work.kind == RecordWorkKind::Load;
        if !self.records.get(&cid).is_some_and(is_load) {
            return;
        }
        let waiting = self.records.remove(&cid).map(|work| work.waiting);
        for id in waiting.into_iter().flatten() {
            match &loaded {
                Loaded::Failed => self.close(id, 1013, STORE_FAILED),
                Loaded::Absent => self.accept(id, None),
                Loaded::Found(record) => self.accept(id, Some(record)),
            }
        }
    }

    /// Lets a socket take its client, unless the client is another user's or was opened later elsewhere.
    fn accept(&mut self, id: SocketId, record: Option<&Record>) {
        let Some((open, grant)) = self.take_loading(id) else {
            return;
        };
        let cid = Cid::new(&open.cid);
        if let Some(reason) = self.refuse_claim(&cid, &open, &grant, record) {
            return self.close(id, 4409, &reason);
        }
        if !self.make_room(&cid, &grant.user) {
            return self.close_full(id);
        }
        if !self.clients.contains_key(&cid) {
            let record = record.cloned().unwrap_or_else(|| new_record(&open, &grant));
            self.remember(&cid, record, &grant);
        }
        self.claim(id, cid, open, grant);
    }

    fn refuse_claim(
        &self,
        cid: &Cid,
        open: &Open,
        grant: &Grant,
        record: Option<&Record>,
    ) -> Option<String> {
        let known = self
            .clients
            .get(cid)
            .map(|client| (&client.fingerprint, client.n));
        let (fingerprint, n) = known.or(record.map(|record| (&record.user, record.n)))?;
        if *fingerprint != grant.fingerprint {
            return Some("user".to_owned());
        }
        is_late(open, n).then(|| highest(n))
    }

    fn remember(&mut self, cid: &Cid, record: Record, grant: &Grant) {
        let user = grant.user.clone();
        let client = Client::new(user.clone(), record, self.new_bucket(), self.now);
        self.users.entry(user).or_default().insert(cid.clone());
        self.clients.insert(cid.clone(), client);
    }

    /// Takes the client from whichever socket had it, before anything is computed for the new one.
    fn claim(&mut self, id: SocketId, cid: Cid, open: Box<Open>, grant: Grant) {
        let n = open.n;
        let former = self.clients.get(&cid).and_then(|client| client.socket);
        if let Some(former) = former {
            self.supersede(former, n);
        }
        let Some(client) = self.clients.get_mut(&cid) else {
            return;
        };
        client.n = n;
        client.socket = Some(id);
        let write = Write::Claim {
            user: client.fingerprint.clone(),
            n,
            rx: client.rx,
            errs: client.errs(),
        };
        self.set_phase(id, Phase::Claiming(open, grant));
        self.store(&cid, write, After::Attach(id));
    }

    /// A socket that still waits for `$session` may try again with a higher `n`; one that has it may not.
    fn supersede(&mut self, former: SocketId, n: u64) {
        let attached = self
            .sockets
            .get(&former)
            .is_some_and(|socket| socket.cid().is_some());
        match attached {
            true => self.close(former, 4409, "superseded"),
            false => self.close(former, 4409, &highest(n)),
        }
    }

    /// The claim is stored: the session goes on or begins.
    pub(super) fn attach(&mut self, id: SocketId) {
        let Some((open, grant)) = self.take_claiming(id) else {
            return;
        };
        let cid = Cid::new(&open.cid);
        let Some(resumed) = self.resume_or_begin(&cid, &open) else {
            return;
        };
        let Some(frame) = self.session_frame(&cid, &open, &grant, resumed) else {
            return;
        };
        if let Some(client) = self.clients.get_mut(&cid) {
            client.prior_n = open.n;
            if mutation::is(Mutation::NullToldOnce) {
                client.rx = client.rx.or(Some(client.got));
            }
        }
        if let Some(socket) = self.sockets.get_mut(&id) {
            socket.told = frame.rx.unwrap_or(0);
            socket.tx = frame.from - 1;
            socket.phase = Phase::Attached(cid.clone());
        }
        self.transmit(id, vec![Item::Control(Control::Session(frame.into()))]);
        self.outputs.push_back(Output::Event(Event::Attached {
            cid: cid.clone(),
            user: grant.user,
            socket: id,
            resumed,
        }));
        if self.draining.is_some() {
            self.write_drain(id);
        }
        self.dirty.insert(cid);
        self.arm_socket(id);
    }

    fn resume_or_begin(&mut self, cid: &Cid, open: &Open) -> Option<Resumed> {
        let before = self.clients.get(cid)?.ring_bytes();
        let (epoch, ttl_ms, now) = (self.epoch.as_str(), self.config.ttl_ms, self.now);
        let client = self.clients.get_mut(cid)?;
        client.expect_first(open.tx0);
        let resumed = client.resume(open.resume.as_ref(), epoch, ttl_ms, now);
        self.note_ring(cid, before);
        let key = self.secrets.key();
        if resumed == Resumed::Yes {
            let session = self.clients.get_mut(cid)?.session.as_mut()?;
            session.keys.rotate(key);
            session.intake = Intake::of(open);
            session.detached = None;
        } else {
            self.end_session(cid, Lost::Unknown);
            let session = Session {
                sid: self.secrets.name(),
                keys: Keys::new(key),
                ring: Ring::default(),
                intake: Intake::of(open),
                detached: None,
            };
            self.clients.get_mut(cid)?.session = Some(session);
        }
        Some(resumed)
    }

    fn session_frame(
        &self,
        cid: &Cid,
        open: &Open,
        grant: &Grant,
        resumed: Resumed,
    ) -> Option<SessionFrame> {
        let client = self.clients.get(cid)?;
        let session = client.session.as_ref()?;
        let rx = open.resume.as_ref().map(|resume| resume.rx);
        let from = rx.filter(|_| resumed == Resumed::Yes).unwrap_or(0) + 1;
        Some(SessionFrame {
            sid: session.sid.clone(),
            key: session.keys.newest().clone(),
            epoch: self.epoch.clone(),
            user: grant.fingerprint.clone(),
            resumed,
            got: client.got,
            rx: match mutation::is(Mutation::OneInteger) {
                true => client.rx.map(|_| client.got),
                false => client.rx,
            },
            errs: match mutation::is(Mutation::ErrNotRepeated) {
                true => Vec::new(),
                false => client.errs(),
            },
            maybe: client.maybe,
            prior: Some(client.prior_n).filter(|n| *n > 0),
            from,
            terms: self.terms(grant.life_ms),
        })
    }

    fn terms(&self, life_ms: Option<u64>) -> Terms {
        let config = &self.config;
        Terms {
            ping_ms: config.ping_ms,
            timeout_ms: config.timeout_ms,
            ttl_ms: config.ttl_ms,
            max_frame: config.max_frame.into(),
            window: config.window.into(),
            window_bytes: config.window_bytes.into(),
            rate: config.rate.map(|rate| rate.per_second.into()),
            burst: config.rate.map(|rate| rate.burst.into()),
            exp_ms: life_ms.map(super::config::clamp_life),
        }
    }

    fn set_phase(&mut self, id: SocketId, phase: Phase) {
        if let Some(socket) = self.sockets.get_mut(&id) {
            socket.phase = phase;
        }
    }

    fn take_loading(&mut self, id: SocketId) -> Option<(Box<Open>, Grant)> {
        let socket = self.sockets.get_mut(&id)?;
        match core::mem::replace(&mut socket.phase, Phase::Waiting) {
            Phase::Loading(open, grant) => Some((open, grant)),
            phase @ (Phase::Waiting
            | Phase::Checking(_)
            | Phase::Claiming(..)
            | Phase::Attached(_)) => {
                socket.phase = phase;
                None
            }
        }
    }

    fn take_claiming(&mut self, id: SocketId) -> Option<(Box<Open>, Grant)> {
        let socket = self.sockets.get_mut(&id)?;
        match core::mem::replace(&mut socket.phase, Phase::Waiting) {
            Phase::Claiming(open, grant) => Some((open, grant)),
            phase @ (Phase::Waiting
            | Phase::Checking(_)
            | Phase::Loading(..)
            | Phase::Attached(_)) => {
                socket.phase = phase;
                None
            }
        }
    }

    pub(super) fn lose_claim(&mut self, id: SocketId) {
        self.close(id, 1013, STORE_FAILED);
    }

    /// Looked at by owner, so that a socket's deadline dies with it.
    pub(super) fn arm_socket(&mut self, id: SocketId) {
        if let Some(socket) = self.sockets.get(&id) {
            let (at, _) = socket.next_due(&self.config);
            self.deadlines.arm(Owner::Socket(id), at);
        }
    }
}

fn open_of<M>(frame: Frame<M>) -> Option<Box<Open>> {
    let mut messages = frame.messages.into_iter();
    match (messages.next(), messages.next()) {
        (Some(Inbound::Control(Control::Open(open))), None) => Some(open),
        _ => None,
    }
}

fn is_valid(open: &Open) -> bool {
    let is_name = |name: &str| (1..=NAME_CHARS).contains(&name.chars().count());
    let resumes_well = open.resume.as_ref().is_none_or(|resume| {
        is_name(&resume.sid)
            && is_name(&resume.epoch)
            && is_name(resume.key.secret())
            && resume.rx < NUMBER_MAX
    });
    let holds_well = open.tx < NUMBER_MAX && (1..=open.tx + 1).contains(&open.tx0);
    is_name(&open.cid) && open.n <= NUMBER_MAX && holds_well && resumes_well
}

/// The client was opened since, elsewhere or by a later socket.
fn is_late(open: &Open, n: u64) -> bool {
    open.n <= n && !mutation::is(Mutation::NoN)
}

fn highest(n: u64) -> String {
    format!(r#"{{"n":{n}}}"#)
}

/// What is known of a client without a record: all, if it holds nothing that was sent before.
fn new_record(open: &Open, grant: &Grant) -> Record {
    Record {
        user: grant.fingerprint.clone(),
        rx: (open.tx0 == open.tx + 1).then_some(open.tx),
        ..Record::default()
    }
}
