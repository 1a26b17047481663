//! Events on their way to the application: bounded, in order.

use core::cell::RefCell;
use core::task::{Context, Poll, Waker};
use std::collections::VecDeque;

use super::ClientEvent;

/// The most events that wait to be read.
const CAPACITY: usize = 1_000;

pub(super) struct Inbox<In> {
    inner: RefCell<Inner<In>>,
}

struct Inner<In> {
    events: VecDeque<ClientEvent<In>>,
    dropped: u64,
    phase: Phase,
    reader: Option<Waker>,
}

#[derive(PartialEq, Eq)]
enum Phase {
    Open,
    /// The application closed the connection: what is there is read, then the stream ends.
    Ended,
    /// Nobody reads.
    Deaf,
}

impl<In> Inbox<In> {
    pub(super) fn new() -> Self {
        Self {
            inner: RefCell::new(Inner {
                events: VecDeque::new(),
                dropped: 0,
                phase: Phase::Open,
                reader: None,
            }),
        }
    }

    pub(super) fn push(&self, event: ClientEvent<In>) {
        let mut inner = self.inner.borrow_mut();
        if inner.phase != Phase::Open {
            return;
        }
        if inner.events.len() >= CAPACITY {
            inner.dropped += 1;
        } else {
            inner.events.push_back(event);
        }
        wake(inner);
    }

    /// No event comes any more.
    pub(super) fn end(&self) {
        let mut inner = self.inner.borrow_mut();
        if inner.phase == Phase::Open {
            inner.phase = Phase::Ended;
        }
        wake(inner);
    }

    /// The application has connected again.
    pub(super) fn reopen(&self) {
        let mut inner = self.inner.borrow_mut();
        if inner.phase == Phase::Ended {
            inner.phase = Phase::Open;
        }
    }

    /// Nobody reads any more.
    pub(super) fn deafen(&self) {
        let mut inner = self.inner.borrow_mut();
        inner.phase = Phase::Deaf;
        let unread = core::mem::take(&mut inner.events);
        drop(inner);
        drop(unread);
    }

    pub(super) fn poll(&self, context: &Context<'_>) -> Poll<Option<ClientEvent<In>>> {
        let mut inner = self.inner.borrow_mut();
        if let Some(event) = inner.events.pop_front() {
            return Poll::Ready(Some(event));
        }
        if inner.dropped > 0 {
            let dropped = core::mem::take(&mut inner.dropped);
            return Poll::Ready(Some(ClientEvent::Dropped(dropped)));
        }
        if inner.phase == Phase::Ended {
            return Poll::Ready(None);
        }
        inner.reader = Some(context.waker().clone());
        Poll::Pending
    }
}

/// Wakes the reader once nothing is borrowed: it may read at once.
fn wake<In>(mut inner: core::cell::RefMut<'_, Inner<In>>) {
    let reader = inner.reader.take();
    drop(inner);
    if let Some(reader) = reader {
        reader.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(inbox: &Inbox<u32>) -> Poll<Option<ClientEvent<u32>>> {
        inbox.poll(&Context::from_waker(Waker::noop()))
    }

    fn message(number: u32) -> Poll<Option<ClientEvent<u32>>> {
        Poll::Ready(Some(ClientEvent::Message(number)))
    }

    #[test]
    fn what_has_no_room_is_counted_and_what_had_room_is_in_order() {
        let inbox = Inbox::new();
        for number in 0..1_003 {
            inbox.push(ClientEvent::Message(number));
        }
        for number in 0..1_000 {
            assert_eq!(read(&inbox), message(number));
        }
        assert_eq!(read(&inbox), Poll::Ready(Some(ClientEvent::Dropped(3))));
        assert_eq!(read(&inbox), Poll::Pending);
    }

    #[test]
    fn after_the_end_what_is_there_is_read_and_nothing_comes_until_it_reopens() {
        let inbox = Inbox::new();
        inbox.push(ClientEvent::Message(1));
        inbox.end();
        inbox.push(ClientEvent::Message(2));
        assert_eq!(read(&inbox), message(1));
        assert_eq!(read(&inbox), Poll::Ready(None));
        inbox.reopen();
        inbox.push(ClientEvent::Message(3));
        assert_eq!(read(&inbox), message(3));
    }

    #[test]
    fn when_nobody_reads_nothing_is_kept() {
        let inbox = Inbox::new();
        inbox.push(ClientEvent::Message(1));
        inbox.deafen();
        inbox.push(ClientEvent::Message(2));
        assert!(inbox.inner.borrow().events.is_empty());
    }
}
