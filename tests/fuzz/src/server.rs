//! The server's half: clients, a store and handlers that do anything at any time.

use std::collections::BTreeMap;

use everwire::proto::frames::{Control, NUMBER_MAX, Resume};
use everwire::proto::server::{
    Cid, Frame, Grant, HandlerId, Inbound, Input, Loaded, Outcome, Output, Refusal, ServerConfig,
    Sessions, Stored, Unreadable, Write,
};
use everwire::proto::{Instant, SocketId};
use everwire_server::v1::decode;

use crate::bytes::Bytes;
use crate::sockets::Sockets;
use crate::store::Store;
use crate::values;

/// A run ends here even if there are bytes left.
const STEPS: usize = 2_000;
/// No process lives longer than 30,000 years; beyond it, additions of times saturate.
const END_OF_TIME_MS: u64 = 1 << 50;
/// A timer may be due again at once, but not for ever.
const TIMEOUTS_AT_ONCE: usize = 100;
const USERS: [&str; 2] = ["ann", "ben"];
const SESSIONS: usize = 3;
const CLIENTS: usize = 4;
const RING: u32 = 10;
/// One mark of what was lost comes on top.
const RING_AND_MARK: usize = RING as usize + 1;
/// The most messages that wait for a client's handler.
const QUEUE: usize = 1_024;
const OPEN_SOCKETS: usize = 8;

/// Lets `data` decide what happens to a server.
///
/// # Panics
/// If it breaks a promise.
pub fn server(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let mut world = World::new(&mut bytes);
    for _ in 0..STEPS {
        if bytes.is_empty() {
            break;
        }
        world.step(&mut bytes);
        world.drain();
        world.check();
    }
    world.settle();
}

struct World {
    sessions: Sessions<(), ()>,
    now: Instant,
    sockets: Sockets,
    last_socket: u32,
    store: Store,
    /// The store and the handlers do what they should, so that nothing may be handled twice.
    is_honest: bool,
    /// The seq that a handler of each client got last.
    handled: BTreeMap<Cid, u64>,
    authenticating: Vec<SocketId>,
    loading: Vec<Cid>,
    storing: Vec<(Cid, Write)>,
    handling: Vec<(HandlerId, Cid, Option<u64>)>,
    /// The last handler of a client that was given up since: it may run beside those of the client's next life.
    outlived: BTreeMap<Cid, HandlerId>,
    resumes: Vec<Resume>,
}

impl World {
    fn new(bytes: &mut Bytes) -> Self {
        let now = Instant::from_millis(bytes.below(1 << 40));
        let config = ServerConfig {
            sessions_per_user: SESSIONS,
            clients_per_user: CLIENTS,
            ring_messages: RING,
            ring_bytes: 2_000,
            rings_bytes: 5_000,
            record_ms: 500_000,
            ..ServerConfig::default()
        };
        Self {
            sessions: Sessions::new(config, [bytes.byte(); 32], now),
            now,
            sockets: Sockets::default(),
            last_socket: 0,
            store: Store::default(),
            is_honest: bytes.flag(),
            handled: BTreeMap::new(),
            authenticating: Vec::new(),
            loading: Vec::new(),
            storing: Vec::new(),
            handling: Vec::new(),
            outlived: BTreeMap::new(),
            resumes: Vec::new(),
        }
    }

    fn step(&mut self, bytes: &mut Bytes) {
        match bytes.below(16) {
            0 => self.connect(bytes),
            1 => self.authenticate(bytes),
            2 => self.load(bytes),
            3 => self.store(bytes),
            4 => self.handle(bytes),
            5 => self.pass_time(bytes),
            6 => self.command(bytes),
            7 => self.hang_up(bytes),
            8 => self.send(bytes),
            9 => self.text(bytes),
            _ => self.frame(bytes),
        }
    }

    fn hand_in(&mut self, input: Input<()>) {
        self.sessions.handle_input(self.now, input);
    }

    fn connect(&mut self, bytes: &mut Bytes) {
        if self.sockets.len() >= OPEN_SOCKETS {
            return;
        }
        self.last_socket += 1;
        let socket = SocketId(self.last_socket);
        self.sockets.open(socket);
        self.hand_in(Input::Opened(socket));
        if bytes.below(4) == 0 {
            return;
        }
        let resume = self.resume(bytes);
        let open = values::open(bytes, 0, resume);
        let messages = vec![Inbound::Control(Control::Open(Box::new(open)))];
        self.hand_in(Input::Frame(
            socket,
            Frame {
                bytes: 200,
                messages,
            },
        ));
    }

    fn resume(&mut self, bytes: &mut Bytes) -> Option<Resume> {
        if self.resumes.is_empty() || bytes.below(3) == 0 {
            return None;
        }
        let mut resume = bytes.one(&self.resumes);
        resume.rx = bytes.near(self.sockets.highest_seq());
        Some(resume)
    }

    fn authenticate(&mut self, bytes: &mut Bytes) {
        let Some(socket) = take(&mut self.authenticating, bytes) else {
            return;
        };
        let answer = match bytes.below(8) {
            0 => Err(Refusal::Unauthorized),
            1 => Err(Refusal::Forbidden),
            _ => {
                let user = bytes.one(&USERS).to_owned();
                let fingerprint = user.clone();
                let life_ms = bytes.perhaps(Bytes::number);
                Ok(Grant {
                    user,
                    fingerprint,
                    life_ms,
                })
            }
        };
        self.hand_in(Input::Authenticated(socket, answer));
    }

    fn load(&mut self, bytes: &mut Bytes) {
        let Some(cid) = take(&mut self.loading, bytes) else {
            return;
        };
        let loaded = match self.store.record(&cid) {
            _ if bytes.below(8) == 0 => Loaded::Failed,
            Some(record) => Loaded::Found(record.clone()),
            None => {
                self.handled.remove(&cid);
                Loaded::Absent
            }
        };
        self.hand_in(Input::Loaded(cid, loaded));
    }

    fn store(&mut self, bytes: &mut Bytes) {
        let Some((cid, write)) = take(&mut self.storing, bytes) else {
            return;
        };
        let stored = match bytes.below(16) {
            0 if !self.is_honest => Stored::Failed,
            1 if !self.is_honest => Stored::Fenced,
            _ => self.store.write(&cid, write.clone()),
        };
        let is_claim = matches!(write, Write::Claim { .. });
        if stored == Stored::Fenced || (stored == Stored::Failed && !is_claim) {
            self.outlive(&cid);
        }
        self.hand_in(Input::Stored(cid, stored));
    }

    fn handle(&mut self, bytes: &mut Bytes) {
        let Some((id, cid, seq)) = take(&mut self.handling, bytes) else {
            return;
        };
        let outcome = match bytes.below(8) {
            0 => Outcome::Failed,
            1 => Outcome::TimedOut,
            2 if !self.is_honest => Outcome::Fenced,
            3 => Outcome::Refused {
                code: bytes.name(),
                message: bytes.text(),
            },
            4 => Outcome::Done,
            _ => self.store.commit(&cid, seq),
        };
        self.hand_in(Input::Handled(id, outcome));
    }

    /// The client is given up here.
    fn outlive(&mut self, cid: &Cid) {
        let last = self.handling.iter().filter(|(_, other, _)| other == cid);
        if let Some(last) = last.map(|(id, ..)| *id).max() {
            self.outlived.insert(cid.clone(), last);
        }
    }

    fn pass_time(&mut self, bytes: &mut Bytes) {
        let to = match (bytes.below(3), self.sessions.poll_timeout()) {
            (0, _) => self.now.after(bytes.below(100)),
            (1, Some(at)) => at.max(self.now),
            _ => self.now.after(bytes.below(1_000_000)),
        };
        self.now = to.min(Instant::from_millis(END_OF_TIME_MS));
        self.hand_in(Input::Timeout);
    }

    fn command(&mut self, bytes: &mut Bytes) {
        let user = bytes.one(&USERS);
        match bytes.below(8) {
            0 => self
                .sessions
                .drain(self.now, bytes.number(), bytes.number()),
            1 => {
                self.sessions.revoke(self.now, user);
            }
            2 => {
                let frame = values::close_frame(bytes);
                self.sessions
                    .disconnect(self.now, user, frame.code, &frame.reason);
            }
            _ => {
                self.sessions.ask_for_token(self.now, user, bytes.number());
            }
        }
    }

    fn hang_up(&mut self, bytes: &mut Bytes) {
        let socket = self.some_socket(bytes);
        self.sockets.close(socket);
        self.hand_in(Input::Closed(socket));
    }

    fn send(&mut self, bytes: &mut Bytes) {
        let user = bytes.one(&USERS);
        let cid = Cid::new(&bytes.name());
        let size = match bytes.below(4) {
            0 => u32::try_from(bytes.near(64 << 10)).unwrap_or(u32::MAX),
            _ => u32::try_from(bytes.below(500)).unwrap_or_default(),
        };
        match bytes.below(6) {
            0 => {
                self.sessions.send_volatile(self.now, &cid, ());
            }
            1 => {
                self.sessions.send_volatile_to_user(self.now, user, ());
            }
            2 => {
                self.sessions.send(self.now, &cid, (), size);
            }
            3 => {
                self.sessions.broadcast(self.now, (), size);
            }
            _ => {
                self.sessions.send_to_user(self.now, user, (), size);
            }
        }
    }

    fn some_socket(&self, bytes: &mut Bytes) -> SocketId {
        let newest = u64::from(self.last_socket);
        let back = bytes.below(OPEN_SOCKETS as u64).min(newest);
        SocketId(u32::try_from(newest - back).unwrap_or_default())
    }

    /// A frame as a transport would read it.
    fn text(&mut self, bytes: &mut Bytes) {
        let socket = self.some_socket(bytes);
        let input = match decode(&bytes.text()) {
            Err(_) => Input::Unreadable(
                socket,
                bytes.one(&[
                    Unreadable::Malformed,
                    Unreadable::Binary,
                    Unreadable::TooLarge,
                ]),
            ),
            Ok(frame) => {
                let messages = frame.messages.into_iter().map(without_data).collect();
                Input::Frame(
                    socket,
                    Frame {
                        bytes: frame.bytes,
                        messages,
                    },
                )
            }
        };
        self.hand_in(input);
    }

    fn frame(&mut self, bytes: &mut Bytes) {
        let socket = self.some_socket(bytes);
        let (mut seq, sent) = self.sockets.expected(socket);
        let mut messages = Vec::new();
        for _ in 0..=bytes.below(4) {
            messages.push(values::client_message(bytes, seq, sent));
            seq = (seq + 1).min(NUMBER_MAX);
        }
        self.sockets.heard(socket, &messages);
        let size = u32::try_from(bytes.near(100)).unwrap_or(u32::MAX);
        self.hand_in(Input::Frame(
            socket,
            Frame {
                bytes: size,
                messages,
            },
        ));
    }

    fn drain(&mut self) {
        while let Some(output) = self.sessions.poll_output() {
            match output {
                Output::Transmit(socket, items) => {
                    let resume = self.sockets.written(socket, &items);
                    self.resumes.extend(resume);
                }
                Output::Close {
                    socket,
                    code,
                    reason,
                } => {
                    assert!(reason.len() <= 123, "{code} {reason}");
                    self.sockets.closed(socket);
                }
                Output::Authenticate(socket, _) => self.authenticating.push(socket),
                Output::Load(cid) => {
                    self.is_alone(&cid);
                    self.loading.push(cid);
                }
                Output::Store(cid, write) => {
                    self.is_alone(&cid);
                    self.storing.push((cid, write));
                }
                Output::Handle(handle) => {
                    self.begins(&handle.cid, handle.seq);
                    self.handling.push((handle.id, handle.cid, handle.seq));
                }
                Output::Event(_) => {}
            }
        }
    }

    /// One question about a record at a time.
    fn is_alone(&self, cid: &Cid) {
        let under_way = self
            .loading
            .iter()
            .chain(self.storing.iter().map(|(cid, _)| cid));
        assert!(!under_way.into_iter().any(|other| other == cid), "{cid:?}");
    }

    /// One handler at a time, and each message once and in order.
    fn begins(&mut self, cid: &Cid, seq: Option<u64>) {
        let outlived = self.outlived.get(cid).copied();
        let runs = |(id, other, _): &(HandlerId, Cid, _)| other == cid && Some(*id) > outlived;
        assert!(!self.handling.iter().any(runs), "{cid:?}");
        let Some(seq) = seq.filter(|_| self.is_honest) else {
            return;
        };
        let before = self.handled.insert(cid.clone(), seq).unwrap_or_default();
        assert!(seq > before, "{seq} of {cid:?} after {before}");
    }

    fn check(&self) {
        let stats = self.sessions.stats();
        assert!(stats.sessions <= SESSIONS * USERS.len(), "{stats:?}");
        assert!(stats.clients <= CLIENTS * USERS.len(), "{stats:?}");
        assert!(stats.attached <= self.sockets.len(), "{stats:?}");
        assert!(stats.longest_ring <= RING_AND_MARK, "{stats:?}");
        assert!(stats.longest_queue <= QUEUE, "{stats:?}");
    }

    /// Timers alone come to rest: none is due again and again at one moment.
    fn settle(&mut self) {
        for _ in 0..TIMEOUTS_AT_ONCE {
            self.hand_in(Input::Timeout);
            self.drain();
            match self.sessions.poll_timeout() {
                Some(at) if at <= self.now => {}
                _ => return,
            }
        }
        panic!("{:?} is due for ever", self.sessions.poll_timeout());
    }
}

fn take<T>(items: &mut Vec<T>, bytes: &mut Bytes) -> Option<T> {
    let length = u64::try_from(items.len())
        .ok()
        .filter(|length| *length > 0)?;
    let at = usize::try_from(bytes.below(length)).ok()?;
    Some(items.remove(at))
}

fn without_data<M>(message: Inbound<M>) -> Inbound<()> {
    match message {
        Inbound::Message {
            seq, ack, bytes, ..
        } => Inbound::Message {
            seq,
            ack,
            bytes,
            message: (),
        },
        Inbound::Control(control) => Inbound::Control(control),
    }
}
