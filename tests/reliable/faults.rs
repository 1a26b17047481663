//! Faults, one at a time and at random; and the end of them all.

use everwire::Persist;
use everwire::proto::{Input, PageEvent};

use crate::happening::{Happening, LinkId, PageId, ProcessId, Up};
use crate::network::Mode;
use crate::page::Life;
use crate::storage::Health;
use crate::store::Kind;
use crate::world::World;

const HOUR: i64 = 3_600_000;

impl World {
    pub fn fault_ticks(&mut self) {
        if self.quiet {
            return;
        }
        let next = self.now + self.dice.within(0..=self.plan.calm);
        self.queue.push(next, Happening::Fault);
        match self.dice.within(0..=19) {
            0..=2 => self.on_some_link(Self::cut),
            3 | 4 => self.on_some_link(Self::dig_hole),
            5 => self.on_some_link(Self::die_silently),
            6 | 7 => self.handshakes_fail(),
            8 | 9 => self.process_is_killed(),
            10 => self.process_is_asked_to_end(),
            11 => self.process_stalls(),
            12 => self.process_is_replaced_while_it_stalls(),
            13 => self.store_loses(),
            14 => self.store.fails_one_in = self.dice.pick(&[None, Some(10), Some(50)]),
            15 => self.storage_changes(),
            16 => self.clock_jumps(),
            17 => self.on_some_link(Self::hang_up_late),
            _ => self.page_hears_something(),
        }
    }

    fn on_some_link(&mut self, fault: impl FnOnce(&mut Self, LinkId)) {
        let links: Vec<LinkId> = self.pages.iter().filter_map(|page| page.link).collect();
        if !links.is_empty() {
            let id = self.dice.pick(&links);
            fault(self, id);
        }
    }

    fn dig_hole(&mut self, id: LinkId) {
        self.see("a black hole");
        let until = self.now + self.dice.within(500..=20_000);
        let ways = self.dice.within(1..=3);
        if ways & 1 > 0 {
            self.links[id].up.dig(until);
        }
        if ways & 2 > 0 {
            self.links[id].down.dig(until);
        }
    }

    fn die_silently(&mut self, id: LinkId) {
        self.see("a socket dies silently");
        self.links[id].up.die(self.now);
        self.links[id].down.die(self.now);
    }

    /// The client's end is cut at once, the server's hears of it much later: the old session is still attached.
    fn hang_up_late(&mut self, id: LinkId) {
        self.see("the old session is still attached");
        let lost = crate::network::lost();
        self.push_down(id, 0, crate::happening::Down::Closed(lost));
        let hears = self.now + self.dice.within(10_000..=60_000);
        self.queue.push(hears, Happening::Up(id, Up::Closed));
    }

    fn handshakes_fail(&mut self) {
        self.mode = self
            .dice
            .pick(&[Mode::Refuses, Mode::Hangs, Mode::Throws, Mode::OldNode]);
        self.mode_until = self.now + self.dice.within(500..=15_000);
    }

    fn process_is_killed(&mut self) {
        let Some(id) = self.listening else {
            return;
        };
        self.see("a process is killed");
        self.kill(id);
        let away = self.dice.within(0..=5_000);
        self.queue.push(self.now + away, Happening::Start);
    }

    fn process_is_asked_to_end(&mut self) {
        let Some(id) = self.listening else {
            return;
        };
        self.see("a process is asked to end");
        let (after, spread) = (self.dice.within(0..=1_000), self.dice.within(0..=5_000));
        let at = self.at();
        self.processes[id].sessions.drain(at, after, spread);
        self.drain_server(id);
        let ends = self.now + self.dice.within(0..=15_000);
        self.queue.push(ends, Happening::Exit(id));
        if self.dice.one_in(2) {
            self.see("the next process listens while the former drains");
            self.listening = None;
            self.queue.push(self.now, Happening::Start);
        }
    }

    fn process_stalls(&mut self) {
        if let Some(id) = self.listening {
            self.see("a process stalls");
            let wakes = self.now + self.dice.within(1_000..=60_000);
            self.stall(id, wakes);
        }
    }

    fn stall(&mut self, id: ProcessId, until: u64) {
        let stalled = &mut self.processes[id].stalled_until;
        *stalled = until.max(*stalled);
    }

    /// The old one wakes, with sockets and handlers, when another has its clients.
    fn process_is_replaced_while_it_stalls(&mut self) {
        if let Some(id) = self.listening {
            self.see("a process is replaced while it stalls");
            let wakes = self.now + self.dice.within(500..=20_000);
            self.stall(id, wakes);
            self.listening = None;
            self.queue.push(self.now, Happening::Start);
            let ends = wakes + self.dice.within(1_000..=30_000);
            self.queue.push(ends, Happening::Exit(id));
        }
    }

    fn store_loses(&mut self) {
        if self.dice.one_in(2) && self.store.kind != Kind::Memory {
            self.see("the store loses everything");
            self.store.lose();
            self.process_is_killed();
        }
    }

    fn storage_changes(&mut self) {
        let tab = self.dice.within(0..=self.tabs.len() as u64 - 1) as usize;
        let health = match self.tabs[tab].storage.state {
            // Nobody switches it on again while a page is open.
            Health::Disabled => Health::Disabled,
            Health::Works => Health::Full,
            Health::Full => Health::Works,
        };
        if health != Health::Works && self.plan.persist != Persist::Nothing {
            self.see("the storage breaks");
        }
        self.tabs[tab].storage.state = health;
    }

    fn clock_jumps(&mut self) {
        self.see("the clock jumps");
        self.clock_is_off += self.dice.pick(&[8 * HOUR, -HOUR]);
    }

    fn page_hears_something(&mut self) {
        let page = self.dice.within(0..=self.pages.len() as u64 - 1) as PageId;
        let here = &self.pages[page];
        if here.life == Life::Lives && here.asleep_until <= self.now {
            let input = self.dice.pick(&[
                Input::Timeout,
                Input::Page(PageEvent::Online),
                Input::Page(PageEvent::Offline),
                Input::Page(PageEvent::Visible),
            ]);
            self.input(page, input);
        }
    }

    pub fn end_all_faults(&mut self) {
        self.mode_until = self.now;
        self.store.fails_one_in = None;
        self.crash_at = None;
        for process in 0..self.processes.len() {
            if self.listening != Some(process) {
                self.queue.push(self.now, Happening::Exit(process));
            }
        }
        if self.listening.is_none() {
            self.start();
        }
    }
}
