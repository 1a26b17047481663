//! The server's half of everwire.v1, for all clients of one process: inputs in, outputs and one deadline out.

mod client;
mod config;
mod deadlines;
mod handling;
mod heartbeat;
mod inbound;
mod io;
mod limits;
mod opening;
mod outbound;
mod ring;
mod secrets;
mod socket;
mod token;

use alloc::borrow::ToOwned;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::string::String;
use alloc::vec::Vec;

use super::frames::Lost;
use super::ids::SocketId;
use super::rate::TokenBucket;
use super::time::Instant;
use client::Client;
use deadlines::{Deadlines, Owner};
use secrets::Secrets;
use socket::{Phase, Socket};

pub use config::{MessageRate, ServerConfig, StoreKind};
pub use io::{
    Cid, Event, Frame, Grant, Handle, HandlerId, Inbound, Input, Item, Loaded, Outcome, Output,
    Record, Refusal, Sent, Stored, Unreadable, Write,
};

/// The longest close reason, in UTF-8 bytes.
const REASON_BYTES: usize = 123;

/// All clients of one process that speak everwire.v1, without IO. `M` is a message that came in, `P` one that goes
/// out: both are opaque, and `P` is cloned for each session that holds it.
///
/// Its methods are of four kinds:
///
/// 1. **Commands** are the application's: [`send`](Self::send), [`send_to_user`](Self::send_to_user),
///    [`broadcast`](Self::broadcast), [`send_volatile`](Self::send_volatile), [`drain`](Self::drain),
///    [`revoke`](Self::revoke), [`disconnect`](Self::disconnect), [`ask_for_token`](Self::ask_for_token).
/// 2. **Inputs** are the world's: [`handle_input`](Self::handle_input). They cannot fail.
/// 3. **Outputs**: after commands and inputs, call [`poll_output`](Self::poll_output) until it gives `None` and act on
///    each output in order; then arm one timer for [`poll_timeout`](Self::poll_timeout) and hand in
///    [`Input::Timeout`] when it fires. Several commands before a poll share their frames.
/// 4. **Getters** change nothing.
///
/// What the caller promises:
///
/// - Each [`Output::Authenticate`], [`Output::Load`], [`Output::Store`] and [`Output::Handle`] is answered once. For
///   one client there is at most one of `Load` and `Store` under way, and at most one `Handle`: they may be acted on
///   in tasks of their own.
/// - A handler runs to its end whatever happens to sockets.
/// - What was given in [`Output::Transmit`] for a socket is written in order, and before the close that follows. A
///   volatile item may be dropped.
/// - After [`Output::Close`] the socket is forgotten here; [`Input::Closed`] may still come and does nothing.
/// - The seed is random and secret: sessions' keys come from it.
///
/// ```
/// use everwire::proto::frames::{Control, Open};
/// use everwire::proto::server::{Frame, Grant, Inbound, Input, Item, Loaded, Output, ServerConfig, Sessions, Stored};
/// use everwire::proto::{Instant, SocketId};
///
/// let now = Instant::from_millis(0);
/// let mut sessions: Sessions<&str, &str> = Sessions::new(ServerConfig::default(), [7; 32], now);
/// let socket = SocketId(1);
/// let open = Open { cid: "c".into(), n: 1, token: None, tx0: 1, tx: 0, max_frame: 1 << 20, window: 256, window_bytes: 1 << 17, resume: None };
/// let hello = Inbound::Message { seq: Some(1), ack: None, bytes: 20, message: "hello" };
/// sessions.handle_input(now, Input::Opened(socket));
/// sessions.handle_input(now, Input::Frame(socket, Frame { bytes: 200, messages: vec![Inbound::Control(Control::Open(open.into()))] }));
/// while let Some(output) = sessions.poll_output() {
///     match output {
///         Output::Authenticate(socket, _token) => {
///             let grant = Grant { user: "ann".into(), fingerprint: "f1".into(), life_ms: None };
///             sessions.handle_input(now, Input::Authenticated(socket, Ok(grant)));
///         }
///         Output::Load(cid) => sessions.handle_input(now, Input::Loaded(cid, Loaded::Absent)),
///         Output::Store(cid, _write) => sessions.handle_input(now, Input::Stored(cid, Stored::Done)),
///         Output::Transmit(socket, items) => {
///             assert!(matches!(items[..], [Item::Control(Control::Session(_))]));
///             sessions.handle_input(now, Input::Frame(socket, Frame { bytes: 20, messages: vec![hello.clone()] }));
///         }
///         Output::Handle(handle) => assert_eq!((handle.seq, handle.message), (Some(1), "hello")),
///         _ => {}
///     }
/// }
/// assert_eq!(sessions.send_to_user(now, "ann", "hi", 13).attached, 1);
/// ```
#[derive(Debug)]
pub struct Sessions<M, P> {
    config: ServerConfig,
    epoch: String,
    secrets: Secrets,
    now: Instant,
    sockets: BTreeMap<SocketId, Socket>,
    clients: BTreeMap<Cid, Client<M, P>>,
    /// Clients whose record is being loaded, or written or deleted for the last time, with the sockets that wait for it.
    records: BTreeMap<Cid, RecordWork>,
    /// The clients of each user.
    users: BTreeMap<String, BTreeSet<Cid>>,
    handlers: BTreeMap<HandlerId, Cid>,
    last_handler: HandlerId,
    outputs: VecDeque<Output<M, P>>,
    /// Clients that may have something to write.
    dirty: BTreeSet<Cid>,
    deadlines: Deadlines,
    /// What all rings hold.
    ring_bytes: u64,
    draining: Option<Drain>,
}

#[derive(Debug)]
struct RecordWork {
    waiting: Vec<SocketId>,
    kind: RecordWorkKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RecordWorkKind {
    Load,
    LastWrite,
}

#[derive(Clone, Copy, Debug)]
struct Drain {
    after_ms: u64,
    spread_ms: u64,
}

/// Numbers to look at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SessionStats {
    /// Sockets, those without a session included.
    pub sockets: usize,
    /// Clients that are remembered.
    pub clients: usize,
    /// Sessions.
    pub sessions: usize,
    /// Sessions that have a socket.
    pub attached: usize,
    /// UTF-8 bytes held for all sessions.
    pub ring_bytes: u64,
    /// Messages held for the session that holds the most.
    pub longest_ring: usize,
    /// Messages waiting for handlers, of the client with the most.
    pub longest_queue: usize,
}

impl<M, P: Clone> Sessions<M, P> {
    /// Nobody is connected. The seed is 256 random bits: keys and the epoch come from it.
    pub fn new(config: ServerConfig, seed: [u8; 32], now: Instant) -> Self {
        let mut secrets = Secrets::new(seed);
        Self {
            config: config.clamped(),
            epoch: secrets.name(),
            secrets,
            now,
            sockets: BTreeMap::new(),
            clients: BTreeMap::new(),
            records: BTreeMap::new(),
            users: BTreeMap::new(),
            handlers: BTreeMap::new(),
            last_handler: HandlerId::default(),
            outputs: VecDeque::new(),
            dirty: BTreeSet::new(),
            deadlines: Deadlines::default(),
            ring_bytes: 0,
            draining: None,
        }
    }

    /// Hands in what happened.
    pub fn handle_input(&mut self, now: Instant, input: Input<M>) {
        self.now = self.now.max(now);
        match input {
            Input::Timeout => self.handle_timeout(),
            Input::Opened(socket) => self.handle_opened(socket),
            Input::Frame(socket, frame) => self.handle_frame(socket, frame),
            Input::Unreadable(socket, why) => self.handle_unreadable(socket, why),
            Input::Closed(socket) => self.remove_socket(socket),
            Input::Authenticated(socket, answer) => self.handle_authenticated(socket, answer),
            Input::Loaded(cid, loaded) => self.handle_loaded(cid, loaded),
            Input::Stored(cid, stored) => self.handle_stored(cid, stored),
            Input::Handled(id, outcome) => self.handle_handled(id, outcome),
        }
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<Output<M, P>> {
        while self.outputs.is_empty() {
            let cid = self.dirty.pop_first()?;
            self.write_due(&cid);
        }
        self.outputs.pop_front()
    }

    /// When to hand in [`Input::Timeout`]. It may turn out to be too early, never too late.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.deadlines.next()
    }

    /// Names the life of this process's memory. It owns the records that were loaded.
    pub fn epoch(&self) -> &str {
        &self.epoch
    }

    /// Numbers to look at.
    pub fn stats(&self) -> SessionStats {
        let sessions = || {
            self.clients
                .values()
                .filter_map(|client| client.session.as_ref())
        };
        SessionStats {
            sockets: self.sockets.len(),
            clients: self.clients.len(),
            sessions: sessions().count(),
            attached: sessions()
                .filter(|session| session.detached.is_none())
                .count(),
            ring_bytes: self.ring_bytes,
            longest_ring: sessions()
                .map(|session| session.ring.len())
                .max()
                .unwrap_or(0),
            longest_queue: self
                .clients
                .values()
                .map(|client| client.queue.len())
                .max()
                .unwrap_or(0),
        }
    }

    /// Asks every client to leave: each stays for `after_ms`, then leaves at random within `spread_ms`. Both are 5
    /// minutes at most. Whoever attaches later is asked too.
    pub fn drain(&mut self, now: Instant, after_ms: u64, spread_ms: u64) {
        self.now = self.now.max(now);
        self.draining = Some(Drain {
            after_ms: config::clamp_drain(after_ms),
            spread_ms: config::clamp_drain(spread_ms),
        });
        for socket in self.attached_sockets() {
            self.write_drain(socket);
        }
    }

    /// Closes every socket of a user with 4403 and ends its sessions. Says how many clients it met.
    pub fn revoke(&mut self, now: Instant, user: &str) -> usize {
        self.now = self.now.max(now);
        let cids = self.cids_of(user);
        for cid in &cids {
            self.end_session(cid, Lost::Unknown);
            self.close_client(cid, 4403, "revoked");
        }
        cids.len()
    }

    /// Closes every socket of a user. Code 1000 ends its sessions too; after any other, clients may come back to
    /// them. Says how many sockets there were.
    pub fn disconnect(&mut self, now: Instant, user: &str, code: u16, reason: &str) -> usize {
        self.now = self.now.max(now);
        let cids = self.cids_of(user).into_iter();
        cids.filter(|cid| self.close_socket_of(now, cid, code, reason))
            .count()
    }

    /// Closes a client's socket, as [`disconnect`](Self::disconnect) does. `false` if it has none.
    pub fn close_socket_of(&mut self, now: Instant, cid: &Cid, code: u16, reason: &str) -> bool {
        self.now = self.now.max(now);
        if !self.is_attached(cid) {
            return false;
        }
        if code == 1000 {
            self.write_bye(cid);
            self.end_session(cid, Lost::Unknown);
        } else {
            self.write_due(cid);
        }
        self.close_client(cid, code, reason);
        true
    }

    /// Whether a client has a session, attached or not.
    pub fn has_session(&self, cid: &Cid) -> bool {
        self.clients
            .get(cid)
            .is_some_and(|client| client.session.is_some())
    }

    /// Whether a socket has taken a client, with or without a session yet.
    pub fn has_socket(&self, cid: &Cid) -> bool {
        self.clients
            .get(cid)
            .is_some_and(|client| client.socket.is_some())
    }

    /// Whether a client has a session and a socket.
    pub fn is_attached(&self, cid: &Cid) -> bool {
        let session = self
            .clients
            .get(cid)
            .and_then(|client| client.session.as_ref());
        session.is_some_and(|session| session.detached.is_none())
    }

    fn cids_of(&self, user: &str) -> Vec<Cid> {
        self.users
            .get(user)
            .into_iter()
            .flatten()
            .cloned()
            .collect()
    }

    fn attached_sockets(&self) -> Vec<SocketId> {
        let attached = self
            .sockets
            .iter()
            .filter(|(_, socket)| socket.cid().is_some());
        attached.map(|(id, _)| *id).collect()
    }

    fn close_client(&mut self, cid: &Cid, code: u16, reason: &str) {
        if let Some(socket) = self.clients.get(cid).and_then(|client| client.socket) {
            self.close(socket, code, reason);
        }
    }

    fn close(&mut self, socket: SocketId, code: u16, reason: &str) {
        if !self.sockets.contains_key(&socket) {
            return;
        }
        self.remove_socket(socket);
        let end = reason.floor_char_boundary(REASON_BYTES);
        self.outputs.push_back(Output::Close {
            socket,
            code,
            reason: reason.get(..end).unwrap_or_default().to_owned(),
        });
    }

    /// Forgets a socket. Its client's session waits for the next one; nothing that was accepted is touched.
    fn remove_socket(&mut self, id: SocketId) {
        self.deadlines.disarm(&Owner::Socket(id));
        let Some(socket) = self.sockets.remove(&id) else {
            return;
        };
        let cid = match socket.phase {
            Phase::Attached(cid) => {
                self.outputs.push_back(Output::Event(Event::Detached {
                    cid: cid.clone(),
                    socket: id,
                }));
                cid
            }
            Phase::Claiming(open, _) => Cid::new(&open.cid),
            Phase::Waiting | Phase::Checking(_) | Phase::Loading(..) => return,
        };
        self.detach(&cid, id);
    }

    fn detach(&mut self, cid: &Cid, socket: SocketId) {
        let Some(client) = self
            .clients
            .get_mut(cid)
            .filter(|client| client.socket == Some(socket))
        else {
            return;
        };
        client.socket = None;
        client.last_used = self.now;
        if let Some(session) = &mut client.session {
            session.detached.get_or_insert(self.now);
        }
        self.dirty.remove(cid);
        self.arm_client(cid);
    }
}
