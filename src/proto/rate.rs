//! Rate limiting: a token bucket that reads no clock.

use super::time::Instant;

const MILLI: u64 = 1_000;

/// A token bucket: `per_second` units flow in, at most `burst` are held, it starts full.
///
/// A cost above `burst` is let through once the bucket is full and leaves a debt, so that a large message is
/// delayed, never stuck.
#[derive(Clone, Debug)]
pub struct TokenBucket {
    per_second: u64,
    capacity: i64,
    level: i64,
    filled: Instant,
}

impl TokenBucket {
    /// A full bucket. Both numbers count the same unit: messages or bytes. Zero is taken as one.
    pub fn new(per_second: u32, burst: u32, now: Instant) -> Self {
        let capacity = i64::from(burst.max(1)) * MILLI as i64;
        Self {
            per_second: u64::from(per_second.max(1)),
            capacity,
            level: capacity,
            filled: now,
        }
    }

    /// Becomes no faster than this, and holds no more.
    pub(crate) fn limit(&mut self, per_second: u32, burst: u32) {
        let other = Self::new(per_second, burst, self.filled);
        self.per_second = self.per_second.min(other.per_second);
        self.capacity = self.capacity.min(other.capacity);
        self.level = self.level.min(self.capacity);
    }

    /// Takes `cost` units, or says in how many milliseconds they will be there and takes nothing.
    pub fn take(&mut self, now: Instant, cost: u32) -> Result<(), u64> {
        let wait = self.wait(now, cost);
        if wait > 0 {
            return Err(wait);
        }
        self.level -= i64::from(cost) * MILLI as i64;
        Ok(())
    }

    /// Milliseconds until `cost` units can be taken: 0 if they are there.
    pub fn wait(&mut self, now: Instant, cost: u32) -> u64 {
        self.refill(now);
        let needed = (i64::from(cost) * MILLI as i64).min(self.capacity);
        // A unit a second is a milli-unit a millisecond.
        needed
            .saturating_sub(self.level)
            .max(0)
            .unsigned_abs()
            .div_ceil(self.per_second)
    }

    fn refill(&mut self, now: Instant) {
        let gained = now.since(self.filled).saturating_mul(self.per_second);
        let gained = i64::try_from(gained).unwrap_or(i64::MAX);
        self.level = self.level.saturating_add(gained).min(self.capacity);
        self.filled = self.filled.max(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const START: Instant = Instant::from_millis(5_000);

    #[test]
    fn a_burst_passes_at_once_and_the_next_waits_for_its_share() {
        let mut bucket = TokenBucket::new(200, 400, START);
        for _ in 0..400 {
            assert_eq!(bucket.take(START, 1), Ok(()));
        }
        assert_eq!(bucket.take(START, 1), Err(5));
        assert_eq!(bucket.take(START.after(4), 1), Err(1));
        assert_eq!(bucket.take(START.after(5), 1), Ok(()));
    }

    #[test]
    fn a_cost_above_the_burst_waits_for_a_full_bucket_and_leaves_a_debt() {
        let mut bucket = TokenBucket::new(10, 10, START);
        assert_eq!(bucket.take(START, 30), Ok(()));
        assert_eq!(bucket.take(START, 1), Err(2_100));
    }

    #[test]
    fn a_clock_that_goes_back_adds_nothing() {
        let mut bucket = TokenBucket::new(1, 1, START);
        assert_eq!(bucket.take(START, 1), Ok(()));
        assert_eq!(bucket.take(Instant::from_millis(0), 1), Err(1_000));
        assert_eq!(bucket.take(START.after(999), 1), Err(1));
    }

    proptest! {
        #[test]
        fn no_window_of_time_passes_more_than_its_share_and_a_burst(
            per_second in 1_u32..500,
            burst in 1_u32..500,
            steps in prop::collection::vec((0_u64..200, 1_u32..20), 1..300),
        ) {
            let mut bucket = TokenBucket::new(per_second, burst, START);
            let mut now = START;
            let mut taken = 0_u64;
            for (pause, cost) in steps {
                now = now.after(pause);
                if bucket.take(now, cost).is_ok() {
                    taken += u64::from(cost);
                }
                let share = u64::from(per_second) * now.since(START) / 1_000;
                // A cost above the burst leaves a debt of at most itself.
                prop_assert!(taken <= share + u64::from(burst.max(20)) + 1);
            }
        }

        #[test]
        fn the_wait_it_names_is_enough_and_no_millisecond_too_long(
            per_second in 1_u32..2_000,
            burst in 1_u32..100,
            cost in 1_u32..100,
        ) {
            let mut bucket = TokenBucket::new(per_second, burst, START);
            prop_assert!(bucket.take(START, burst).is_ok());
            let wait = bucket.wait(START, cost);
            prop_assert!(bucket.wait(START.after(wait - 1), cost) > 0);
            prop_assert_eq!(bucket.take(START.after(wait), cost), Ok(()));
        }
    }
}
