//! Clients with reliable delivery: the pure half behind a lock, its sockets, and the tasks that it asks for.

mod driver;
mod socket;
mod work;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use axum::extract::ws::Message;
use everwire::proto::frames::Resumed;
use everwire::proto::server::{
    Cid, Event, Handle, Input, Item, MessageRate, Output, Sent, ServerConfig, Sessions, StoreKind,
    Write,
};
use everwire::proto::{Instant, SocketId, Token};
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::close::Close;
use crate::config::HubConfig;
use crate::connection::Connection;
use crate::handler::Hook;
use crate::hub::{Hub, Shared};
use crate::message::{Incoming, Outgoing};
use crate::queue::{End, SendQueue};
use crate::v1::encode;

pub(crate) use driver::drive;
pub(crate) use socket::run;

/// What the pure half knows of time and sockets, and what it asks for.
pub(crate) struct Reliable {
    started: tokio::time::Instant,
    state: Mutex<State>,
    /// There is something to write, or an earlier deadline.
    woken: Notify,
    hub: Weak<Shared>,
    /// The sockets end with 1012.
    pub(crate) stop: CancellationToken,
    /// The hub is gone.
    pub(crate) gone: CancellationToken,
    /// Handlers, hooks and writes to the store.
    pub(crate) tasks: TaskTracker,
}

struct State {
    sessions: Sessions<Incoming, Outgoing>,
    sockets: HashMap<SocketId, Socket>,
    clients: HashMap<Cid, Client>,
    last_socket: u32,
    /// What the driver's timer is set to.
    armed: Option<Instant>,
}

struct Socket {
    queue: Arc<SendQueue>,
    user: String,
}

/// A client that has been here since the process began, and has a session.
struct Client {
    connection: Connection,
    hooks: mpsc::UnboundedSender<Hook>,
}

/// What is done in a task of its own.
pub(crate) enum Action {
    Authenticate {
        socket: SocketId,
        user: String,
        token: Option<Token>,
    },
    Load(Cid),
    Store(Cid, Write),
    Handle(Handle<Incoming>, Connection),
    Hooks(Connection, mpsc::UnboundedReceiver<Hook>),
}

impl Reliable {
    pub(crate) fn new(
        config: &HubConfig,
        store: StoreKind,
        seed: [u8; 32],
        hub: Weak<Shared>,
    ) -> Arc<Self> {
        let state = State {
            sessions: Sessions::new(server_config(config, store), seed, Instant::from_millis(0)),
            sockets: HashMap::new(),
            clients: HashMap::new(),
            last_socket: 0,
            armed: None,
        };
        let reliable = Self {
            started: tokio::time::Instant::now(),
            state: Mutex::new(state),
            woken: Notify::new(),
            hub,
            stop: CancellationToken::new(),
            gone: CancellationToken::new(),
            tasks: TaskTracker::new(),
        };
        Arc::new(reliable)
    }

    /// Names a new socket.
    fn open(self: &Arc<Self>, queue: Arc<SendQueue>, user: String) -> SocketId {
        let mut state = self.lock();
        state.last_socket = state.last_socket.wrapping_add(1);
        let id = SocketId(state.last_socket);
        state.sockets.insert(id, Socket { queue, user });
        state.sessions.handle_input(self.now(), Input::Opened(id));
        self.act(&mut state);
        id
    }

    /// Hands in what happened, and acts on what comes of it.
    pub(crate) fn input(self: &Arc<Self>, input: Input<Incoming>) {
        let mut state = self.lock();
        if let Input::Closed(id) = &input {
            state.sockets.remove(id);
        }
        state.sessions.handle_input(self.now(), input);
        self.act(&mut state);
    }

    pub(crate) fn send(&self, cid: &Cid, message: &Outgoing) -> Sent {
        self.command(|sessions, now| sessions.send(now, cid, message.clone(), message.size()))
    }

    pub(crate) fn send_to_user(&self, user: &str, message: &Outgoing) -> Sent {
        self.command(|sessions, now| {
            sessions.send_to_user(now, user, message.clone(), message.size())
        })
    }

    pub(crate) fn broadcast(&self, message: &Outgoing) -> Sent {
        self.command(|sessions, now| sessions.broadcast(now, message.clone(), message.size()))
    }

    pub(crate) fn send_volatile_to_user(&self, user: &str, message: &Outgoing) -> usize {
        self.command(|sessions, now| sessions.send_volatile_to_user(now, user, message.clone()))
    }

    pub(crate) fn disconnect(&self, user: &str, close: &Close) -> usize {
        self.command(|sessions, now| sessions.disconnect(now, user, close.code, close.reason()))
    }

    pub(crate) fn close(&self, cid: &Cid, close: &Close) -> bool {
        self.command(|sessions, now| sessions.close_socket_of(now, cid, close.code, close.reason()))
    }

    pub(crate) fn revoke(&self, user: &str) -> usize {
        self.command(|sessions, now| sessions.revoke(now, user))
    }

    pub(crate) fn ask_for_token(&self, user: &str, within: Duration) -> usize {
        self.command(|sessions, now| sessions.ask_for_token(now, user, millis(within)))
    }

    pub(crate) fn drain(&self, spread: Duration) {
        self.command(|sessions, now| sessions.drain(now, 0, millis(spread)));
    }

    pub(crate) fn is_attached(&self, cid: &Cid) -> bool {
        self.lock().sessions.is_attached(cid)
    }

    pub(crate) fn epoch(&self) -> String {
        self.lock().sessions.epoch().to_owned()
    }

    /// How many sockets there are, and the users of those that are attached.
    pub(crate) fn attached(&self) -> (usize, HashSet<String>) {
        let state = self.lock();
        let attached = state
            .clients
            .iter()
            .filter(|(cid, _)| state.sessions.is_attached(cid));
        let users: Vec<&str> = attached
            .map(|(_, client)| client.connection.user())
            .collect();
        (users.len(), users.into_iter().map(str::to_owned).collect())
    }

    /// Gives a command. The driver writes what comes of it, so that commands in a row share their frames.
    fn command<T>(&self, give: impl FnOnce(&mut Sessions<Incoming, Outgoing>, Instant) -> T) -> T {
        let answer = give(&mut self.lock().sessions, self.now());
        self.woken.notify_one();
        answer
    }

    /// Acts on outputs, then sees to it that the driver wakes in time.
    fn act(self: &Arc<Self>, state: &mut State) {
        while let Some(output) = state.sessions.poll_output() {
            self.carry_out(state, output);
        }
        let next = state.sessions.poll_timeout();
        if next.is_some_and(|next| state.armed.is_none_or(|armed| next < armed)) {
            self.woken.notify_one();
        }
    }

    fn carry_out(self: &Arc<Self>, state: &mut State, output: Output<Incoming, Outgoing>) {
        match output {
            Output::Transmit(id, items) => state.transmit(id, &items),
            Output::Close {
                socket,
                code,
                reason,
            } => {
                if let Some(socket) = state.sockets.remove(&socket) {
                    socket.queue.end(End::Close(Close::new(code, reason)));
                }
            }
            Output::Authenticate(socket, token) => {
                if let Some(user) = state.sockets.get(&socket).map(|socket| socket.user.clone()) {
                    self.order(Action::Authenticate {
                        socket,
                        user,
                        token,
                    });
                }
            }
            Output::Load(cid) => self.order(Action::Load(cid)),
            Output::Store(cid, write) => self.order(Action::Store(cid, write)),
            Output::Handle(handle) => {
                let known = state
                    .clients
                    .get(&handle.cid)
                    .map(|client| client.connection.clone());
                let connection =
                    known.unwrap_or_else(|| self.connection(&handle.cid, &handle.user));
                self.order(Action::Handle(handle, connection));
            }
            Output::Event(event) => self.note(state, event),
        }
    }

    fn note(self: &Arc<Self>, state: &mut State, event: Event) {
        match event {
            Event::Attached {
                cid, user, resumed, ..
            } => {
                let client = state.clients.entry(cid).or_insert_with_key(|cid| {
                    let connection = self.connection(cid, &user);
                    let (hooks, receiver) = mpsc::unbounded_channel();
                    self.order(Action::Hooks(connection.clone(), receiver));
                    Client { connection, hooks }
                });
                client.tell(Hook::Connect);
                if let Resumed::No(reason) = resumed {
                    client.tell(Hook::Resync(reason));
                }
            }
            Event::Detached { cid, .. } => {
                state.tell(&cid, Hook::Disconnect);
                state.forget_if_over(&cid);
            }
            Event::Resync { cid, reason } => state.tell(&cid, Hook::Resync(reason)),
            Event::Ended { cid } => state.forget_if_over(&cid),
        }
    }

    fn connection(self: &Arc<Self>, cid: &Cid, user: &str) -> Connection {
        Connection::reliable(user.to_owned(), cid.clone(), Arc::downgrade(self))
    }

    /// Outputs are acted on in tasks of the runtime only, so that a task can be begun here.
    fn order(self: &Arc<Self>, action: Action) {
        if let Some(hub) = Hub::upgrade(&self.hub) {
            work::start(&hub, self, action);
        }
    }

    fn now(&self) -> Instant {
        Instant::from_millis(millis(self.started.elapsed()))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn transmit(&self, id: SocketId, items: &[Item<Outgoing>]) {
        let Some(socket) = self.sockets.get(&id) else {
            return;
        };
        let is_volatile = matches!(items, [Item::Message { seq: None, .. }]);
        if !(is_volatile && socket.queue.is_crowded()) {
            socket.queue.push(Message::Text(encode(items).into()));
        }
    }

    /// A client that has a socket is about to have a new session, or its socket's end follows.
    fn forget_if_over(&mut self, cid: &Cid) {
        if !self.sessions.has_session(cid) && !self.sessions.has_socket(cid) {
            self.clients.remove(cid);
        }
    }

    fn tell(&self, cid: &Cid, hook: Hook) {
        if let Some(client) = self.clients.get(cid) {
            client.tell(hook);
        }
    }
}

impl Client {
    fn tell(&self, hook: Hook) {
        // Once the hub is gone nobody listens.
        let _ = self.hooks.send(hook);
    }
}

fn server_config(config: &HubConfig, store: StoreKind) -> ServerConfig {
    let defaults = ServerConfig::default();
    ServerConfig {
        ping_ms: millis(config.ping_after),
        ttl_ms: millis(config.session_life),
        expiry_grace_ms: millis(config.expiry_grace),
        max_frame: u32::try_from(config.max_frame_bytes).unwrap_or(u32::MAX),
        rate: config.rate.map(|rate| MessageRate {
            per_second: rate.per_second,
            burst: rate.burst,
            leeway: defaults.window,
        }),
        store,
        ..defaults
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
