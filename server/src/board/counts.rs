//! Numbered messages from and to a page, so that whoever watches sees what a fault loses.
//!
//! A page that counts sends `mark {tab, n}` a few times a second. As long as it does, and for a while after, it gets
//! `tick {run, n, marks}` as often, over whatever connection it came last.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use everwire_server::{Connection, Outgoing};
use serde::{Deserialize, Serialize};
use serde_json::json;

const TICK: Duration = Duration::from_millis(250);
/// A page that is away for longer has stopped counting.
const LEASE: Duration = Duration::from_secs(60);
/// Enough for a demo.
const PAGES_MAX: usize = 1_000;

/// A page's own number.
#[derive(Deserialize)]
pub struct Mark {
    tab: String,
    n: u64,
}

/// The counts of all pages. Clones are handles of the same ones.
#[derive(Clone, Default)]
pub struct Counts(Arc<Mutex<HashMap<String, Count>>>);

struct Count {
    to: Connection,
    until: Instant,
    run: u64,
    ticks: u64,
    marks: Marks,
}

/// What came of a page's numbers, which should come once each and in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
struct Marks {
    received: u64,
    missing: u64,
    twice: u64,
    #[serde(skip)]
    last: u64,
}

impl Counts {
    /// Notes a mark that came over this connection.
    pub fn mark(&self, from: &Connection, mark: &Mark) {
        let mut counts = self.lock();
        let runs = counts.len() as u64;
        if counts.len() >= PAGES_MAX && !counts.contains_key(&mark.tab) {
            return;
        }
        let count = counts.entry(mark.tab.clone()).or_insert_with(|| Count {
            to: from.clone(),
            until: Instant::now(),
            run: runs,
            ticks: 0,
            marks: Marks::default(),
        });
        count.to = from.clone();
        count.until = Instant::now() + LEASE;
        count.marks.add(mark.n);
    }

    /// Sends ticks for as long as it is polled.
    pub async fn run(self) {
        let mut tick = tokio::time::interval(TICK);
        loop {
            tick.tick().await;
            let now = Instant::now();
            let mut counts = self.lock();
            counts.retain(|_, count| count.until > now);
            counts.values_mut().for_each(Count::tick);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Count>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Count {
    fn tick(&mut self) {
        self.ticks += 1;
        let data = json!({ "run": self.run, "n": self.ticks, "marks": self.marks });
        match Outgoing::new("tick", &data) {
            // Who is away misses it, unless delivery is reliable: that is what there is to see.
            Ok(tick) => drop(self.to.send(&tick)),
            Err(error) => tracing::error!(%error, "a tick was not sent"),
        }
    }
}

impl Marks {
    fn add(&mut self, n: u64) {
        self.received += 1;
        if n <= self.last {
            self.twice += 1;
        } else {
            self.missing += n - self.last - 1;
            self.last = n;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_are_missing_or_come_twice_are_counted() {
        let mut marks = Marks::default();
        for n in [1, 2, 5, 5, 6, 4] {
            marks.add(n);
        }
        let Marks {
            received,
            missing,
            twice,
            ..
        } = marks;
        assert_eq!((received, missing, twice), (6, 2, 2));
    }
}
