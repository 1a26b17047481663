//! The client's machine: a driver as the engine's contract asks for, and a page that sleeps, hides and leaves.

use everwire::proto::{
    CloseFrame, Content, Frame, Input, OpenFailure, Output, PageEvent, SocketEvent, SocketId,
    Transmit,
};

use crate::happening::{Down, Happening, Payload, Up};
use crate::network::{Ready, Socket};
use crate::world::World;

const MAX_FRAME: u32 = 1 << 20;
/// An event handler that calls back runs at most so deep in one drain.
const REENTRANT: u32 = 5;

#[derive(Debug, Default)]
pub struct Page {
    pub asleep_until: u64,
    pub hidden: bool,
    /// In the back-forward cache.
    pub left: bool,
    pub timers: Timers,
    /// When the page last woke, was shown, or its timers changed their manners.
    pub changed: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Timers {
    #[default]
    Prompt,
    /// Up to 30 ms late.
    Busy,
    /// Once a second, as on a hidden page.
    Throttled,
    /// Once a minute, as on a page that was hidden for long.
    Hardly,
}

impl Timers {
    /// How late one may be, in milliseconds.
    pub fn lateness(self) -> u64 {
        match self {
            Self::Prompt => 0,
            Self::Busy => 30,
            Self::Throttled => 1_000,
            Self::Hardly => 60_000,
        }
    }
}

impl World {
    pub fn input(&mut self, input: Input) {
        self.note(|_| format!("  < {input:?}"));
        self.look_around();
        self.connection.handle_input(self.at(), input);
        self.drain();
    }

    /// What the driver does before every command and input: it asks the socket how it is.
    pub fn look_around(&mut self) {
        let Some(id) = self.current else {
            return;
        };
        let now = self.now;
        let socket = self.socket(id);
        let (ready, buffered) = (socket.ready, socket.buffered(now));
        if ready == Ready::Closing {
            let closing = Input::Socket(id, SocketEvent::Closing);
            self.connection.handle_input(self.at(), closing);
        }
        let buffered = Input::Buffered(id, buffered as u32);
        self.connection.handle_input(self.at(), buffered);
        self.drain();
    }

    pub fn drain(&mut self) {
        let mut reentrant = 0;
        while let Some(output) = self.connection.poll_output() {
            self.note(|_| format!("  > {output:?}"));
            self.check_output(&output);
            match output {
                Output::Store(_) => panic!("storage in plain mode"),
                Output::Open {
                    socket,
                    url,
                    protocols,
                } => self.open(socket, url, protocols),
                Output::Transmit(id, frame) => self.write(id, frame),
                Output::Close(id, frame) => self.abandon(id, frame),
                Output::FetchToken(request, reason) => self.ask_provider(request, reason),
                Output::Event(event) => {
                    self.ledger_hears(event);
                    if !self.quiet && reentrant < REENTRANT && self.dice.one_in(40) {
                        reentrant += 1;
                        self.see("a handler that calls back");
                        let action = self.choose_action();
                        self.act(action);
                    }
                }
            }
        }
        self.arm();
        self.check_state();
    }

    fn arm(&mut self) {
        let at = self.connection.poll_timeout().map(|(at, _)| at.as_millis());
        // A timer that is armed for an earlier moment stays: an early call does no harm.
        let stays = self
            .armed
            .is_some_and(|armed| at.is_some_and(|at| armed <= at));
        if stays || at == self.armed {
            return;
        }
        self.armed = at;
        self.generation += 1;
        if let Some(at) = at {
            let due = at.max(self.now);
            let fires = match self.page.timers {
                Timers::Prompt => due,
                Timers::Busy => due + self.dice.within(0..=30),
                Timers::Throttled => due.next_multiple_of(1_000),
                Timers::Hardly => due.next_multiple_of(60_000),
            };
            self.queue.push(fires, Happening::Timer(self.generation));
        }
    }

    pub fn timer_fires(&mut self, generation: u64) {
        if generation == self.generation {
            self.armed = None;
            self.input(Input::Timeout);
        }
    }

    fn open(&mut self, id: SocketId, url: String, protocols: Vec<String>) {
        assert_eq!(self.current, None, "two sockets at once");
        assert_eq!(id.0 as usize, self.sockets.len() + 1);
        self.current = Some(id);
        self.sockets.push(Socket::new(self.now));
        if self.connect_through_network(id, &url, &protocols) {
            return;
        }
        // The constructor throws: the driver says so at once.
        self.current = None;
        self.socket(id).ready = Ready::Closed;
        self.see("the constructor throws");
        let failed = SocketEvent::Failed(OpenFailure::Other);
        self.connection
            .handle_input(self.at(), Input::Socket(id, failed));
    }

    fn write(&mut self, id: SocketId, frame: Transmit<Payload>) {
        assert_eq!(Some(id), self.current, "a write to an older socket");
        let ready = self.socket(id).ready;
        assert_eq!(ready, Ready::Open, "a write to a socket that is not open");
        match frame {
            Transmit::Batch(_) => panic!("a batch in plain mode"),
            Transmit::Control(text) => {
                let bytes = text.len() as u64;
                self.send_up(id, bytes, Up::Control(text));
            }
            Transmit::Message(payload) => {
                let bytes = u64::from(payload.bytes);
                self.send_up(id, bytes, Up::Message(payload));
            }
        }
    }

    fn abandon(&mut self, id: SocketId, frame: CloseFrame) {
        let sendable = frame.code == 1000 || (3000..=4999).contains(&frame.code);
        assert!(sendable && frame.reason.len() <= 123, "close() would throw");
        if self.socket(id).ready == Ready::Closed && !self.socket(id).abandoned {
            // Its constructor threw while the engine had given it up already.
            return;
        }
        assert_eq!(Some(id), self.current, "an older socket is closed again");
        self.current = None;
        self.socket(id).abandoned = true;
        let arrives = self.now + self.plan.latency;
        self.queue.push(arrives, Happening::Up(id, Up::Closed));
        // The browser says so some time, up to a minute later.
        let frame = lost();
        let at = self.now + self.dice.within(0..=60_000);
        let closed = Down::Closed(frame, None);
        self.queue.push(at, Happening::Down(id, closed));
    }

    pub fn arrives_at_client(&mut self, id: SocketId, down: Down) {
        let now = self.now;
        let socket = self.socket(id);
        if socket.silent || (socket.lost_on_the_way_down(now) && !is_the_end(&down)) {
            return;
        }
        if self.current != Some(id) {
            return self.arrives_too_late(id, down);
        }
        match down {
            Down::Opened => {
                self.socket(id).ready = Ready::Open;
                self.socket(id).opened = true;
                self.checks.last_heard = now;
                self.see("opened");
                self.input(Input::Socket(id, SocketEvent::Opened));
            }
            Down::Frame(frame) if matches!(self.socket(id).ready, Ready::Open | Ready::Closing) => {
                self.checks.last_heard = now;
                self.frame_comes(id, frame);
            }
            Down::Frame(_) => {}
            Down::Closing => self.socket(id).ready = Ready::Closing,
            Down::Closed(frame, verdict) => {
                self.look_around();
                if self.current != Some(id) {
                    return;
                }
                self.socket(id).ready = Ready::Closed;
                self.current = None;
                let was_open = self.socket(id).opened;
                let frame = match was_open {
                    true => frame,
                    // A browser does not say why a handshake failed.
                    false => lost(),
                };
                self.checks.server_closed(now, was_open, &frame, verdict);
                let closed = SocketEvent::Closed(frame, verdict);
                self.input(Input::Socket(id, closed));
            }
            Down::Failed(failure) => {
                self.socket(id).ready = Ready::Closed;
                self.current = None;
                self.input(Input::Socket(id, SocketEvent::Failed(failure)));
            }
        }
    }

    /// Each frame leads to what it is: a message passed on, a warning, an answer to a ping.
    fn frame_comes(&mut self, id: SocketId, frame: Frame) {
        self.look_around();
        let before = self.connection.stats(self.at()).received;
        if self.current == Some(id) {
            self.input(Input::Socket(id, SocketEvent::Frame(frame.clone())));
            let passed_on = self.connection.stats(self.at()).received - before;
            let is_message = frame.content == Content::Message && frame.bytes <= MAX_FRAME;
            assert!(!is_message || passed_on == 1, "a message was not passed on");
            assert!(passed_on <= 1, "a frame was passed on twice");
        }
    }

    /// A driver that forgot to remove its handlers passes an older socket's events on: the engine ignores them.
    fn arrives_too_late(&mut self, id: SocketId, down: Down) {
        if !self.plan.leaky {
            return;
        }
        self.see("an event of an older socket");
        self.look_around();
        let state = self.connection.state().clone();
        let timer = self.connection.poll_timeout();
        let event = match down {
            Down::Opened => SocketEvent::Opened,
            Down::Frame(frame) => SocketEvent::Frame(frame),
            Down::Closing => SocketEvent::Closing,
            Down::Closed(frame, verdict) => SocketEvent::Closed(frame, verdict),
            Down::Failed(failure) => SocketEvent::Failed(failure),
        };
        self.connection
            .handle_input(self.at(), Input::Socket(id, event));
        self.connection
            .handle_input(self.at(), Input::Buffered(id, 9_000_000));
        assert_eq!(self.connection.poll_output(), None, "an older socket spoke");
        assert_eq!(*self.connection.state(), state, "an older socket decided");
        assert_eq!(self.connection.poll_timeout(), timer);
    }

    pub fn page_ticks(&mut self) {
        if self.quiet {
            return;
        }
        if self.page.left {
            self.page.left = false;
            self.page.changed = self.now;
            self.see("the page returns");
            self.input(Input::Page(PageEvent::Return));
        } else {
            self.page_changes();
        }
        let next = match self.page.left {
            true => self.page.asleep_until,
            false => self.now + self.dice.within(0..=self.plan.page_calm),
        };
        self.queue.push(next, Happening::Page);
    }

    fn page_changes(&mut self) {
        match self.dice.within(0..=9) {
            0 => self.input(Input::Page(PageEvent::Online)),
            1 => self.input(Input::Page(PageEvent::Offline)),
            2 | 3 => self.show(),
            4 | 5 => self.hide(),
            6 => self.leave(),
            7 => self.sleep(),
            8 => self.change_timers(Timers::Busy),
            _ => self.change_timers(Timers::Prompt),
        }
    }

    pub fn show(&mut self) {
        self.page.hidden = false;
        self.change_timers(Timers::Prompt);
        self.input(Input::Page(PageEvent::Visible));
    }

    fn hide(&mut self) {
        self.page.hidden = true;
        let timers = self.dice.pick(&[Timers::Throttled, Timers::Hardly]);
        self.change_timers(timers);
        self.see("the page is hidden");
        self.input(Input::Page(PageEvent::Hidden));
    }

    fn leave(&mut self) {
        self.input(Input::Page(PageEvent::Leave));
        self.page.left = true;
        self.page.asleep_until = self.now + self.dice.within(0..=600_000);
    }

    /// The machine sleeps; the network rarely waits for it.
    fn sleep(&mut self) {
        let nap = self.dice.pick(&[3_000, 60_000, 600_000, 28_800_000]);
        self.page.asleep_until = self.now + nap;
        self.page.changed = self.page.asleep_until;
        self.see("the machine sleeps");
        if let Some(id) = self.current.filter(|_| self.dice.one_in(2)) {
            self.die_silently(id);
        }
    }

    fn change_timers(&mut self, timers: Timers) {
        self.page.timers = timers;
        self.page.changed = self.now;
        self.armed = None;
        self.arm();
    }
}

/// What a browser reports of a socket that ended without a close frame.
pub fn lost() -> CloseFrame {
    CloseFrame {
        code: 1006,
        reason: String::new(),
    }
}

fn is_the_end(down: &Down) -> bool {
    matches!(down, Down::Closed(..) | Down::Failed(_))
}
