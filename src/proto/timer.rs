//! The deadlines of a connection: at most one of each kind, the nearest of them armed.

use super::time::Instant;

/// What a deadline is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timer {
    /// Token, handshake and opening together took too long.
    Connect,
    /// The wait before the next attempt is over.
    Retry,
    /// A ping is due, or its answer is.
    Heartbeat,
    /// The connection has lived long enough to forget earlier failures.
    Stable,
    /// The rate limit allows the next queued message.
    Flush,
    /// The socket's send buffer is to be asked for its size again.
    Backpressure,
    /// The oldest time to live in the outbox ends.
    Expiry,
    /// A request has waited long enough for its answer.
    Request,
    /// The token nears the end of its life.
    TokenRefresh,
    /// A socket that began to close has had time to say why.
    Closing,
    /// What an earlier page left could not be claimed.
    Claim,
    /// An ack has waited long enough for company.
    Ack,
    /// The server has acked nothing for long.
    Stalled,
    /// The server asked to be left.
    Drain,
}

impl Timer {
    const ALL: [Self; 14] = [
        Self::Connect,
        Self::Retry,
        Self::Heartbeat,
        Self::Stable,
        Self::Flush,
        Self::Backpressure,
        Self::Expiry,
        Self::Request,
        Self::TokenRefresh,
        Self::Closing,
        Self::Claim,
        Self::Ack,
        Self::Stalled,
        Self::Drain,
    ];
}

#[derive(Debug, Default)]
pub(crate) struct TimerTable {
    deadlines: [Option<Instant>; Timer::ALL.len()],
}

impl TimerTable {
    pub(crate) fn set(&mut self, timer: Timer, at: Option<Instant>) {
        if let Some(deadline) = self.deadlines.get_mut(timer as usize) {
            *deadline = at;
        }
    }

    pub(crate) fn cancel(&mut self, timer: Timer) {
        self.set(timer, None);
    }

    pub(crate) fn is_set(&self, timer: Timer) -> bool {
        self.deadlines
            .get(timer as usize)
            .is_some_and(Option::is_some)
    }

    pub(crate) fn is_due(&self, timer: Timer, now: Instant) -> bool {
        let deadline = self.deadlines.get(timer as usize).copied().flatten();
        deadline.is_some_and(|at| at <= now)
    }

    pub(crate) fn next(&self) -> Option<(Instant, Timer)> {
        let mut next = None;
        for (at, timer) in self.deadlines.iter().zip(Timer::ALL) {
            let Some(at) = *at else { continue };
            if next.is_none_or(|(earliest, _)| at < earliest) {
                next = Some((at, timer));
            }
        }
        next
    }

    /// Takes the earliest deadline that has passed.
    pub(crate) fn take_expired(&mut self, now: Instant) -> Option<(Instant, Timer)> {
        let (at, timer) = self.next().filter(|(at, _)| *at <= now)?;
        self.cancel(timer);
        Some((at, timer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Instant = Instant::from_millis(1_000);

    #[test]
    fn each_kind_has_its_own_place() {
        let mut table = TimerTable::default();
        for (nth, timer) in Timer::ALL.into_iter().enumerate() {
            table.set(timer, Some(START.after(nth as u64)));
        }
        for (nth, timer) in Timer::ALL.into_iter().enumerate() {
            assert_eq!(table.next(), Some((START.after(nth as u64), timer)));
            table.cancel(timer);
        }
        assert_eq!(table.next(), None);
    }

    #[test]
    fn the_earliest_that_has_passed_is_taken_once() {
        let mut table = TimerTable::default();
        table.set(Timer::Heartbeat, Some(START.after(20)));
        table.set(Timer::Flush, Some(START.after(10)));
        assert_eq!(table.take_expired(START.after(9)), None);
        let late = START.after(60_000);
        assert_eq!(
            table.take_expired(late),
            Some((START.after(10), Timer::Flush))
        );
        assert_eq!(
            table.take_expired(late),
            Some((START.after(20), Timer::Heartbeat))
        );
        assert_eq!(table.take_expired(late), None);
    }

    #[test]
    fn a_new_deadline_replaces_the_old_one() {
        let mut table = TimerTable::default();
        table.set(Timer::Retry, Some(START));
        table.set(Timer::Retry, Some(START.after(5)));
        assert!(!table.is_due(Timer::Retry, START.after(4)));
        assert!(table.is_due(Timer::Retry, START.after(5)));
        table.set(Timer::Retry, None);
        assert!(!table.is_due(Timer::Retry, START.after(5)));
    }
}
