//! The engine's clock: it never goes back, and counts the time that the machine slept.

use core::cell::Cell;

use super::browser::{monotonic_ms, wall_ms};
use crate::proto::Instant;

/// The clocks' readings are rounded and the wall clock is corrected in small steps, so only a larger gap is sleep.
const SLEPT_MS: f64 = 1_000.0;

/// `performance.now()` may stand still while the machine sleeps; `Date.now()` does not, but may be set.
pub(super) struct Clock(Cell<Readings>);

#[derive(Clone, Copy)]
struct Readings {
    monotonic: f64,
    wall: f64,
    now: f64,
}

impl Clock {
    pub(super) fn start() -> Self {
        Self(Cell::new(Readings {
            monotonic: monotonic_ms(),
            wall: wall_ms(),
            now: 0.0,
        }))
    }

    pub(super) fn now(&self) -> Instant {
        let readings = self.0.get().advance(monotonic_ms(), wall_ms());
        self.0.set(readings);
        Instant::from_millis(readings.now as u64)
    }

    /// Milliseconds since 1970, as far as the machine knows.
    pub(super) fn wall_ms(&self) -> u64 {
        wall_ms() as u64
    }
}

impl Readings {
    fn advance(self, monotonic: f64, wall: f64) -> Self {
        let awake = (monotonic - self.monotonic).max(0.0);
        let elapsed = wall - self.wall;
        let passed = if elapsed - awake > SLEPT_MS {
            elapsed
        } else {
            awake
        };
        Self {
            monotonic,
            wall,
            now: self.now + passed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Readings = Readings {
        monotonic: 5_000.0,
        wall: 1_700_000_000_000.0,
        now: 0.0,
    };

    fn passed(monotonic: f64, wall: f64) -> f64 {
        START
            .advance(START.monotonic + monotonic, START.wall + wall)
            .now
    }

    #[test]
    fn time_passes_as_the_monotonic_clock_says() {
        assert_eq!(passed(250.0, 251.0), 250.0);
        assert_eq!(passed(250.0, 1_200.0), 250.0);
    }

    #[test]
    fn sleep_that_the_monotonic_clock_missed_is_counted() {
        assert_eq!(passed(10.0, 28_800_000.0), 28_800_000.0);
    }

    #[test]
    fn a_wall_clock_that_is_set_back_is_ignored() {
        assert_eq!(passed(40.0, -3_600_000.0), 40.0);
    }

    #[test]
    fn a_monotonic_clock_that_goes_back_stands_still() {
        assert_eq!(passed(-7.0, 3.0), 0.0);
    }
}
