//! Requests that wait for their answers: a bounded table of deadlines.

use super::ids::MessageId;
use super::time::Instant;
use alloc::vec::Vec;

/// The most requests that wait at once.
const CAPACITY: usize = 1_000;

#[derive(Debug, Default)]
pub(crate) struct Requests {
    /// In the order of their ids.
    waiting: Vec<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    id: MessageId,
    deadline: Instant,
    /// The id on the wire, once it was written.
    written: Option<u64>,
}

/// Which requests are to leave.
#[derive(Clone, Copy)]
enum Which {
    DueAt(Instant),
    WrittenUpTo(u64),
}

impl Which {
    fn takes(self, request: &Waiting) -> bool {
        match self {
            Self::DueAt(now) => request.deadline <= now,
            Self::WrittenUpTo(up_to) => request.written.is_some_and(|wire_id| wire_id <= up_to),
        }
    }
}

impl Requests {
    pub(crate) fn is_full(&self) -> bool {
        self.waiting.len() >= CAPACITY
    }

    pub(crate) fn add(&mut self, id: MessageId, deadline: Instant) {
        self.waiting.push(Waiting {
            id,
            deadline,
            written: None,
        });
    }

    pub(crate) fn contains(&self, id: MessageId) -> bool {
        self.find(id).is_some()
    }

    /// A request was written, with this id on the wire.
    pub(crate) fn written(&mut self, id: MessageId, wire_id: u64) {
        if let Some(request) = self.find(id).and_then(|at| self.waiting.get_mut(at)) {
            request.written = Some(wire_id);
        }
    }

    /// Forgets a request. Whether it was there.
    pub(crate) fn remove(&mut self, id: MessageId) -> bool {
        match self.find(id) {
            Some(at) => {
                self.waiting.remove(at);
                true
            }
            None => false,
        }
    }

    /// Forgets the request that was written with this id, if it still waits.
    pub(crate) fn answered(&mut self, wire_id: u64) -> Option<MessageId> {
        let written = |request: &Waiting| request.written == Some(wire_id);
        let at = self.waiting.iter().position(written)?;
        Some(self.waiting.remove(at).id)
    }

    /// Takes the requests whose wait is over, written or not.
    pub(crate) fn take_expired(&mut self, now: Instant) -> Vec<MessageId> {
        self.take(Which::DueAt(now))
    }

    /// Takes the requests that were written with ids up to this one: their answers cannot come any more.
    pub(crate) fn take_written(&mut self, up_to: u64) -> Vec<MessageId> {
        self.take(Which::WrittenUpTo(up_to))
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.waiting.iter().map(|request| request.deadline).min()
    }

    fn find(&self, id: MessageId) -> Option<usize> {
        self.waiting
            .binary_search_by_key(&id, |request| request.id)
            .ok()
    }

    fn take(&mut self, which: Which) -> Vec<MessageId> {
        let mut taken = Vec::new();
        self.waiting.retain(|request| {
            let is_over = which.takes(request);
            if is_over {
                taken.push(request.id);
            }
            !is_over
        });
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Instant = Instant::from_millis(1_000);

    /// Requests 1 to `count`, due one millisecond after another.
    fn filled(count: u64) -> Requests {
        let mut requests = Requests::default();
        for id in 1..=count {
            requests.add(MessageId(id), START.after(id));
        }
        requests
    }

    #[test]
    fn it_is_full_at_its_capacity() {
        let mut requests = filled(999);
        assert!(!requests.is_full());
        requests.add(MessageId(1_000), START);
        assert!(requests.is_full());
        assert!(requests.remove(MessageId(500)));
        assert!(!requests.is_full());
    }

    #[test]
    fn only_what_was_written_can_be_answered_and_only_once() {
        let mut requests = filled(2);
        requests.written(MessageId(2), 7);
        assert_eq!(requests.answered(2), None);
        assert_eq!(requests.answered(7), Some(MessageId(2)));
        assert_eq!(requests.answered(7), None);
        assert!(requests.remove(MessageId(1)));
    }

    #[test]
    fn what_is_over_leaves_and_the_rest_stays() {
        let mut requests = filled(4);
        requests.written(MessageId(1), 1);
        requests.written(MessageId(4), 4);
        assert_eq!(requests.next_deadline(), Some(START.after(1)));
        assert_eq!(
            requests.take_expired(START.after(2)),
            [MessageId(1), MessageId(2)]
        );
        assert_eq!(requests.next_deadline(), Some(START.after(3)));
        assert_eq!(requests.take_written(3), []);
        assert_eq!(requests.take_written(4), [MessageId(4)]);
        assert_eq!(requests.take_expired(START.after(9)), [MessageId(3)]);
        assert_eq!(requests.next_deadline(), None);
    }
}
