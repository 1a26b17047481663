//! What happens, and when: a queue in virtual time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use everwire::proto::server::{Cid, Handle, Input as ServerInput, Write};
use everwire::proto::{CloseFrame, TokenAnswer, TokenRequest};

use crate::wire::{DownFrame, Payload, UpFrame};

/// A page's life from its load to its end; its place in the world's list.
pub type PageId = usize;
pub type TabId = usize;
/// A socket, seen from both ends.
pub type LinkId = usize;
/// A server process from its start to its end.
pub type ProcessId = usize;

#[derive(Debug)]
pub enum Happening {
    /// The page's application does something.
    App(PageId),
    /// The page's application ends the handling of what it was handed.
    Handles(PageId),
    /// The tab is reloaded, left, frozen, …
    Life(TabId),
    /// The tab's next page begins.
    Load(TabId),
    /// The page comes back from the back-forward cache.
    Back(TabId, PageId),
    /// The timer that was armed as this one fires.
    Timer(PageId, u64),
    /// The token provider answers.
    Token(PageId, TokenRequest, TokenAnswer),
    /// Somebody may get a lock.
    Lock(String),
    /// A page that is gone lets go of its lock.
    Unlock(PageId),
    /// There are no locks.
    Denied(PageId, u64),
    /// The server's application says something unasked.
    Backend,
    /// Something goes wrong.
    Fault,
    /// Something reaches the client's end of a socket.
    Down(LinkId, Down),
    /// Something reaches the server's end of a socket.
    Up(LinkId, Up),
    /// Something that the process asked for is answered.
    Answer(ProcessId, Box<ServerInput<Payload>>),
    /// The store looks a client up, and makes the process its owner.
    Look(ProcessId, Cid),
    /// A write reaches the store.
    Write(ProcessId, Cid, Write),
    /// A handler has its effect, or has not.
    Commit(ProcessId, Box<Handle<Payload>>),
    ServerTimer(ProcessId, u64),
    /// A process that was asked to end does so.
    Exit(ProcessId),
    /// The next process begins to listen.
    Start,
}

#[derive(Debug, Clone)]
pub enum Down {
    Accepted,
    /// The server does not speak the protocol.
    Opened,
    Frame(DownFrame),
    Closed(CloseFrame),
}

#[derive(Debug, Clone)]
pub enum Up {
    Opened,
    Frame(UpFrame),
    Closed,
}

#[derive(Debug, Default)]
pub struct Queue {
    heap: BinaryHeap<Reverse<Entry>>,
    last: u64,
}

#[derive(Debug)]
pub struct Entry {
    pub at: u64,
    order: u64,
    pub happening: Happening,
}

impl Queue {
    pub fn push(&mut self, at: u64, happening: Happening) {
        self.last += 1;
        let order = self.last;
        self.heap.push(Reverse(Entry {
            at,
            order,
            happening,
        }));
    }

    /// Puts off what cannot happen yet; it stays before what was queued after it for the same moment.
    pub fn put_off(&mut self, entry: Entry, until: u64) {
        self.heap.push(Reverse(Entry { at: until, ..entry }));
    }

    pub fn pop_until(&mut self, end: u64) -> Option<Entry> {
        if self.heap.peek()?.0.at > end {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| entry)
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Entry {}
