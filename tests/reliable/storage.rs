//! A tab's session storage, and the locks of the browser.

use std::collections::{BTreeMap, VecDeque};

use everwire::proto::{Head, Loaded, Saved, Slot, Store, Stored};

use crate::happening::PageId;
use crate::wire::Payload;

#[derive(Clone, Debug, Default)]
pub struct SessionStorage {
    pub head: Option<String>,
    items: BTreeMap<Slot, Stored<Payload>>,
    pub state: Health,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Health {
    #[default]
    Works,
    /// Every write throws.
    Full,
    /// Everything throws.
    Disabled,
}

impl SessionStorage {
    pub fn load(&self) -> Loaded<Payload> {
        if self.state == Health::Disabled {
            return Loaded::Failed;
        }
        match self.head() {
            Some(head) => Loaded::Saved(Saved {
                head,
                messages: self.items.values().cloned().collect(),
            }),
            None => Loaded::Nothing,
        }
    }

    /// The messages that are stored.
    pub fn uids(&self) -> Vec<u64> {
        let items = self.items.values();
        items.map(|stored| stored.payload.uid).collect()
    }

    pub fn head(&self) -> Option<Head> {
        Head::from_text(self.head.as_deref()?)
    }

    /// Does what needs no answer; whether that worked.
    pub fn act(&mut self, store: Store<Payload>) -> bool {
        if self.state == Health::Disabled {
            return false;
        }
        let takes_writes = self.state == Health::Works;
        match store {
            Store::Head(head) if takes_writes => self.head = Some(head.to_text()),
            Store::Keep(stored) if takes_writes => {
                self.items.insert(stored.slot, stored);
            }
            Store::Head(_) | Store::Keep(_) => return false,
            Store::Forget(slot) => {
                self.items.remove(&slot);
            }
            Store::Clear => {
                self.head = None;
                self.items.clear();
            }
            Store::Load | Store::Claim(_) | Store::Release => {}
        }
        true
    }
}

/// The locks that pages hold or wait for, first come, first served.
#[derive(Debug, Default)]
pub struct Locks {
    queues: BTreeMap<String, VecDeque<PageId>>,
    /// Who was told.
    granted: BTreeMap<String, PageId>,
}

impl Locks {
    pub fn ask(&mut self, name: &str, page: PageId) {
        self.queues
            .entry(name.to_owned())
            .or_default()
            .push_back(page);
    }

    /// Whose turn it is, unless it was told so before.
    pub fn next(&self, name: &str) -> Option<PageId> {
        let first = self.queues.get(name)?.front().copied()?;
        (self.granted.get(name) != Some(&first)).then_some(first)
    }

    pub fn grant(&mut self, name: &str) -> Option<PageId> {
        let page = self.next(name)?;
        self.granted.insert(name.to_owned(), page);
        Some(page)
    }

    /// Gives up what a page holds or waits for; answers the names that somebody else may get now.
    pub fn release(&mut self, page: PageId) -> Vec<String> {
        let mut freed = Vec::new();
        self.queues.retain(|name, queue| {
            if queue.contains(&page) {
                queue.retain(|other| *other != page);
                if self.granted.get(name) == Some(&page) {
                    self.granted.remove(name);
                }
                freed.push(name.clone());
            }
            !queue.is_empty()
        });
        freed
    }
}
