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
    /// With their positions in what a session gave; 0 for what has none.
    events: VecDeque<(ClientEvent<In>, u64)>,
    /// The position of the event that is being read.
    reading: u64,
    /// The position of what was given last.
    given: u64,
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
                reading: 0,
                given: 0,
                dropped: 0,
                phase: Phase::Open,
                reader: None,
            }),
        }
    }

    pub(super) fn push(&self, event: ClientEvent<In>) {
        self.push_at(event, 0);
    }

    /// An event with a position in what a session gave: the session's window bounds them, so none is left out.
    pub(super) fn push_at(&self, event: ClientEvent<In>, position: u64) {
        let mut inner = self.inner.borrow_mut();
        inner.given = inner.given.max(position);
        if inner.phase != Phase::Open {
            return;
        }
        if inner.events.len() >= CAPACITY && position == 0 {
            inner.dropped += 1;
        } else {
            inner.events.push_back((event, position));
        }
        wake(inner);
    }

    /// What stands at this position went elsewhere.
    pub(super) fn pass(&self, position: u64) {
        let mut inner = self.inner.borrow_mut();
        inner.given = inner.given.max(position);
    }

    /// The position up to which everything was handled: the reader has asked for what follows.
    pub(super) fn handled(&self) -> u64 {
        let inner = self.inner.borrow();
        let waiting = inner.events.iter().map(|(_, position)| *position);
        let mut unhandled = core::iter::once(inner.reading).chain(waiting);
        let oldest = unhandled.find(|position| *position > 0);
        oldest.map_or(inner.given, |oldest| oldest - 1)
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
        inner.reading = 0;
        let unread = core::mem::take(&mut inner.events);
        drop(inner);
        drop(unread);
    }

    pub(super) fn poll(&self, context: &Context<'_>) -> Poll<Option<ClientEvent<In>>> {
        let mut inner = self.inner.borrow_mut();
        inner.reading = 0;
        if let Some((event, position)) = inner.events.pop_front() {
            inner.reading = position;
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
    fn an_event_is_handled_once_the_next_one_is_asked_for() {
        let inbox = Inbox::new();
        for position in 1..=2 {
            inbox.push_at(ClientEvent::Message(position as u32), position);
        }
        inbox.push(ClientEvent::Message(9));
        inbox.pass(3);
        assert_eq!(inbox.handled(), 0);
        assert_eq!(read(&inbox), message(1));
        assert_eq!(inbox.handled(), 0);
        assert_eq!(read(&inbox), message(2));
        assert_eq!(inbox.handled(), 1);
        assert_eq!(read(&inbox), message(9));
        assert_eq!(inbox.handled(), 3);
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
