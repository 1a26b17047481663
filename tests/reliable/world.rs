//! One schedule: pages, a network and processes in virtual time, trouble first and quiet after it.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};

use everwire::ErrorCode;
use everwire::proto::server::Cid;
use everwire::proto::{Instant, State, Status, StorageEvent};

use crate::dice::Dice;
use crate::happening::{Happening, PageId, ProcessId, Queue};
use crate::network::{Link, Mode};
use crate::page::{Life, Page};
use crate::plan::Plan;
use crate::process::Process;
use crate::receipts::Ledger;
use crate::storage::{Health, Locks, SessionStorage};
use crate::store::Store;
use crate::streams::Streams;
use crate::tabs::Tab;

/// What the faults set going takes effect within this: a late close, a hole, a process that ends.
const AFTERMATH: u64 = 90_000;
/// Then everything drains within this beside the wait that is under way: the longest backoff (30 s), the budget of
/// attempts (60 s), an ack (5 s), and the handshake that succeeds.
const RECOVERS_WITHIN: u64 = 110_000;
/// More happenings than this in one millisecond are an endless loop.
const MOMENT: u32 = 20_000;
/// A failed schedule shows so many last lines, unless `EVERWIRE_LINES` says otherwise.
const LAST_LINES: u64 = 400;
/// The wall clock when the time of the simulation was 0.
const EPOCH: i64 = 1_700_000_000_000;

pub struct World {
    pub now: u64,
    pub dice: Dice,
    pub plan: Plan,
    pub queue: Queue,
    pub tabs: Vec<Tab>,
    pub pages: Vec<Page>,
    pub links: Vec<Link>,
    pub processes: Vec<Process>,
    pub listening: Option<ProcessId>,
    pub store: Store,
    pub locks: Locks,
    pub ledger: Ledger,
    pub streams: Streams,
    pub users_of_cids: BTreeMap<Cid, String>,
    /// The last message of each client and page that a handler had for the first time.
    pub last_effects: BTreeMap<(Cid, PageId), u64>,
    pub mode: Mode,
    pub mode_until: u64,
    pub clock_is_off: i64,
    pub last_token: u64,
    /// Outputs that were acted on, of all pages.
    pub outputs: u64,
    /// The page whose output this is crashes before it.
    pub crash_at: Option<u64>,
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
    world.close_all();
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
        Self {
            now: dice.within(0..=1_000_000),
            queue: Queue::default(),
            tabs: Vec::new(),
            pages: Vec::new(),
            links: Vec::new(),
            processes: Vec::new(),
            listening: None,
            store: Store::new(plan.store),
            locks: Locks::default(),
            ledger: Ledger::default(),
            streams: Streams::default(),
            users_of_cids: BTreeMap::new(),
            last_effects: BTreeMap::new(),
            mode: Mode::Accepts,
            mode_until: 0,
            clock_is_off: 0,
            last_token: 0,
            outputs: 0,
            crash_at: None,
            quiet: false,
            seen: Seen::new(),
            dice,
            plan,
        }
    }

    fn live_through_trouble(&mut self) {
        self.note(|world| format!("{:?}", world.plan));
        self.start();
        for _ in 0..self.plan.tabs {
            let user = self.dice.within(0..=self.plan.users - 1);
            let mut storage = SessionStorage::default();
            if self.dice.one_in(10) {
                self.see("there is no storage");
                storage.state = Health::Disabled;
            }
            self.open_tab(user, storage);
        }
        self.queue.push(self.now, Happening::Fault);
        self.queue.push(self.now, Happening::Backend);
        self.live_until(self.now + self.plan.trouble);
    }

    fn recover(&mut self) {
        self.quiet = true;
        self.note(|_| "the faults stop".to_owned());
        self.end_all_faults();
        self.live_until(self.now + AFTERMATH);
        for page in self.living() {
            self.go_on_if_it_may(page);
        }
        let waits = self.living().into_iter().map(|page| self.wait_of(page));
        let longest = waits.max().unwrap_or(0);
        self.live_until(self.now + longest + RECOVERS_WITHIN);
        for page in self.living() {
            self.check_recovered(page);
        }
        self.check_sockets();
        self.ledger.check_at_the_end();
    }

    /// Faults alone stop no client: only the application itself, and tokens that were refused.
    fn go_on_if_it_may(&mut self, page: PageId) {
        match self.pages[page].connection.state() {
            State::Closed(ErrorCode::Closed | ErrorCode::Unauthorized) => self.go_on(page),
            // A node without the protocol answered before any with it.
            State::Closed(ErrorCode::UnsupportedServer) => self.go_on(page),
            State::Closed(error) => panic!("invariant 7: page {page} was stopped by {error:?}"),
            _ => {}
        }
        self.drain(page);
    }

    fn living(&self) -> Vec<PageId> {
        let lives = |page: &PageId| self.pages[*page].life == Life::Lives;
        (0..self.pages.len()).filter(lives).collect()
    }

    fn wait_of(&self, page: PageId) -> u64 {
        match self.pages[page].connection.state() {
            State::Backoff { retry_at } => retry_at.as_millis().saturating_sub(self.now),
            _ => 0,
        }
    }

    fn check_recovered(&self, page: PageId) {
        let here = &self.pages[page];
        let stats = here.connection.stats(self.at());
        assert_eq!(
            here.connection.status(),
            Status::Open,
            "invariant 7: page {page} is not open again, but {:?}",
            here.connection.state()
        );
        assert_eq!(
            (stats.queued, stats.unacked),
            (0, 0),
            "invariant 7: page {page} has not drained"
        );
        let open = here.open_uids();
        assert!(
            open.is_empty(),
            "invariants 3 and 7: page {page} waits for {open:?}"
        );
        let stream = here.stream.expect("a session");
        let got = match here.cursor {
            Some(cursor) if cursor.stream == stream => cursor.seq,
            _ => self.tabs[here.tab]
                .handled
                .get(&stream)
                .copied()
                .unwrap_or(0),
        };
        assert_eq!(
            got,
            self.streams.len(stream),
            "invariant 3: page {page} lacks messages"
        );
    }

    /// Every open page has one socket, and no ring holds anything.
    fn check_sockets(&self) {
        let listening = self.listening.expect("a process listens");
        let stats = self.processes[listening].sessions.stats();
        let living = self.living().len();
        assert_eq!(stats.sockets, living, "invariant 7: {stats:?}");
        assert_eq!(stats.attached, living, "invariant 7: {stats:?}");
        assert_eq!(stats.longest_queue, 0, "invariant 7: {stats:?}");
        for page in self.living() {
            assert!(self.pages[page].link.is_some());
        }
    }

    fn close_all(&mut self) {
        for page in self.living() {
            self.close(page);
            self.drain(page);
            assert!(self.pages[page].open_uids().is_empty(), "invariant 4");
            assert_eq!(self.pages[page].connection.poll_timeout(), None);
        }
        self.live_until(self.now + 200_000);
        self.ledger.check_at_the_end();
    }

    fn live_until(&mut self, end: u64) {
        let mut in_this_moment = 0;
        while let Some(entry) = self.queue.pop_until(end) {
            let at = entry.at.max(self.now);
            in_this_moment = if at > self.now { 0 } else { in_this_moment + 1 };
            assert!(in_this_moment < MOMENT, "time stands still");
            self.now = at;
            match self.put_off(&entry.happening) {
                Some(until) => self.queue.put_off(entry, until),
                None => self.happen(entry.happening),
            }
        }
        self.now = self.now.max(end);
    }

    /// What has to wait for a page or process to wake.
    fn put_off(&self, happening: &Happening) -> Option<u64> {
        let page = |page: PageId| {
            let until = self.pages[page].asleep_until;
            (until > self.now).then_some(until)
        };
        match happening {
            Happening::App(id)
            | Happening::Handles(id)
            | Happening::Timer(id, _)
            | Happening::Token(id, ..)
            | Happening::Denied(id, _)
            | Happening::Back(_, id) => page(*id),
            Happening::Lock(name) => page(self.locks.next(name)?),
            Happening::Down(link, _) => page(self.links[*link].page),
            Happening::Up(link, _) => self.is_stalled(self.links[*link].process),
            Happening::Answer(id, _)
            | Happening::Commit(id, _)
            | Happening::ServerTimer(id, _)
            | Happening::Exit(id) => self.is_stalled(*id),
            Happening::Life(_)
            | Happening::Load(_)
            | Happening::Unlock(_)
            | Happening::Backend
            | Happening::Fault
            | Happening::Look(..)
            | Happening::Write(..)
            | Happening::Start => None,
        }
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::App(page) => self.app_ticks(page),
            Happening::Handles(page) if self.pages[page].life == Life::Lives => {
                self.handles(page);
                self.drain(page);
            }
            Happening::Handles(_) => {}
            Happening::Life(tab) => self.life_ticks(tab),
            Happening::Load(tab) => self.load(tab),
            Happening::Back(tab, page) => self.comes_back(tab, page),
            Happening::Timer(page, generation) => self.timer_fires(page, generation),
            Happening::Token(page, request, answer) if self.pages[page].life == Life::Lives => {
                let input = everwire::proto::Input::Token(request, answer);
                self.input(page, input);
            }
            Happening::Token(..) => {}
            Happening::Lock(name) => self.lock_is_granted(&name),
            Happening::Unlock(page) => self.unlock(page),
            Happening::Denied(page, claim) => {
                if self.pages[page].claims == claim && self.pages[page].life == Life::Lives {
                    self.see("there are no locks");
                    self.told_of_claim(page, StorageEvent::Denied);
                }
            }
            Happening::Backend => self.backend_ticks(),
            Happening::Fault => self.fault_ticks(),
            Happening::Down(link, down) => self.arrives_at_client(link, down),
            Happening::Up(link, up) => self.arrives_at_server(link, up),
            Happening::Answer(process, input) => self.server_input(process, *input),
            Happening::Look(process, cid) => self.look(process, cid),
            Happening::Write(process, cid, write) => self.write_to_store(process, cid, write),
            Happening::Commit(process, handle) => self.commit(process, *handle),
            Happening::ServerTimer(process, generation) => {
                self.server_timer_fires(process, generation);
            }
            Happening::Exit(process) => self.exit(process),
            Happening::Start => {
                if self.listening.is_none() {
                    self.start();
                }
            }
        }
    }

    pub fn at(&self) -> Instant {
        Instant::from_millis(self.now)
    }

    /// The time of day, as the page's clock has it.
    pub fn wall_ms(&self) -> u64 {
        (EPOCH + self.now as i64 + self.clock_is_off) as u64
    }

    pub fn see(&mut self, what: &'static str) {
        *self.seen.entry(what).or_default() += 1;
    }

    pub fn note(&self, line: impl FnOnce(&Self) -> String) {
        LINES.with_borrow_mut(|lines| {
            if let Some(lines) = lines {
                lines.push_back(format!("{:>9} {}", self.now, line(self)));
                if lines.len() as u64 > crate::from_env("EVERWIRE_LINES", LAST_LINES) {
                    lines.pop_front();
                }
            }
        });
    }
}
