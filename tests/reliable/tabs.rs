//! What happens to tabs: reloads, crashes, freezes, the back-forward cache, copies, another user.

use std::collections::BTreeMap;

use everwire::proto::{Connection, Input, PageEnd, PageEvent, State};

use crate::happening::{Happening, PageId, TabId, Up};
use crate::page::{Life, Page};
use crate::storage::SessionStorage;
use crate::streams::StreamId;
use crate::world::World;

/// Nobody opens more.
const TABS: usize = 6;

#[derive(Debug)]
pub struct Tab {
    pub user: u64,
    /// Its page, unless it is being loaded.
    pub page: Option<PageId>,
    last_page: PageId,
    pub storage: SessionStorage,
    /// What the storage was a while ago.
    earlier: SessionStorage,
    /// What the application has handled of each session.
    pub handled: BTreeMap<StreamId, u64>,
    /// What the last page left in good order, for the next one to find.
    pub promised: Option<Vec<u64>>,
    /// The storage is not what the last page left.
    pub is_stale: bool,
    pub is_closed: bool,
}

impl World {
    pub fn open_tab(&mut self, user: u64, storage: SessionStorage) {
        let tab = Tab {
            user,
            page: None,
            last_page: 0,
            earlier: storage.clone(),
            storage,
            handled: BTreeMap::new(),
            promised: None,
            is_stale: false,
            is_closed: false,
        };
        let id = self.tabs.len();
        self.tabs.push(tab);
        self.load(id);
        let first = self.now + self.dice.within(0..=self.plan.life_calm);
        self.queue.push(first, Happening::Life(id));
    }

    /// A new page of the tab begins.
    pub fn load(&mut self, tab: TabId) {
        if self.tabs[tab].page.is_some() || self.tabs[tab].is_closed {
            return;
        }
        // No browser falls back behind what an earlier page began with.
        self.tabs[tab].earlier = self.tabs[tab].storage.clone();
        let seed = u128::from(self.dice.roll()) << 64 | u128::from(self.dice.roll());
        let at = self.at();
        let connection = Connection::new(self.plan.client.clone(), seed, at);
        let connection = connection.expect("the plan's options lie in their ranges");
        let id = self.pages.len();
        let mut page = Page::new(tab, connection, self.now);
        let left = self.tabs[tab].storage.head().map(|head| head.end);
        page.after_crash = left == Some(PageEnd::Open) || self.tabs[tab].is_stale;
        self.note(|_| format!("tab {tab} loads page {id}"));
        self.pages.push(page);
        self.tabs[tab].page = Some(id);
        self.tabs[tab].last_page = id;
        self.pages[id].connection.connect(at);
        self.drain(id);
        self.queue.push(self.now, Happening::App(id));
    }

    pub fn life_ticks(&mut self, tab: TabId) {
        if self.quiet || self.tabs[tab].is_closed {
            return;
        }
        let next = self.now + self.dice.within(0..=self.plan.life_calm);
        self.queue.push(next, Happening::Life(tab));
        let Some(page) = self.tabs[tab].page else {
            return;
        };
        if self.pages[page].asleep_until > self.now {
            return;
        }
        match self.dice.within(0..=19) {
            0..=4 => self.reload(tab, page),
            5..=7 => {
                self.see("a page crashes");
                self.crash(page);
            }
            8 => self.crash_at = Some(self.outputs + self.dice.within(0..=30)),
            9..=11 => self.cache(tab, page),
            12 | 13 => self.freeze(page),
            14 if self.tabs.len() < TABS => self.copy(tab),
            15 => self.change_user(tab, page),
            16 => self.close_tab(tab, page),
            _ => self.tabs[tab].earlier = self.tabs[tab].storage.clone(),
        }
    }

    fn reload(&mut self, tab: TabId, page: PageId) {
        self.see("a page is reloaded");
        self.leave(tab, page);
        self.end(page);
        let takes = self.dice.within(0..=2_000);
        self.queue.push(self.now + takes, Happening::Load(tab));
    }

    /// The page goes away in good order.
    fn leave(&mut self, tab: TabId, page: PageId) {
        let open = self.pages[page].open_uids();
        let claims = matches!(self.pages[page].connection.state(), State::Claiming);
        self.pages[page].left_clean = false;
        self.input(page, Input::Page(PageEvent::Leave));
        if self.pages[page].life == Life::Gone {
            // It crashed on the way.
            return;
        }
        self.pages[page].life = Life::Cached;
        if claims {
            // The storage was never its own: what the page before it left is there still.
            return;
        }
        // What it settled on its way out needs no promise.
        let still_open = self.pages[page].open_uids();
        let kept = open.into_iter().filter(|uid| still_open.contains(uid));
        // A request that was handled waits for its answer only, and with the page goes whoever waited.
        let kept = kept.filter(|uid| self.ledger.of(*uid).effects == 0);
        self.tabs[tab].promised = self.pages[page].left_clean.then(|| kept.collect());
    }

    /// The page is gone, with all that it knew.
    fn end(&mut self, page: PageId) {
        self.pages[page].life = Life::Gone;
        let tab = self.pages[page].tab;
        self.tabs[tab].page = None;
    }

    pub fn crash(&mut self, page: PageId) {
        self.end(page);
        let tab = self.pages[page].tab;
        for uid in self.pages[page].open_uids() {
            // Nobody is left to be told anything else.
            self.ledger.of(uid).is_uncertain = true;
        }
        if let Some(link) = self.pages[page].link.take() {
            self.links[link].left = true;
            let hears = self.now + self.dice.within(0..=60_000);
            self.queue.push(hears, Happening::Up(link, Up::Closed));
        }
        if self.dice.one_in(3) {
            self.see("the storage is stale");
            self.tabs[tab].storage = self.tabs[tab].earlier.clone();
            // What became of these since is forgotten.
            for uid in self.tabs[tab].storage.uids() {
                let sent = self.ledger.of(uid);
                (sent.is_uncertain, sent.is_rejected) = (true, false);
                sent.is_forgotten = true;
            }
            self.tabs[tab].is_stale = true;
        }
        self.tabs[tab].promised = None;
        let unlocks = self.now + self.dice.within(0..=1_500);
        self.queue.push(unlocks, Happening::Unlock(page));
        let takes = self.dice.within(0..=5_000);
        self.queue.push(self.now + takes, Happening::Load(tab));
    }

    /// Away, and perhaps back.
    fn cache(&mut self, tab: TabId, page: PageId) {
        self.leave(tab, page);
        self.tabs[tab].page = None;
        let back = self.now + self.dice.within(0..=20_000);
        self.queue.push(back, Happening::Back(tab, page));
        if back.is_multiple_of(8) && self.tabs.len() < TABS {
            self.see("a tab that shows another site is copied");
            self.copy(tab);
        }
        if self.dice.one_in(2) {
            self.see("another page of the site meanwhile");
            let loads = self.now + self.dice.within(0..=10_000);
            self.queue.push(loads, Happening::Load(tab));
        }
    }

    pub fn comes_back(&mut self, tab: TabId, page: PageId) {
        if self.tabs[tab].is_closed || self.pages[page].life != Life::Cached {
            return;
        }
        if let Some(other) = self.tabs[tab].page {
            if self.pages[other].asleep_until > self.now {
                let later = self.pages[other].asleep_until;
                return self.queue.push(later, Happening::Back(tab, page));
            }
            self.leave(tab, other);
            self.end(other);
        }
        if self.tabs[tab].last_page != page {
            let head = self.tabs[tab].storage.head();
            let crashed = head.is_none_or(|head| head.end == PageEnd::Open);
            self.pages[page].after_crash = crashed || self.tabs[tab].is_stale;
        }
        self.tabs[tab].last_page = page;
        self.see("a page comes back from the cache");
        self.pages[page].life = Life::Lives;
        self.pages[page].last_heard = self.now;
        self.tabs[tab].page = Some(page);
        self.wakes(page);
        self.input(page, Input::Page(PageEvent::Return));
        self.queue.push(self.now, Happening::App(page));
        self.queue.push(self.now, Happening::Handles(page));
    }

    fn freeze(&mut self, page: PageId) {
        self.see("a page is frozen");
        self.pages[page].asleep_until = self.now + self.dice.within(1_000..=30_000);
    }

    /// The browser copies the tab with its storage.
    fn copy(&mut self, tab: TabId) {
        self.see("a tab is copied");
        let storage = self.tabs[tab].storage.clone();
        let handled = self.tabs[tab].handled.clone();
        let copy = self.tabs.len();
        self.open_tab(self.tabs[tab].user, storage);
        self.tabs[copy].handled = handled;
        self.tabs[copy].is_stale = self.tabs[tab].is_stale;
        if let Some(page) = self.tabs[copy].page {
            self.pages[page].after_crash |= self.tabs[tab].is_stale;
        }
    }

    fn change_user(&mut self, tab: TabId, page: PageId) {
        self.see("another user signs in");
        self.tabs[tab].user = self.dice.within(0..=self.plan.users - 1);
        let at = self.at();
        self.pages[page].connection.reconnect(at);
        self.drain(page);
    }

    fn close_tab(&mut self, tab: TabId, page: PageId) {
        self.see("a tab is closed");
        self.pages[page].is_leaving = true;
        self.crash_at = None;
        if self.dice.one_in(2) {
            self.close(page);
            self.drain(page);
            assert!(self.pages[page].open_uids().is_empty(), "invariant 4");
        } else {
            self.leave(tab, page);
        }
        self.end(page);
        self.tabs[tab].is_closed = true;
        self.unlock(page);
        let open = self.tabs.iter().filter(|tab| !tab.is_closed).count();
        if open == 0 || self.tabs.len() < TABS && self.dice.one_in(2) {
            let user = self.dice.within(0..=self.plan.users - 1);
            self.open_tab(user, SessionStorage::default());
        }
    }
}
