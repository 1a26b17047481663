//! The driver: turns what the browser tells into inputs, and acts on the outputs.

use alloc::rc::{Rc, Weak};
use alloc::string::String;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};

use wasm_bindgen::JsValue;

use super::browser;
use super::clock::Clock;
use super::frames;
use super::page::Page;
use super::socket::{Socket, Told};
use super::storage::Storage;
use super::timer::Timer;
use crate::compiled::Compiled;
use crate::config::{Config, ConfigError, Settings};
use crate::error::ErrorCode;
#[cfg(not(feature = "trace"))]
use crate::proto::Connection;
use crate::proto::frames::SUBPROTOCOL;
use crate::proto::{
    CloseAction, CloseFrame, Event, Frame, Input, Instant, MessageId, Outgoing, Output, PageEvent,
    SendError, SocketEvent, SocketId, State, Stats, Status, StorageEvent, Store, TokenAnswer,
    TokenReason, TokenRequest, Transmit,
};
#[cfg(feature = "trace")]
use crate::trace::Traced as Connection;

/// What stands above the driver: reads frames and carries events to the application.
///
/// Nothing is borrowed while one of these runs, so it may call the driver, and even drop it.
pub trait Host: 'static {
    /// Makes a WebSocket, to this URL with this array of subprotocols.
    ///
    /// # Errors
    /// Whatever the constructor throws.
    fn socket(&self, url: &str, protocols: JsValue) -> Result<JsValue, JsValue> {
        browser::WebSocket::open(url, protocols).map(Into::into)
    }

    /// Reads a frame, and keeps it until its event comes: [`Event::Message`], [`Event::Answered`], or none.
    fn decode(&self, data: JsValue) -> Frame;

    /// Begins to fetch a token, or the URL, or both. The answer goes to [`Driver::answer_token`], now or later.
    fn fetch_token(&self, request: TokenRequest, reason: TokenReason);

    /// Tells the application.
    fn event(&self, event: Event<JsValue>);

    /// What to do after a close; `None` leaves it to the default policy.
    fn verdict(&self, frame: &CloseFrame) -> Option<CloseAction>;
}

/// A connection in a browser. Dropped, it closes its socket and leaves no listener and no timer.
pub struct Driver<H: Host>(Rc<Core<H>>);

struct Core<H> {
    connection: RefCell<Connection<JsValue>>,
    host: H,
    clock: Clock,
    timer: Timer,
    socket: RefCell<Option<Socket>>,
    page: RefCell<Option<Page>>,
    /// Of reliable delivery alone.
    storage: Option<Compiled<Storage>>,
    stage: Cell<Stage>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Waiting,
    /// Outputs are being acted on. What a handler does meanwhile only adds to them.
    Draining,
    Dropped,
}

impl<H: Host> Driver<H> {
    /// A driver that is idle.
    ///
    /// # Errors
    /// When an option lies outside of its range.
    pub fn new(config: Config, host: H) -> Result<Self, ConfigError> {
        config.check()?;
        Ok(Self::unchecked(config.into(), host))
    }

    /// The same for a host that has checked the options itself.
    pub fn unchecked(config: Settings, host: H) -> Self {
        let clock = Clock::start();
        let storage = Storage::new(&config);
        let connection = Connection::unchecked(config, random_seed(), clock.now());
        Self(Rc::new_cyclic(|core| Core {
            connection: RefCell::new(connection),
            host,
            clock,
            timer: Timer::new(Self::on_timer(core.clone())),
            socket: RefCell::default(),
            page: RefCell::default(),
            storage,
            stage: Cell::new(Stage::Waiting),
        }))
    }

    /// What stands above.
    pub fn host(&self) -> &H {
        &self.0.host
    }

    /// See [`Connection::connect`].
    pub fn connect(&self) {
        self.0.command(Connection::connect);
    }

    /// See [`Connection::reconnect`].
    pub fn reconnect(&self) {
        self.0.command(Connection::reconnect);
    }

    /// See [`Connection::close`].
    ///
    /// # Errors
    /// When browsers take no such code or reason; nothing has changed then.
    pub fn close(&self, code: u16, reason: &str) -> Result<(), ErrorCode> {
        self.0
            .command(|connection, _| connection.close(code, reason))
    }

    /// See [`Connection::send`]. Events about the message may come before this returns: [`next_id`](Self::next_id)
    /// tells its id before.
    ///
    /// # Errors
    /// When the message was not taken; it is handed back.
    pub fn send(&self, message: Outgoing<JsValue>) -> Result<MessageId, SendError<JsValue>> {
        self.0
            .command(|connection, now| connection.send(now, message))
    }

    /// See [`Connection::withdraw`].
    pub fn withdraw(&self, id: MessageId) {
        self.0.command(|connection, _| connection.withdraw(id));
    }

    /// See [`Connection::send_volatile`].
    ///
    /// # Errors
    /// When the message could not be written at once; it is handed back.
    pub fn send_volatile(&self, payload: JsValue, bytes: u32) -> Result<(), SendError<JsValue>> {
        self.0
            .command(|connection, now| connection.send_volatile(now, payload, bytes))
    }

    /// See [`Connection::handled`].
    pub fn handled(&self, position: u64) {
        self.0
            .command(|connection, now| connection.handled(now, position));
    }

    /// The answer to [`Host::fetch_token`].
    pub fn answer_token(&self, request: TokenRequest, answer: TokenAnswer) {
        self.0.input(Input::Token(request, answer));
    }

    /// See [`Connection::next_id`].
    pub fn next_id(&self) -> MessageId {
        self.0.connection.borrow().next_id()
    }

    /// What the application sees of the state.
    pub fn status(&self) -> Status {
        self.0.connection.borrow().status()
    }

    /// Numbers to look at.
    pub fn stats(&self) -> Stats {
        self.0.connection.borrow().stats(self.now())
    }

    /// See [`Connection::trace`].
    #[cfg(feature = "trace")]
    pub fn trace(&self) -> String {
        self.0.connection.borrow().trace()
    }

    /// The engine's time.
    pub fn now(&self) -> Instant {
        self.0.clock.now()
    }

    fn on_timer(core: Weak<Core<H>>) -> impl Fn() {
        move || {
            if let Some(core) = core.upgrade() {
                core.timer.fired();
                core.input(Input::Timeout);
            }
        }
    }
}

impl<H: Host> Drop for Driver<H> {
    fn drop(&mut self) {
        self.0.stage.set(Stage::Dropped);
        self.0.timer.arm(&self.0.clock, None);
        self.0.page.replace(None);
        self.0.socket.replace(None);
    }
}

impl<H: Host> Core<H> {
    fn command<R>(self: &Rc<Self>, act: impl FnOnce(&mut Connection<JsValue>, Instant) -> R) -> R {
        let now = self.look_at_socket();
        let result = act(&mut self.connection.borrow_mut(), now);
        self.drain();
        result
    }

    fn input(self: &Rc<Self>, input: Input) {
        self.command(|connection, now| connection.handle_input(now, input));
    }

    /// A write to a closing socket vanishes silently and a full one grows without an error, so the engine is told
    /// before it may write. Not while outputs wait, though: what they will write is not in the socket's buffer yet.
    fn look_at_socket(&self) -> Instant {
        let now = self.clock.now();
        let socket = self.socket.borrow();
        if let Some(socket) = socket
            .as_ref()
            .filter(|_| self.stage.get() == Stage::Waiting)
        {
            let mut connection = self.connection.borrow_mut();
            if socket.is_closing() {
                connection.handle_input(now, Input::Socket(socket.id, SocketEvent::Closing));
            }
            connection.handle_input(now, Input::Buffered(socket.id, socket.buffered()));
        }
        now
    }

    fn drain(self: &Rc<Self>) {
        if self.stage.get() != Stage::Waiting {
            return;
        }
        self.stage.set(Stage::Draining);
        while self.stage.get() == Stage::Draining {
            let Some(output) = self.next_output() else {
                self.stage.set(Stage::Waiting);
                self.arm();
                return;
            };
            self.act(output);
        }
    }

    fn next_output(&self) -> Option<Output<JsValue>> {
        self.connection.borrow_mut().poll_output()
    }

    fn act(self: &Rc<Self>, output: Output<JsValue>) {
        match output {
            Output::Open {
                socket,
                url,
                protocols,
            } => self.open(socket, &url, protocols),
            Output::Transmit(socket, frame) => self.transmit(socket, frame),
            Output::Close(id, frame) => {
                if let Some(socket) = self.take_socket(id) {
                    socket.abandon(&frame);
                }
            }
            Output::Store(store) => self.store(store),
            Output::FetchToken(request, reason) => self.host.fetch_token(request, reason),
            Output::Event(event) => self.host.event(event),
        }
    }

    fn open(self: &Rc<Self>, id: SocketId, url: &str, protocols: Vec<String>) {
        let core = Rc::downgrade(self);
        let tell = move |id, told| {
            if let Some(core) = core.upgrade() {
                core.hear(id, told);
            }
        };
        let make = |protocols| self.host.socket(url, protocols);
        match Socket::open(id, make, protocols, tell) {
            Ok(socket) => {
                self.socket.replace(Some(socket));
            }
            Err(failure) => {
                let failed = Input::Socket(id, SocketEvent::Failed(failure));
                let now = self.clock.now();
                self.connection.borrow_mut().handle_input(now, failed);
            }
        }
    }

    fn hear(self: &Rc<Self>, id: SocketId, told: Told) {
        let event = match told {
            Told::Opened if self.storage.is_some() && self.chose_everwire() => {
                SocketEvent::Accepted
            }
            Told::Opened => SocketEvent::Opened,
            Told::Message(data) => return self.hear_frame(id, self.host.decode(data)),
            Told::Closed(frame) => {
                drop(self.take_socket(id));
                let verdict = self.host.verdict(&frame);
                SocketEvent::Closed(frame, verdict)
            }
        };
        self.input(Input::Socket(id, event));
    }

    /// A frame leads to no write but a pong, so the socket need not be looked at for each.
    fn hear_frame(self: &Rc<Self>, id: SocketId, frame: Frame) {
        let now = self.clock.now();
        self.connection
            .borrow_mut()
            .handle_input(now, Input::Socket(id, SocketEvent::Frame(frame)));
        self.drain();
    }

    fn transmit(&self, id: SocketId, frame: Transmit<JsValue>) {
        let data = match frame {
            Transmit::Control(text) => text.into(),
            Transmit::Message(payload) => payload,
            Transmit::Batch(batch) if self.storage.is_some() => frames::write(batch),
            Transmit::Batch(_) => return,
        };
        if let Some(socket) = self
            .socket
            .borrow()
            .as_ref()
            .filter(|socket| socket.id == id)
        {
            socket.send(&data);
        }
    }

    fn chose_everwire(&self) -> bool {
        let socket = self.socket.borrow();
        socket
            .as_ref()
            .is_some_and(|socket| socket.protocol().as_deref() == Some(SUBPROTOCOL))
    }

    /// What is asked of the storage while outputs are acted on is answered by inputs, whose outputs come after them.
    fn store(self: &Rc<Self>, store: Store<JsValue>) {
        let Some(storage) = &self.storage else {
            return;
        };
        match store {
            Store::Load => {
                let loaded = storage.load();
                let (now, wall) = (self.clock.now(), self.clock.wall_ms());
                self.connection.borrow_mut().restored(now, wall, loaded);
            }
            Store::Claim(cid) => {
                let core = Rc::downgrade(self);
                storage.claim(&cid, move |event| {
                    if let Some(core) = core.upgrade() {
                        core.input(Input::Storage(event));
                    }
                });
            }
            store @ (Store::Release
            | Store::Head(_)
            | Store::Keep(_)
            | Store::Forget(_)
            | Store::Clear) => {
                if !storage.act(store) {
                    let failed = Input::Storage(StorageEvent::Failed);
                    let now = self.clock.now();
                    self.connection.borrow_mut().handle_input(now, failed);
                }
            }
        }
    }

    fn take_socket(&self, id: SocketId) -> Option<Socket> {
        self.socket.borrow_mut().take_if(|socket| socket.id == id)
    }

    /// Gets ready for what comes next: one timer, and listeners to the page only while there is something to keep up.
    fn arm(self: &Rc<Self>) {
        let (at, is_live) = {
            let connection = self.connection.borrow();
            let at = connection.poll_timeout().map(|(at, _)| at);
            let is_live = !matches!(connection.state(), State::Idle | State::Closed(_));
            (at, is_live)
        };
        self.timer.arm(&self.clock, at);
        if is_live != self.page.borrow().is_some() {
            self.watch_page(is_live);
        }
    }

    fn watch_page(self: &Rc<Self>, is_live: bool) {
        if !is_live {
            self.page.replace(None);
            return;
        }
        let core = Rc::downgrade(self);
        let page = Page::watch(move |event| {
            if let Some(core) = core.upgrade() {
                core.input(Input::Page(event));
            }
        });
        self.page.replace(Some(page));
        if Page::visibility() == PageEvent::Hidden {
            self.input(Input::Page(PageEvent::Hidden));
        }
    }
}

/// Clients with the same seed would all retry at the same moments.
fn random_seed() -> u128 {
    let mut bytes = [0; 16];
    browser::fill_randomly(&mut bytes);
    u128::from_le_bytes(bytes)
}
