//! Who is to be woken when. A deadline that moved later is found out when the earlier one passes.

use alloc::collections::{BTreeMap, BTreeSet};

use super::super::ids::SocketId;
use super::super::time::Instant;
use super::io::Cid;

/// Whom a deadline belongs to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Owner {
    Socket(SocketId),
    Client(Cid),
}

/// At most one deadline an owner.
#[derive(Debug, Default)]
pub(super) struct Deadlines {
    by_time: BTreeSet<(Instant, Owner)>,
    by_owner: BTreeMap<Owner, Instant>,
}

impl Deadlines {
    /// Wakes the owner at `at`, or earlier if that was asked for before.
    pub(super) fn arm(&mut self, owner: Owner, at: Instant) {
        match self.by_owner.get(&owner) {
            Some(armed) if *armed <= at => return,
            Some(_) => self.disarm(&owner),
            None => {}
        }
        self.by_owner.insert(owner.clone(), at);
        self.by_time.insert((at, owner));
    }

    pub(super) fn disarm(&mut self, owner: &Owner) {
        if let Some(at) = self.by_owner.remove(owner) {
            self.by_time.remove(&(at, owner.clone()));
        }
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.by_time.first().map(|(at, _)| *at)
    }

    pub(super) fn take_expired(&mut self, now: Instant) -> Option<Owner> {
        self.next().filter(|at| *at <= now)?;
        let (_, owner) = self.by_time.pop_first()?;
        self.by_owner.remove(&owner);
        Some(owner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Instant = Instant::from_millis(1_000);

    #[test]
    fn an_owner_is_woken_once_at_the_earliest_time_asked_for() {
        let mut deadlines = Deadlines::default();
        let (first, second) = (Owner::Socket(SocketId(1)), Owner::Client(Cid::new("c")));
        deadlines.arm(first.clone(), START.after(10));
        deadlines.arm(first.clone(), START.after(5));
        deadlines.arm(first.clone(), START.after(20));
        deadlines.arm(second.clone(), START.after(5));
        deadlines.disarm(&second);
        assert_eq!(deadlines.next(), Some(START.after(5)));
        assert_eq!(deadlines.take_expired(START.after(4)), None);
        assert_eq!(deadlines.take_expired(START.after(30)), Some(first));
        assert_eq!(deadlines.take_expired(START.after(30)), None);
    }
}
