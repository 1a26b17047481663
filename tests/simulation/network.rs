//! The network between: handshakes that fail in every way, black holes, cuts, slow buffers, late and lost ends.

use std::collections::VecDeque;

use everwire::proto::{CloseAction, CloseFrame, OpenFailure, SocketId};

use crate::client::lost;
use crate::happening::{Down, Happening, Up};
use crate::plan::Plan;
use crate::world::World;

#[derive(Debug)]
pub struct Network {
    pub mode: Mode,
    pub mode_until: u64,
    pub bandwidth: u64,
    /// So many sockets more die within a second of their opening.
    pub flaps: u64,
}

/// What becomes of a handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Accepts,
    Refuses,
    Hangs,
    /// The WebSocket constructor throws.
    Throws,
    /// No socket could be made for another reason, noticed later.
    Fails,
    /// Accepted, then reset.
    Resets,
}

/// What `readyState` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ready {
    Connecting,
    Open,
    Closing,
    Closed,
}

#[derive(Debug)]
pub struct Socket {
    pub ready: Ready,
    pub opened: bool,
    /// Our side closed it and listens no more.
    pub abandoned: bool,
    /// Nothing passes after these moments.
    lost_up: Option<u64>,
    lost_down: Option<u64>,
    /// Not even its end is heard of.
    pub silent: bool,
    /// A black hole: what is sent before these moments arrives after them.
    hole_up: u64,
    hole_down: u64,
    last_up: u64,
    last_down: u64,
    /// When which bytes leave the send buffer.
    departures: VecDeque<(u64, u64)>,
    last_traffic: u64,
    pub server: crate::server::End,
}

impl Socket {
    pub fn new(now: u64) -> Self {
        Self {
            ready: Ready::Connecting,
            opened: false,
            abandoned: false,
            lost_up: None,
            lost_down: None,
            silent: false,
            hole_up: 0,
            hole_down: 0,
            last_up: 0,
            last_down: 0,
            departures: VecDeque::new(),
            last_traffic: now,
            server: crate::server::End::default(),
        }
    }

    pub fn buffered(&self, now: u64) -> u64 {
        let waiting = self.departures.iter().filter(|(leaves, _)| *leaves > now);
        waiting.map(|(_, bytes)| bytes).sum()
    }

    /// When all that was written has arrived.
    pub fn drained_at(&self) -> u64 {
        self.last_up
    }

    pub fn lost_on_the_way_up(&self, now: u64) -> bool {
        self.lost_up.is_some_and(|end| now > end)
    }

    pub fn lost_on_the_way_down(&self, now: u64) -> bool {
        self.lost_down.is_some_and(|end| now > end)
    }
}

impl Network {
    pub fn new(plan: &Plan) -> Self {
        Self {
            mode: Mode::Accepts,
            mode_until: 0,
            bandwidth: plan.bandwidth,
            flaps: 0,
        }
    }
}

impl World {
    pub fn socket(&mut self, id: SocketId) -> &mut Socket {
        &mut self.sockets[id.0 as usize - 1]
    }

    /// Begins a handshake. False if the constructor throws.
    pub fn connect_through_network(
        &mut self,
        id: SocketId,
        url: &str,
        protocols: &[String],
    ) -> bool {
        let accepted = self.now + self.plan.latency;
        let answered = accepted + self.plan.latency;
        let trouble = self.network.mode_until > self.now;
        match self.network.mode {
            Mode::Throws if trouble => return false,
            Mode::Hangs if trouble => self.see("a handshake hangs"),
            Mode::Refuses if trouble => self.handshake_fails(id, answered),
            Mode::Fails if trouble => {
                let failed = Down::Failed(OpenFailure::Other);
                self.queue.push(answered, Happening::Down(id, failed));
            }
            Mode::Resets if trouble => {
                self.push_down(id, answered, Down::Opened);
                self.close_down(id, answered + 10, 1006, String::new());
                self.socket(id).lost_up = Some(self.now);
            }
            Mode::Accepts
            | Mode::Throws
            | Mode::Hangs
            | Mode::Refuses
            | Mode::Fails
            | Mode::Resets => {
                if self.server_accepts(id, url, protocols) {
                    self.push_down(id, answered, Down::Opened);
                    self.begin_life(id, answered);
                } else {
                    self.handshake_fails(id, answered);
                }
            }
        }
        true
    }

    fn handshake_fails(&mut self, id: SocketId, at: u64) {
        self.see("a handshake fails");
        self.close_down(id, at, 1006, String::new());
    }

    fn begin_life(&mut self, id: SocketId, opened: u64) {
        let greeting = if self.plan.greets { 0 } else { 5_000 };
        self.queue.push(opened + greeting, Happening::Push(id));
        if let Some(idle) = self.plan.balancer.filter(|_| !self.quiet) {
            self.queue.push(opened + idle, Happening::Balancer(id));
        }
        if self.network.flaps > 0 {
            self.network.flaps -= 1;
            let dies = opened + self.dice.within(0..=1_000);
            self.see("a link flaps");
            self.close_down(id, dies, 1006, String::new());
            self.socket(id).lost_up = Some(dies);
        }
    }

    /// Hands a frame to the socket's send buffer.
    pub fn send_up(&mut self, id: SocketId, bytes: u64, up: Up) {
        let (now, latency) = (self.now, self.plan.latency);
        let takes = bytes / self.network.bandwidth;
        let socket = self.socket(id);
        let free = socket.departures.back().map_or(now, |(leaves, _)| *leaves);
        let leaves = free.max(now).max(socket.hole_up) + takes;
        socket.departures.push_back((leaves, bytes));
        while socket.departures.front().is_some_and(|(at, _)| *at <= now) {
            socket.departures.pop_front();
        }
        let arrives = socket.last_up.max(leaves + latency);
        socket.last_up = arrives;
        socket.last_traffic = now;
        self.queue.push(arrives, Happening::Up(id, up));
    }

    /// Sends something towards the client, in order.
    pub fn push_down(&mut self, id: SocketId, not_before: u64, down: Down) {
        let (now, latency) = (self.now, self.plan.latency);
        let jitter = self.dice.within(0..=latency / 2);
        let socket = self.socket(id);
        let arrives = not_before
            .max(socket.hole_down)
            .max(now + latency + jitter)
            .max(socket.last_down);
        socket.last_down = arrives;
        socket.last_traffic = now;
        self.queue.push(arrives, Happening::Down(id, down));
    }

    /// The client hears of the end, perhaps after a while in which the socket only says that it is closing.
    pub fn close_down(&mut self, id: SocketId, not_before: u64, code: u16, reason: String) {
        self.socket(id).server.open = false;
        let frame = CloseFrame { code, reason };
        // Now and then the application has a policy of its own.
        let verdict = match self.dice.within(0..=29) {
            0 if !self.quiet => Some(CloseAction::Retry),
            1 if !self.quiet => Some(CloseAction::Stop),
            _ => None,
        };
        let closed = Down::Closed(frame, verdict);
        if self.dice.one_in(4) {
            self.push_down(id, not_before, Down::Closing);
            let lingers = self.dice.pick(&[1, 1_000, 5_000, 60_000]);
            return self.push_down(id, not_before + lingers, closed);
        }
        self.push_down(id, not_before, closed);
    }

    /// Cut without a close frame: part of what is in flight arrives.
    pub fn cut(&mut self, id: SocketId) {
        let now = self.now;
        let up = self.dice.within(0..=2 * self.plan.latency);
        let down = self.dice.within(0..=2 * self.plan.latency);
        let socket = self.socket(id);
        socket.lost_up = Some(now + up);
        socket.lost_down = Some(now + down);
        self.see("a cut");
        self.close_down(id, now + down, 1006, String::new());
    }

    /// Neither side hears of it.
    pub fn die_silently(&mut self, id: SocketId) {
        let now = self.now;
        let socket = self.socket(id);
        socket.lost_up = Some(now);
        socket.lost_down = Some(now);
        socket.silent = true;
        self.see("a silent death");
    }

    pub fn dig_hole(&mut self, id: SocketId, up: u64, down: u64) {
        let socket = self.socket(id);
        socket.hole_up = socket.hole_up.max(up);
        socket.hole_down = socket.hole_down.max(down);
        self.see("a black hole");
    }

    pub fn balancer_looks(&mut self, id: SocketId) {
        let Some(idle) = self.plan.balancer.filter(|_| !self.quiet) else {
            return;
        };
        if Some(id) != self.current {
            return;
        }
        let due = self.socket(id).last_traffic + idle;
        if due > self.now {
            return self.queue.push(due, Happening::Balancer(id));
        }
        self.see("the balancer cuts an idle socket");
        match self.dice.one_in(2) {
            true => self.cut(id),
            false => self.die_silently(id),
        }
    }

    /// The system gives up a socket whose other end is gone.
    pub fn network_gives_up(&mut self, id: SocketId) {
        let gone = self.socket(id).lost_down.is_some();
        self.socket(id).silent = false;
        if self.current == Some(id) && gone {
            let closed = Down::Closed(lost(), None);
            self.queue.push(self.now, Happening::Down(id, closed));
        }
    }
}
