//! Reconnection: when the next attempt begins. Backoff with jitter drawn after the cap, and a budget of attempts a minute.

use alloc::collections::VecDeque;

use super::rng::Rng;
use super::time::Instant;
use crate::config::{ConfigOption, Settings};

const MINUTE_MS: u64 = 60_000;
/// After a close that asks for patience: at random within this, then backoff with ceilings from this.
const SLOW_MS: u64 = 10_000;

#[derive(Debug)]
pub(crate) struct Retry {
    first: u64,
    min: u64,
    base: u64,
    max: u64,
    max_attempts: Option<u32>,
    per_minute: usize,
    rng: Rng,
    /// Ends in a row, of attempts and of connections that were not stable.
    failures: u32,
    /// The present attempt led to a connection.
    connected: bool,
    /// The row began with the end of a connection, which is no failed attempt.
    began_with_loss: bool,
    /// Since the last stable connection, the server asked for patience.
    slow: bool,
    /// The server's hint: no attempt before this.
    not_before: Option<Instant>,
    /// When the attempts of the last minute began, oldest first.
    begun: VecDeque<Instant>,
}

/// What an ended attempt or connection asks of the next wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    Usual,
    /// The server asked for patience, perhaps for so many milliseconds.
    Slow(Option<u64>),
}

impl Retry {
    pub(crate) fn new(settings: &Settings, rng: Rng) -> Self {
        Self {
            first: settings.ms(ConfigOption::BackoffFirst),
            min: settings.ms(ConfigOption::BackoffMin),
            base: settings.ms(ConfigOption::BackoffBase),
            max: settings.ms(ConfigOption::BackoffMax),
            max_attempts: settings.maybe(ConfigOption::BackoffMaxAttempts),
            per_minute: settings
                .number(ConfigOption::BackoffAttemptsPerMinute)
                .max(1) as usize,
            rng,
            failures: 0,
            connected: false,
            began_with_loss: false,
            slow: false,
            not_before: None,
            begun: VecDeque::new(),
        }
    }

    /// Attempts in a row that did not lead to a stable connection.
    pub(crate) fn failed_attempts(&self) -> u32 {
        self.failures
            .saturating_sub(u32::from(self.began_with_loss))
    }

    /// Counts the end of an attempt or connection and says when to try again; `None` when the last permitted attempt failed.
    pub(crate) fn failed(&mut self, now: Instant, pace: Pace) -> Option<Instant> {
        let delay = self.delay(pace);
        if let Pace::Slow(Some(hint)) = pace {
            self.not_before = Some(now.after(hint));
        }
        if self.failures == 0 {
            self.began_with_loss = self.connected;
        }
        self.failures = self.failures.saturating_add(1);
        let attempts = self.failed_attempts();
        if self.max_attempts.is_some_and(|max| attempts >= max) {
            return None;
        }
        Some(now.after(delay).max(self.permitted_at(now)))
    }

    /// The earliest moment that the server's hint and the budget permit an attempt.
    pub(crate) fn permitted_at(&mut self, now: Instant) -> Instant {
        while self
            .begun
            .front()
            .is_some_and(|at| now.since(*at) >= MINUTE_MS)
        {
            self.begun.pop_front();
        }
        let by_budget = match self.begun.front() {
            Some(oldest) if self.begun.len() >= self.per_minute => oldest.after(MINUTE_MS),
            _ => now,
        };
        self.not_before.map_or(by_budget, |at| at.max(by_budget))
    }

    /// An attempt begins.
    pub(crate) fn begin(&mut self, now: Instant) {
        if self.begun.len() >= self.per_minute {
            self.begun.pop_front();
        }
        self.begun.push_back(now);
        self.connected = false;
    }

    /// The attempt led to a connection.
    pub(crate) fn connected(&mut self) {
        self.connected = true;
    }

    /// A random part of this time.
    pub(crate) fn spread(&mut self, ms: u64) -> u64 {
        self.rng.between(0, ms)
    }

    /// A connection proved stable, or the application starts afresh. The budget stays.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
        self.began_with_loss = false;
        self.slow = false;
        self.not_before = None;
    }

    fn delay(&mut self, pace: Pace) -> u64 {
        match pace {
            Pace::Slow(hint) => {
                self.slow = true;
                match hint {
                    // Never before the hint; a tenth more at random, since everybody was told the same.
                    Some(ms) => self.rng.between(ms, ms.saturating_add(ms / 10)),
                    None => self.rng.between(0, SLOW_MS),
                }
            }
            Pace::Usual if self.failures == 0 => self.rng.between(0, self.first),
            Pace::Usual => {
                let usual = doubled(self.base, self.failures.saturating_add(1));
                let ceiling = match self.slow {
                    true => usual.max(doubled(SLOW_MS, self.failures.saturating_sub(1))),
                    false => usual,
                };
                let ceiling = ceiling.min(self.max).max(self.min);
                self.rng.between(self.min, ceiling)
            }
        }
    }
}

fn doubled(ms: u64, times: u32) -> u64 {
    ms.saturating_mul(1 << times.min(30))
}

#[cfg(test)]
mod tests {
    use super::super::rng::Rng;
    use super::*;
    use proptest::prelude::{any, prop_assert, proptest};

    const START: Instant = Instant::from_millis(1_000_000);

    fn retry(seed: u64) -> Retry {
        Retry::new(&Settings::new(String::new()), Rng::new(seed))
    }

    fn wait(retry: &mut Retry, now: Instant, pace: Pace) -> u64 {
        retry.failed(now, pace).expect("no limit").since(now)
    }

    #[test]
    fn the_last_permitted_attempt_ends_it() {
        let mut settings = Settings::new(String::new());
        settings.set(ConfigOption::BackoffMaxAttempts, 2);
        let mut retry = Retry::new(&settings, Rng::new(1));
        assert!(retry.failed(START, Pace::Usual).is_some());
        assert_eq!(retry.failed(START, Pace::Usual), None);
    }

    #[test]
    fn a_hint_is_a_lower_bound_and_the_backoff_after_it_is_slow() {
        let mut retry = retry(3);
        let hinted = wait(&mut retry, START, Pace::Slow(Some(2_000)));
        assert!((2_000..=2_200).contains(&hinted), "{hinted}");
        let longest = (0..200).map(|_| wait(&mut retry, START, Pace::Usual)).max();
        assert!(longest > Some(20_000), "{longest:?}");
    }

    #[test]
    fn the_eleventh_attempt_of_a_minute_waits_for_the_first_to_leave_it() {
        let mut retry = retry(4);
        for i in 0..10 {
            let now = START.after(i * 100);
            assert_eq!(retry.permitted_at(now), now);
            retry.begin(now);
        }
        assert_eq!(
            retry.permitted_at(START.after(5_000)),
            START.after(MINUTE_MS)
        );
        assert_eq!(
            retry.permitted_at(START.after(MINUTE_MS)),
            START.after(MINUTE_MS)
        );
    }

    proptest! {
        #[test]
        fn waits_lie_between_the_floor_and_the_ceiling(seed in any::<u64>(), failures in 0_u32..60) {
            let mut retry = retry(seed);
            let mut waited = 0;
            for _ in 0..=failures {
                waited = wait(&mut retry, START, Pace::Usual);
            }
            let ceiling = match failures {
                0 => 1_000,
                n => (500_u64 << (n + 1).min(20)).min(30_000),
            };
            let floor = if failures == 0 { 0 } else { 100 };
            prop_assert!((floor..=ceiling).contains(&waited), "{waited} after {failures}");
        }

        #[test]
        fn jitter_survives_the_cap(seed in any::<u64>()) {
            let mut retry = retry(seed);
            for _ in 0..10 {
                wait(&mut retry, START, Pace::Usual);
            }
            let waits: Vec<u64> = (0..100).map(|_| wait(&mut retry, START, Pace::Usual)).collect();
            let spread = waits.iter().max().zip(waits.iter().min()).map(|(a, b)| a - b);
            prop_assert!(spread > Some(20_000), "{waits:?}");
        }
    }
}
