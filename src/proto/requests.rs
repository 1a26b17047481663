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
    written: bool,
}

impl Requests {
    pub(crate) fn is_full(&self) -> bool {
        self.waiting.len() >= CAPACITY
    }

    pub(crate) fn add(&mut self, id: MessageId, deadline: Instant) {
        self.waiting.push(Waiting {
            id,
            deadline,
            written: false,
        });
    }

    pub(crate) fn written(&mut self, id: MessageId) {
        if let Some(request) = self.find(id).and_then(|at| self.waiting.get_mut(at)) {
            request.written = true;
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

    /// Forgets a request that was written. Whether it was there; nothing can answer one that was not written.
    pub(crate) fn answered(&mut self, id: MessageId) -> bool {
        let request = self.find(id).and_then(|at| self.waiting.get(at));
        request.is_some_and(|request| request.written) && self.remove(id)
    }

    /// Takes the requests whose wait is over, written or not.
    pub(crate) fn take_expired(&mut self, now: Instant) -> Vec<MessageId> {
        self.take(Some(now))
    }

    /// Takes the requests that were written: their answers cannot come any more.
    pub(crate) fn take_written(&mut self) -> Vec<MessageId> {
        self.take(None)
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.waiting.iter().map(|request| request.deadline).min()
    }

    fn find(&self, id: MessageId) -> Option<usize> {
        self.waiting
            .binary_search_by_key(&id, |request| request.id)
            .ok()
    }

    /// Takes those whose deadline has come at this moment; `None`: those that were written.
    fn take(&mut self, expired_at: Option<Instant>) -> Vec<MessageId> {
        let mut taken = Vec::new();
        self.waiting.retain(|request| {
            let is_over = expired_at.map_or(request.written, |now| request.deadline <= now);
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
        requests.written(MessageId(2));
        assert!(!requests.answered(MessageId(1)));
        assert!(requests.answered(MessageId(2)));
        assert!(!requests.answered(MessageId(2)));
        assert!(!requests.answered(MessageId(3)));
        assert!(requests.remove(MessageId(1)));
    }

    #[test]
    fn what_is_over_leaves_and_the_rest_stays() {
        let mut requests = filled(4);
        requests.written(MessageId(1));
        requests.written(MessageId(4));
        assert_eq!(requests.next_deadline(), Some(START.after(1)));
        assert_eq!(
            requests.take_expired(START.after(2)),
            [MessageId(1), MessageId(2)]
        );
        assert_eq!(requests.next_deadline(), Some(START.after(3)));
        assert_eq!(requests.take_written(), [MessageId(4)]);
        assert_eq!(requests.take_expired(START.after(9)), [MessageId(3)]);
        assert_eq!(requests.next_deadline(), None);
    }
}
