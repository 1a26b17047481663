//! The client's half: a server, a page and an application that do anything at any time.

#[cfg(not(feature = "trace"))]
use everwire::proto::Connection;
use everwire::proto::frames::{Control, Part, Resume};
use everwire::proto::{
    Answer, AuthVia, CloseAction, Content, Event, Frame, Head, Input, Instant, Loaded, MessageId,
    MessageKind, OpenFailure, Outgoing, Output, PageEnd, PageEvent, Saved, Slot, SocketEvent,
    SocketId, StorageEvent, Store, Stored, Token, TokenAnswer, TokenRequest,
};
#[cfg(feature = "trace")]
use everwire::trace::Traced as Connection;
use everwire::{Config, Delivery, Outbox, Overflow, Persist, Reliable, Uncertain};

use crate::bytes::Bytes;
use crate::promises::{Payload, Promises};
use crate::values;

/// A run ends here even if there are bytes left.
const STEPS: usize = 2_000;
/// No page lives longer than 30,000 years; beyond it, additions of times saturate.
const END_OF_TIME_MS: u64 = 1 << 50;
/// The outbox of a run is small enough to overflow.
const QUEUED: u32 = 20;
/// A timer may be due again at once, but not for ever.
const TIMEOUTS_AT_ONCE: usize = 100;

const VERDICTS: &[CloseAction] = &[
    CloseAction::Retry,
    CloseAction::Stop,
    CloseAction::RefreshToken,
    CloseAction::RetrySlowly(None),
    CloseAction::RetrySlowly(Some(u64::MAX)),
    CloseAction::TooLarge,
];

/// Lets `data` decide what happens to a connection.
///
/// # Panics
/// If it breaks a promise.
pub fn client(data: &[u8]) {
    run(data);
}

/// The same, and the recording of it.
///
/// # Panics
/// If it breaks a promise.
#[cfg(feature = "trace")]
pub fn traced_client(data: &[u8]) -> String {
    run(data).connection.trace()
}

fn run(data: &[u8]) -> World {
    let mut bytes = Bytes::new(data);
    let mut world = World::new(&mut bytes);
    for _ in 0..STEPS {
        if bytes.is_empty() {
            break;
        }
        world.step(&mut bytes);
        world.drain(&mut bytes);
        world.promises.check(&world.connection, world.now);
    }
    world.settle();
    world
}

struct World {
    connection: Connection<Payload>,
    promises: Promises,
    now: Instant,
    token_request: TokenRequest,
    last_id: MessageId,
    /// The seq that is due from an honest server.
    next: u64,
}

impl World {
    fn new(bytes: &mut Bytes) -> Self {
        let now = Instant::from_millis(bytes.below(1 << 40));
        let config = config(bytes);
        let is_reliable = matches!(config.delivery, Delivery::Reliable(_));
        let mut connection = Connection::unchecked(config, u128::from(bytes.number()), now);
        connection.connect(now);
        Self {
            connection,
            promises: Promises::new(is_reliable, u64::from(QUEUED)),
            now,
            token_request: TokenRequest::default(),
            last_id: MessageId::default(),
            next: 1,
        }
    }

    fn step(&mut self, bytes: &mut Bytes) {
        match bytes.below(20) {
            0 | 1 => self.pass_time(bytes),
            2 => self.connection.connect(self.now),
            3..=5 => self.send(bytes),
            6 => self
                .connection
                .withdraw(MessageId(bytes.near(self.last_id.0))),
            7 => self.connection.reconnect(self.now),
            8 => self.close(bytes),
            9 => self.page(bytes),
            10 => self.token(bytes),
            11 => self.buffered(bytes),
            12 => self.storage(bytes),
            13 => {
                let position = bytes.near(self.promises.delivered());
                self.connection
                    .handled(self.now, position.min(self.promises.delivered()));
            }
            14 => self.session(bytes),
            _ => self.socket(bytes),
        }
    }

    fn pass_time(&mut self, bytes: &mut Bytes) {
        let due = self.connection.poll_timeout().map(|(at, _)| at);
        let to = match (bytes.below(3), due) {
            (0, _) => self.now.after(bytes.below(100)),
            (1, Some(at)) => at.max(self.now),
            _ => self.now.after(bytes.below(100_000_000)),
        };
        self.now = to.min(Instant::from_millis(END_OF_TIME_MS));
        self.connection.handle_input(self.now, Input::Timeout);
    }

    fn send(&mut self, bytes: &mut Bytes) {
        let size = match bytes.below(4) {
            0 => u32::try_from(bytes.near(64 << 10)).unwrap_or(u32::MAX),
            _ => u32::try_from(bytes.below(300)).unwrap_or_default(),
        };
        if bytes.below(8) == 0 {
            let _ = self.connection.send_volatile(self.now, size, size);
            return;
        }
        let answer = match bytes.below(3) {
            0 => Answer::Within(bytes.perhaps(|bytes| bytes.below(10_000))),
            _ => Answer::No,
        };
        let message = Outgoing {
            payload: size,
            bytes: size,
            ttl_ms: bytes.perhaps(|bytes| bytes.below(10_000)),
            answer,
        };
        if let Ok(id) = self.connection.send(self.now, message) {
            self.last_id = id;
            self.promises.taken(id, answer != Answer::No);
        }
    }

    fn close(&mut self, bytes: &mut Bytes) {
        // Seldom, since little happens after it.
        if bytes.below(8) == 0 {
            let frame = values::close_frame(bytes);
            let _ = self.connection.close(frame.code, &frame.reason);
        }
    }

    fn page(&mut self, bytes: &mut Bytes) {
        let event = bytes.one(&[
            PageEvent::Online,
            PageEvent::Offline,
            PageEvent::Visible,
            PageEvent::Hidden,
            PageEvent::Leave,
            PageEvent::Return,
        ]);
        self.connection.handle_input(self.now, Input::Page(event));
    }

    fn token(&mut self, bytes: &mut Bytes) {
        let request = match bytes.below(4) {
            0 => TokenRequest(u32::try_from(bytes.below(5)).unwrap_or_default()),
            _ => self.token_request,
        };
        let answer = match bytes.below(6) {
            0 => TokenAnswer::Failed,
            1 => TokenAnswer::Unauthorized,
            _ => TokenAnswer::Granted {
                token: bytes.perhaps(|bytes| Token::new(bytes.name())),
                url: bytes.perhaps(|_| "ws://localhost/".to_owned()),
                expires_in_ms: bytes.perhaps(Bytes::number),
            },
        };
        self.connection
            .handle_input(self.now, Input::Token(request, answer));
    }

    fn buffered(&mut self, bytes: &mut Bytes) {
        let socket = self.some_socket(bytes);
        let held = u32::try_from(bytes.near(1 << 20)).unwrap_or(u32::MAX);
        self.connection
            .handle_input(self.now, Input::Buffered(socket, held));
    }

    fn storage(&mut self, bytes: &mut Bytes) {
        let event = bytes.one(&[
            StorageEvent::Claimed,
            StorageEvent::Denied,
            StorageEvent::Failed,
        ]);
        self.connection
            .handle_input(self.now, Input::Storage(event));
    }

    /// The live socket, or an older one.
    fn some_socket(&self, bytes: &mut Bytes) -> SocketId {
        match (self.promises.live(), bytes.below(8)) {
            (Some(live), 1..) => live,
            _ => SocketId(u32::try_from(bytes.below(4)).unwrap_or_default()),
        }
    }

    /// An honest opening, up to the session.
    fn session(&mut self, bytes: &mut Bytes) {
        let Some(live) = self.promises.live() else {
            return;
        };
        self.hand_in(live, SocketEvent::Accepted, bytes);
        let written = self.promises.highest_written;
        let mut session = values::session(bytes, written);
        session.from = session.from.max(1);
        self.next = session.from;
        let content = Content::Batch(vec![Part::Control(Control::Session(session.into()))]);
        self.frame(live, content, 1, bytes);
    }

    fn socket(&mut self, bytes: &mut Bytes) {
        let socket = self.some_socket(bytes);
        let event = match bytes.below(24) {
            0 => SocketEvent::Opened,
            1 => SocketEvent::Accepted,
            2 => SocketEvent::Closing,
            3 => {
                let verdict = bytes.perhaps(|bytes| bytes.one(VERDICTS));
                SocketEvent::Closed(values::close_frame(bytes), verdict)
            }
            4 => SocketEvent::Failed(bytes.one(&[OpenFailure::Other, OpenFailure::Malformed])),
            5 => return self.frame(socket, Content::Invalid, 0, bytes),
            6 => return self.frame(socket, Content::Message, 1, bytes),
            7 => {
                let id = MessageId(bytes.near(self.last_id.0));
                return self.frame(socket, Content::Answer(id), 1, bytes);
            }
            8 => return self.frame(socket, Content::Ping, 1, bytes),
            9 => return self.frame(socket, Content::Pong, 1, bytes),
            _ => return self.batch(socket, bytes),
        };
        self.hand_in(socket, event, bytes);
    }

    fn batch(&mut self, socket: SocketId, bytes: &mut Bytes) {
        let mut parts = Vec::new();
        let mut messages = 0;
        let mut next = self.next;
        for _ in 0..=bytes.below(3) {
            let part = values::server_part(bytes, self.promises.highest_written, next);
            match &part {
                Part::Run(run) => {
                    messages += run.count;
                    if run.first == Some(next) {
                        next += u64::from(run.count);
                    }
                }
                Part::Control(Control::Session(session)) => {
                    messages += 1;
                    next = session.from;
                }
                Part::Control(_) => messages += 1,
            }
            parts.push(part);
        }
        self.next = next;
        self.frame(socket, Content::Batch(parts), messages, bytes);
    }

    fn frame(&mut self, socket: SocketId, content: Content, messages: u32, bytes: &mut Bytes) {
        self.promises.arrives(messages);
        let size = u32::try_from(bytes.near(100)).unwrap_or(u32::MAX);
        let frame = Frame {
            bytes: size,
            content,
        };
        self.hand_in(socket, SocketEvent::Frame(frame), bytes);
    }

    fn hand_in(&mut self, socket: SocketId, event: SocketEvent, bytes: &mut Bytes) {
        // No socket says anything before it is opened.
        self.drain(bytes);
        if matches!(event, SocketEvent::Closed(..) | SocketEvent::Failed(_)) {
            self.promises.ended(socket);
        }
        self.connection
            .handle_input(self.now, Input::Socket(socket, event));
        self.drain(bytes);
    }

    fn drain(&mut self, bytes: &mut Bytes) {
        while let Some(output) = self.connection.poll_output() {
            self.promises.see(&output);
            match output {
                Output::FetchToken(request, _) => self.token_request = request,
                Output::Store(Store::Load) => self.restore(bytes),
                Output::Event(Event::Restored(id, _)) => self.last_id = id,
                Output::Open { .. }
                | Output::Transmit(..)
                | Output::Close(..)
                | Output::Store(_)
                | Output::Event(_) => {}
            }
        }
    }

    fn restore(&mut self, bytes: &mut Bytes) {
        let loaded = match bytes.below(4) {
            0 => Loaded::Failed,
            1 => Loaded::Nothing,
            _ => Loaded::Saved(saved(bytes)),
        };
        let wall_ms = bytes.number();
        self.connection.restored(self.now, wall_ms, loaded);
    }

    /// Timers alone come to rest: none is due again and again at one moment.
    fn settle(&mut self) {
        for _ in 0..TIMEOUTS_AT_ONCE {
            self.connection.handle_input(self.now, Input::Timeout);
            self.drain(&mut Bytes::new(&[]));
            match self.connection.poll_timeout() {
                Some((at, _)) if at <= self.now => {}
                _ => return,
            }
        }
        panic!("{:?} is due for ever", self.connection.poll_timeout());
    }
}

fn config(bytes: &mut Bytes) -> Config {
    let mut config = Config::new("ws://localhost/");
    config.outbox = Outbox {
        messages: QUEUED,
        overflow: bytes.one(&[Overflow::Reject, Overflow::DropOldest, Overflow::DropNewest]),
        ..config.outbox
    };
    if bytes.flag() {
        config.auth = AuthVia::Message;
    }
    if bytes.flag() {
        config.rate = None;
    }
    if bytes.below(4) > 0 {
        config.delivery = Delivery::Reliable(Reliable {
            persist: bytes.one(&[Persist::Nothing, Persist::Outbox, Persist::Session]),
            uncertain: bytes.one(&[Uncertain::Resend, Uncertain::Drop]),
            window: bytes.one(&[16, 1_000]),
            ..Reliable::default()
        });
    }
    config
}

/// What an earlier page left: its messages are no more than it could have.
fn saved(bytes: &mut Bytes) -> Saved<Payload> {
    let tx = bytes.number();
    let place = bytes.perhaps(|bytes| Resume {
        sid: bytes.name(),
        key: Token::new(bytes.name()),
        epoch: bytes.name(),
        rx: bytes.number(),
    });
    let head = Head {
        cid: bytes.name(),
        n: bytes.number(),
        answered_n: bytes.number(),
        tx,
        uncertain_to: bytes.near(tx),
        user: bytes.name(),
        place,
        end: bytes.one(&[PageEnd::Clean(1), PageEnd::Open]),
    };
    let mut messages: Vec<Stored<Payload>> = Vec::new();
    for _ in 0..bytes.below(10) {
        let slot = match bytes.flag() {
            true => Slot::Seq(bytes.near(tx).max(1)),
            false => Slot::Queued(bytes.below(10)),
        };
        // Storage has one value for each key.
        if messages.iter().all(|other| other.slot != slot) {
            messages.push(Stored {
                slot,
                kind: bytes.one(&[MessageKind::Message, MessageKind::Request]),
                payload: 10,
                bytes: 10,
            });
        }
    }
    Saved { head, messages }
}
