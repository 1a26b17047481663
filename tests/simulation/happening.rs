//! What happens, and when: a queue in virtual time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use everwire::proto::{CloseAction, CloseFrame, Frame, MessageId, OpenFailure, SocketId};
use everwire::proto::{TokenAnswer, TokenRequest};

/// An application's message: the model server can tell one from another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    pub id: MessageId,
    pub bytes: u32,
    pub is_request: bool,
    /// The server's handler dies of it.
    pub poison: bool,
}

#[derive(Clone, Debug)]
pub enum Happening {
    /// The application does something.
    App,
    /// Something goes wrong.
    Fault,
    /// The page is shown, hidden, left, …
    Page,
    /// The timer that was armed as this one fires.
    Timer(u64),
    /// The token provider answers.
    Provider(TokenRequest, TokenAnswer),
    /// Something reaches the client's end of a socket.
    Down(SocketId, Down),
    /// Something reaches the server's end of a socket.
    Up(SocketId, Up),
    /// The server says something unasked.
    Push(SocketId),
    /// The server's token for this socket has run out, unless it was refreshed since.
    TokenEnds(SocketId, u64),
    /// The balancer looks whether the socket was idle.
    Balancer(SocketId),
    /// The network forgets about a socket that died silently.
    GiveUp(SocketId),
}

#[derive(Clone, Debug)]
pub enum Down {
    Opened,
    Frame(Frame),
    /// `readyState` is CLOSING.
    Closing,
    Closed(CloseFrame, Option<CloseAction>),
    Failed(OpenFailure),
}

#[derive(Clone, Debug)]
pub enum Up {
    Control(String),
    Message(Payload),
    Closed,
}

impl Happening {
    /// Whether it needs the page to be awake.
    pub fn is_of_the_page(&self) -> bool {
        match self {
            Self::App | Self::Page | Self::Timer(_) | Self::Provider(..) | Self::Down(..) => true,
            Self::Fault
            | Self::Up(..)
            | Self::Push(_)
            | Self::TokenEnds(..)
            | Self::Balancer(_)
            | Self::GiveUp(_) => false,
        }
    }
}

#[derive(Debug, Default)]
pub struct Queue {
    heap: BinaryHeap<Reverse<Entry>>,
    last: u64,
}

#[derive(Clone, Debug)]
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
