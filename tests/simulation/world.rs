//! One schedule: a client, a network, a server and a page in virtual time, trouble first and quiet after it.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};

use everwire::proto::{Connection, Instant, SocketId, State, Status};

use crate::app::{Action, Ledger};
use crate::checks::Checks;
use crate::client::Page;
use crate::dice::Dice;
use crate::happening::{Happening, Payload, Queue};
use crate::network::{Network, Socket};
use crate::plan::Plan;
use crate::server::{Provider, Server};

/// Once the faults and what they set going have stopped, everything has drained after the wait that is under way and so
/// many milliseconds more, beside the time that the rate limit needs: a handshake that hangs (10 s), the longest
/// backoff (30 s), the budget of attempts (60 s), and the handshake that succeeds.
const RECOVERS_WITHIN: u64 = 10_000 + 30_000 + 60_000 + 5_000;
/// The latest that a fault takes effect: a black hole, a late answer, a close that lingers.
const AFTERMATH: u64 = 90_000;
/// A recovered connection stays open: checked for so long.
const STAYS_OPEN: u64 = 120_000;
/// More happenings than this in one millisecond are an endless loop.
const MOMENT: u32 = 20_000;
/// A failed schedule shows its last lines.
const LAST_LINES: usize = 120;

pub struct World {
    pub now: u64,
    pub dice: Dice,
    pub plan: Plan,
    pub queue: Queue,
    pub connection: Connection<Payload>,
    pub sockets: Vec<Socket>,
    /// The socket that was opened and is neither abandoned nor closed.
    pub current: Option<SocketId>,
    pub armed: Option<u64>,
    pub generation: u64,
    pub page: Page,
    pub network: Network,
    pub server: Server,
    pub provider: Provider,
    pub ledger: Ledger,
    pub checks: Checks,
    /// The faults have stopped.
    pub quiet: bool,
    pub seen: Seen,
}

/// How often what was seen, so that a simulation that never gets anywhere is noticed.
pub type Seen = BTreeMap<&'static str, u64>;

thread_local! {
    static LINES: RefCell<Option<VecDeque<String>>> = const { RefCell::new(None) };
}

/// Runs the schedule of `seed`; panics where an invariant does not hold.
pub fn run(seed: u64) -> Seen {
    let mut world = World::new(seed);
    world.live_through_trouble();
    world.recover();
    world.close();
    world.seen
}

/// Keeps the last lines of what happens on this thread from now on.
pub fn keep_lines() {
    LINES.set(Some(VecDeque::new()));
}

pub fn last_lines() -> String {
    let lines = LINES.take().unwrap_or_default();
    lines.into_iter().collect::<Vec<_>>().join("\n")
}

impl World {
    fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let plan = Plan::new(&mut dice);
        let now = dice.within(0..=1_000_000);
        let at = Instant::from_millis(now);
        let connection = Connection::new(plan.config.clone(), u128::from(dice.roll()), at);
        Self {
            now,
            queue: Queue::default(),
            connection: connection.expect("the plan's options lie in their ranges"),
            sockets: Vec::new(),
            current: None,
            armed: None,
            generation: 0,
            page: Page::default(),
            network: Network::new(&plan),
            server: Server::default(),
            provider: Provider::default(),
            ledger: Ledger::default(),
            checks: Checks::new(&plan, now),
            quiet: false,
            seen: Seen::new(),
            dice,
            plan,
        }
    }

    fn live_through_trouble(&mut self) {
        self.note(|world| format!("{:?}", world.plan));
        self.queue.push(self.now, Happening::App);
        self.queue.push(self.now, Happening::Fault);
        self.queue.push(self.now, Happening::Page);
        self.command(Action::Connect);
        self.live_until(self.now + self.plan.trouble);
        // A page that sleeps is not quiet yet: it wakes first.
        while self.page.asleep_until > self.now {
            self.live_until(self.page.asleep_until);
        }
    }

    fn recover(&mut self) {
        self.quiet = true;
        self.note(|_| "the faults stop".to_owned());
        self.end_all_faults();
        // What the faults set going arrives first; it may stop the connection.
        self.live_until(self.now + AFTERMATH);
        if matches!(self.connection.status(), Status::Idle | Status::Closed) {
            self.command(Action::Connect);
        }
        let waiting = match self.connection.state() {
            State::Backoff { retry_at } => retry_at.as_millis().saturating_sub(self.now),
            _ => 0,
        };
        let end = self.now + waiting + RECOVERS_WITHIN + self.time_to_flush();
        self.live_until(end);
        self.check_recovered();
        self.live_until(end + STAYS_OPEN);
        self.check_stayed_open(end);
    }

    /// How long the queue needs at the limit's pace and the network's.
    fn time_to_flush(&self) -> u64 {
        let stats = self.connection.stats(Instant::from_millis(self.now));
        let rate = self.plan.config.rate;
        let by_count = rate.map_or(0, |rate| stats.queued * 1_000 / u64::from(rate.messages));
        let by_bytes = rate.and_then(|rate| rate.bytes).map_or(0, |bytes| {
            stats.queued_bytes * 1_000 / u64::from(bytes.per_second)
        });
        let by_network = (stats.queued_bytes + stats.buffered) / self.plan.bandwidth;
        let backpressure = stats.queued * 50;
        let in_flight = self.current.map_or(0, |id| {
            let socket = &self.sockets[id.0 as usize - 1];
            socket.drained_at().saturating_sub(self.now)
        });
        in_flight + by_count + by_bytes + by_network + backpressure + 2_000
    }

    fn close(&mut self) {
        self.command(Action::Close);
        self.ledger.check_all_settled();
        assert_eq!(
            self.connection.poll_timeout(),
            None,
            "a closed connection has no timer"
        );
        let late = self.now + 600_000;
        self.live_until(late);
        self.look_around();
        assert_eq!(self.connection.status(), Status::Closed);
    }

    fn live_until(&mut self, end: u64) {
        let mut in_this_moment = 0;
        while let Some(entry) = self.queue.pop_until(end) {
            let at = entry.at.max(self.now);
            in_this_moment = if at > self.now { 0 } else { in_this_moment + 1 };
            assert!(in_this_moment < MOMENT, "time stands still");
            self.now = at;
            if entry.happening.is_of_the_page() && self.page.asleep_until > at {
                self.queue.put_off(entry, self.page.asleep_until);
            } else {
                self.happen(entry.happening);
            }
        }
        self.now = self.now.max(end);
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::App => self.app_ticks(),
            Happening::Fault => self.fault_ticks(),
            Happening::Page => self.page_ticks(),
            Happening::Timer(generation) => self.timer_fires(generation),
            Happening::Provider(request, answer) => self.provider_answers(request, answer),
            Happening::Down(socket, down) => self.arrives_at_client(socket, down),
            Happening::Up(socket, up) => self.arrives_at_server(socket, up),
            Happening::Push(socket) => self.server_pushes(socket),
            Happening::TokenEnds(socket, token) => self.token_ends(socket, token),
            Happening::Balancer(socket) => self.balancer_looks(socket),
            Happening::GiveUp(socket) => self.network_gives_up(socket),
        }
    }

    fn check_recovered(&self) {
        let stats = self.connection.stats(Instant::from_millis(self.now));
        assert_eq!(
            self.connection.status(),
            Status::Open,
            "invariant 7: not open again, but {:?}",
            self.connection.state()
        );
        assert_eq!(stats.queued, 0, "invariant 7: the queue has not drained");
        assert_eq!(
            self.ledger.waiting_requests(),
            0,
            "invariant 7: a request still waits"
        );
        self.check_all_delivered();
    }

    fn check_stayed_open(&self, since: u64) {
        let lost = self.checks.last_disconnected.is_some_and(|at| at >= since);
        assert!(!lost, "invariant 7: a healthy connection was given up");
    }

    pub fn at(&self) -> Instant {
        Instant::from_millis(self.now)
    }

    pub fn see(&mut self, what: &'static str) {
        *self.seen.entry(what).or_default() += 1;
    }

    pub fn note(&self, line: impl FnOnce(&Self) -> String) {
        LINES.with_borrow_mut(|lines| {
            if let Some(lines) = lines {
                lines.push_back(format!("{:>9} {}", self.now, line(self)));
                if lines.len() > LAST_LINES {
                    lines.pop_front();
                }
            }
        });
    }
}
