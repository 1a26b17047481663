//! What becomes of messages and requests: one outcome each.

use core::cell::RefCell;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

use crate::error::ErrorCode;
use crate::proto::MessageId;

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was handed to the browser's socket. A plain server does not confirm more.
    Sent,
    /// The server has handled it. Reliable delivery only.
    Acked,
    /// It was not written, and never will be.
    Rejected(ErrorCode),
    /// The server refused it: it was not handled. Reliable delivery only.
    Refused {
        /// The server's code.
        code: String,
        /// The server's sentence.
        message: String,
    },
    /// The server may have handled it, and nobody will know. Reliable delivery only.
    Uncertain(ErrorCode),
}

/// Why a request has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestError {
    /// It was not written: the server knows nothing of it.
    Rejected(ErrorCode),
    /// It was written and no answer came: the server may have acted on it.
    Uncertain(ErrorCode),
    /// The server answered `{"type":"error","data":{"code","message"}}`.
    Refused {
        /// The server's code.
        code: String,
        /// The server's sentence.
        message: String,
    },
    /// The server answered with something that `In` does not read.
    Unreadable(String),
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rejected(code) | Self::Uncertain(code) => code.fmt(f),
            Self::Refused { code, message } => write!(f, "{code}: {message}"),
            Self::Unreadable(error) => write!(f, "the answer cannot be read: {error}"),
        }
    }
}

impl core::error::Error for RequestError {}

/// A message's outcome, for whoever waits for it. Dropping it changes nothing.
#[derive(Debug)]
pub struct Receipt {
    pub(super) id: MessageId,
    pub(super) slot: Rc<Slot<Outcome>>,
}

impl Receipt {
    /// The message's number, from 1 in the order of `send`.
    pub fn id(&self) -> MessageId {
        self.id
    }
}

/// Two are equal if they are of the same message of the same connection.
impl PartialEq for Receipt {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.slot, &other.slot)
    }
}

impl Future for Receipt {
    type Output = Outcome;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome> {
        self.slot.poll(context)
    }
}

/// What is not settled yet. Bounded by the outbox and the table of requests.
pub(super) struct Ledger<In> {
    pub(super) receipts: Pending<Outcome>,
    pub(super) replies: Pending<Result<In, RequestError>>,
}

impl<In> Ledger<In> {
    pub(super) fn new() -> Self {
        Self {
            receipts: Pending(RefCell::default()),
            replies: Pending(RefCell::default()),
        }
    }

    /// The message was not taken after all.
    pub(super) fn forget(&self, id: MessageId) {
        self.receipts.take(id);
        self.replies.take(id);
    }
}

pub(super) struct Pending<T>(RefCell<BTreeMap<MessageId, Rc<Slot<T>>>>);

impl<T> Pending<T> {
    pub(super) fn expect(&self, id: MessageId) -> Rc<Slot<T>> {
        let slot = Rc::new(Slot::new());
        self.0.borrow_mut().insert(id, Rc::clone(&slot));
        slot
    }

    pub(super) fn settle(&self, id: MessageId, value: T) {
        if let Some(slot) = self.take(id) {
            slot.fill(value);
        }
    }

    fn take(&self, id: MessageId) -> Option<Rc<Slot<T>>> {
        self.0.borrow_mut().remove(&id)
    }
}

/// A value that comes once, and whoever waits for it.
#[derive(Debug)]
pub(super) struct Slot<T> {
    state: RefCell<SlotState<T>>,
}

#[derive(Debug)]
enum SlotState<T> {
    Empty(Option<Waker>),
    Filled(T),
    Taken,
}

impl<T> Slot<T> {
    fn new() -> Self {
        Self {
            state: RefCell::new(SlotState::Empty(None)),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        matches!(*self.state.borrow(), SlotState::Empty(_))
    }

    fn fill(&self, value: T) {
        let before = self.state.replace(SlotState::Filled(value));
        if let SlotState::Empty(Some(waker)) = before {
            waker.wake();
        }
    }

    pub(super) fn poll(&self, context: &Context<'_>) -> Poll<T> {
        let mut state = self.state.borrow_mut();
        match core::mem::replace(&mut *state, SlotState::Taken) {
            SlotState::Filled(value) => Poll::Ready(value),
            SlotState::Empty(_) => {
                *state = SlotState::Empty(Some(context.waker().clone()));
                Poll::Pending
            }
            SlotState::Taken => Poll::Pending,
        }
    }
}
