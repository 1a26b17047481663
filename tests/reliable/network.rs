//! The network between pages and processes: handshakes, latency, black holes, cuts, frames lost, late and twice.

use everwire::proto::frames::{Control, Part};
use everwire::proto::server::Input as ServerInput;
use everwire::proto::{AuthVia, CloseFrame, Input, OpenFailure, SocketEvent, SocketId, Transmit};

use crate::happening::{Down, Happening, LinkId, PageId, ProcessId, Up};
use crate::page::Life;
use crate::wire::{self, DownFrame, Payload};
use crate::world::World;

#[derive(Debug)]
pub struct Link {
    pub page: PageId,
    /// The client's name of the socket.
    pub socket: SocketId,
    pub process: ProcessId,
    /// Whether the client's end was told that it is open.
    opened: bool,
    /// The client's end is abandoned or was told its end.
    pub left: bool,
    /// The server's end is closed or was told its end.
    pub hung_up: bool,
    pub up: Pipe,
    pub down: Pipe,
    pub monitor: crate::checks::Monitor,
}

/// One direction.
#[derive(Debug, Default)]
pub struct Pipe {
    /// When what was sent last arrives.
    last: u64,
    /// A black hole: what is sent before arrives after.
    hole_until: u64,
    /// Nothing that arrives later gets through.
    dead_after: Option<u64>,
}

/// What becomes of handshakes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Accepts,
    Refuses,
    Hangs,
    /// The WebSocket constructor throws.
    Throws,
    /// A node without the protocol takes them.
    OldNode,
}

impl Pipe {
    fn arrival(&mut self, now: u64, takes: u64) -> u64 {
        self.last = (now.max(self.hole_until) + takes).max(self.last);
        self.last
    }

    fn is_dead(&self, now: u64) -> bool {
        self.dead_after.is_some_and(|end| now > end)
    }

    /// Nothing that arrives later than `end` gets through.
    pub fn die(&mut self, end: u64) {
        self.dead_after = Some(self.dead_after.map_or(end, |before| before.min(end)));
    }

    pub fn dig(&mut self, until: u64) {
        self.hole_until = self.hole_until.max(until);
    }
}

impl World {
    pub fn open(&mut self, page: PageId, socket: SocketId, url: &str) {
        assert!(!url.contains("secret"), "invariant 11: a token in a URL");
        assert_eq!(self.pages[page].link, None, "two sockets at once");
        if self.plan.client.auth == AuthVia::Nothing {
            self.check_budget(page);
        }
        let id = self.links.len();
        self.links.push(Link {
            page,
            socket,
            process: self.listening.unwrap_or_default(),
            opened: false,
            left: false,
            hung_up: false,
            up: Pipe::default(),
            down: Pipe::default(),
            monitor: crate::checks::Monitor::default(),
        });
        self.pages[page].link = Some(id);
        self.pages[page].threw = false;
        self.pages[page].last_socket = socket;
        let takes = self.takes();
        match (self.mode_now(), self.listening) {
            (Mode::Throws, _) => {
                self.see("the constructor throws");
                self.pages[page].threw = true;
                self.forget_link(id);
                let failed = Input::Socket(socket, SocketEvent::Failed(OpenFailure::Other));
                let at = self.at();
                self.pages[page].connection.handle_input(at, failed);
            }
            (Mode::Hangs, _) => self.see("a handshake hangs"),
            (Mode::OldNode, _) => {
                self.see("a node without the protocol");
                self.push_down(id, takes, Down::Opened);
            }
            (Mode::Refuses, _) | (_, None) => {
                self.see("a handshake fails");
                self.push_down(id, takes, Down::Closed(lost()));
            }
            (Mode::Accepts, Some(_)) => {
                let at = self.links[id].up.arrival(self.now, takes);
                self.queue.push(at, Happening::Up(id, Up::Opened));
                self.push_down(id, takes + self.plan.latency, Down::Accepted);
            }
        }
    }

    pub fn mode_now(&self) -> Mode {
        match self.mode_until > self.now {
            true => self.mode,
            false => Mode::Accepts,
        }
    }

    pub fn takes(&mut self) -> u64 {
        self.plan.latency + self.dice.within(0..=self.plan.latency)
    }

    pub fn write(&mut self, page: PageId, socket: SocketId, frame: Transmit<Payload>) {
        let id = self.pages[page].link.expect("a write without a socket");
        assert_eq!(socket, self.links[id].socket, "a write to an older socket");
        assert!(
            self.links[id].opened,
            "a write to a socket that is not open"
        );
        let frame = wire::up(frame);
        self.check_up(id, &frame);
        let is_open = matches!(
            frame.messages[..],
            [everwire::proto::server::Inbound::Control(Control::Open(_))]
        );
        let takes = self.takes();
        let copies = match is_open {
            true => 1,
            false => self.copies(),
        };
        for _ in 0..copies {
            let at = self.links[id].up.arrival(self.now, takes);
            let up = Up::Frame(frame.clone());
            self.queue.push(at, Happening::Up(id, up));
        }
    }

    /// How often a frame arrives.
    fn copies(&mut self) -> u32 {
        let Some(one_in) = self.plan.frame_faults.filter(|_| !self.quiet) else {
            return 1;
        };
        if !self.dice.one_in(one_in) {
            return 1;
        }
        match self.dice.one_in(2) {
            true => {
                self.see("a frame is lost");
                0
            }
            false => {
                self.see("a frame comes twice");
                2
            }
        }
    }

    pub fn write_down(&mut self, id: LinkId, frame: DownFrame) {
        if self.links[id].hung_up {
            return;
        }
        self.check_down(id, &frame);
        let takes = self.takes();
        // A refusal that is lost cannot be missed, as it has no seq.
        let copies = match frame.is_handshake() || frame.has_refusal() {
            true => 1,
            false => self.copies(),
        };
        for _ in 0..copies {
            self.push_down(id, takes, Down::Frame(frame.clone()));
        }
    }

    pub fn push_down(&mut self, id: LinkId, takes: u64, down: Down) {
        let at = self.links[id].down.arrival(self.now, takes);
        self.queue.push(at, Happening::Down(id, down));
    }

    pub fn abandon(&mut self, page: PageId, socket: SocketId, frame: CloseFrame) {
        let sendable = frame.code == 1000 || (3000..=4999).contains(&frame.code);
        assert!(sendable && frame.reason.len() <= 123, "close() would throw");
        let Some(id) = self.pages[page].link else {
            // Its constructor threw while the engine had given it up already.
            return assert!(self.pages[page].threw, "a close without a socket");
        };
        assert_eq!(socket, self.links[id].socket, "an older socket is closed");
        self.leave_link(id);
        if self.plan.leaky {
            let takes = self.dice.within(0..=30_000);
            let closed = Happening::Down(id, Down::Closed(lost()));
            self.queue.push(self.now + takes, closed);
        }
    }

    /// The client's end is closed; what it wrote is on its way still.
    pub fn leave_link(&mut self, id: LinkId) {
        self.forget_link(id);
        let takes = self.takes();
        let at = self.links[id].up.arrival(self.now, takes);
        self.queue.push(at, Happening::Up(id, Up::Closed));
    }

    fn forget_link(&mut self, id: LinkId) {
        let page = self.links[id].page;
        self.pages[page].link = None;
        self.links[id].left = true;
    }

    pub fn arrives_at_client(&mut self, id: LinkId, down: Down) {
        let link = &self.links[id];
        let (page, socket) = (link.page, link.socket);
        let is_end = matches!(down, Down::Closed(_));
        if self.pages[page].life != Life::Lives || (link.down.is_dead(self.now) && !is_end) {
            return;
        }
        if link.left {
            return self.arrives_too_late(page, socket, down);
        }
        self.pages[page].last_heard = self.now;
        match down {
            Down::Accepted => {
                self.links[id].opened = true;
                self.input(page, Input::Socket(socket, SocketEvent::Accepted));
            }
            Down::Opened => {
                self.links[id].opened = true;
                self.input(page, Input::Socket(socket, SocketEvent::Opened));
            }
            Down::Frame(frame) => self.frame_comes(page, socket, frame),
            Down::Closed(frame) => {
                self.forget_link(id);
                let closed = SocketEvent::Closed(frame, None);
                self.input(page, Input::Socket(socket, closed));
            }
        }
    }

    fn frame_comes(&mut self, page: PageId, socket: SocketId, frame: DownFrame) {
        if let [Part::Control(Control::Session(session))] = &frame.parts[..] {
            let stream = self.streams.stream_of(session);
            self.pages[page].stream = Some(stream);
            if let Some(link) = self.pages[page].link {
                self.links[link].monitor.session_arrived(stream);
            }
        }
        let event = SocketEvent::Frame(frame.to_frame());
        self.pages[page].frame = Some(frame);
        self.input(page, Input::Socket(socket, event));
        self.pages[page].frame = None;
    }

    /// A driver that forgot to remove its handlers passes an older socket's events on: the engine ignores them.
    fn arrives_too_late(&mut self, page: PageId, socket: SocketId, down: Down) {
        if !self.plan.leaky {
            return;
        }
        self.see("an event of an older socket");
        let event = match down {
            Down::Accepted => SocketEvent::Accepted,
            Down::Opened => SocketEvent::Opened,
            Down::Frame(frame) => SocketEvent::Frame(frame.to_frame()),
            Down::Closed(frame) => SocketEvent::Closed(frame, None),
        };
        let at = self.at();
        let connection = &mut self.pages[page].connection;
        let timer = connection.poll_timeout();
        connection.handle_input(at, Input::Socket(socket, event));
        assert_eq!(connection.poll_output(), None, "an older socket spoke");
        assert_eq!(connection.poll_timeout(), timer);
    }

    pub fn arrives_at_server(&mut self, id: LinkId, up: Up) {
        let link = &self.links[id];
        let process = link.process;
        let is_end = matches!(up, Up::Closed);
        if link.hung_up || (link.up.is_dead(self.now) && !is_end) {
            return;
        }
        let socket = server_socket(id);
        match up {
            Up::Opened => self.server_input(process, ServerInput::Opened(socket)),
            Up::Frame(frame) => {
                self.check_arrived_up(id);
                self.server_input(process, ServerInput::Frame(socket, frame));
            }
            Up::Closed => {
                self.links[id].hung_up = true;
                self.server_input(process, ServerInput::Closed(socket));
            }
        }
    }

    /// A cut without a close frame: some of what is in flight arrives, and each end hears of it some time.
    pub fn cut(&mut self, id: LinkId) {
        self.see("a cut");
        let latency = self.plan.latency;
        let up = self.now + self.dice.within(0..=latency);
        let down = self.now + self.dice.within(0..=latency);
        self.links[id].up.die(up);
        self.links[id].down.die(down);
        let (client, server) = (self.dice.within(0..=30_000), self.dice.within(0..=60_000));
        if !self.dice.one_in(3) {
            let closed = Happening::Down(id, Down::Closed(lost()));
            self.queue.push(down + client, closed);
        }
        self.queue.push(up + server, Happening::Up(id, Up::Closed));
    }
}

pub fn server_socket(id: LinkId) -> SocketId {
    SocketId(id as u32 + 1)
}

pub fn link_of(socket: SocketId) -> LinkId {
    socket.0 as usize - 1
}

/// What a browser reports of a socket that ended without a close frame.
pub fn lost() -> CloseFrame {
    CloseFrame {
        code: 1006,
        reason: String::new(),
    }
}
