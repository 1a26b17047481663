//! Deterministic simulation of the engine in plain mode: a client, a network and an ordinary server in virtual time, under
//! random schedules of faults. A seed says everything that happens.
//!
//! `EVERWIRE_SCHEDULES` sets how many schedules run (10,000), `EVERWIRE_SEED` the first one's seed. What holds:
//!
//! - what `send` took is written once and in order or handed back, and every receipt settles exactly once, truthfully;
//! - queues, tables and rates stay within their bounds at every step;
//! - attempts stay within the budget and come after the server's hint;
//! - a server that answers pings is not reported open after its silence, one that does not is never declared dead;
//! - a stopped connection absorbs everything until the application asks;
//! - no token shows where it was not asked for, the first frame carries it, and only known frames are written;
//! - nothing is written to a socket that is not open, and an older socket's events change nothing;
//! - once the faults stop, the connection opens, drains and stays open, without a timer of the past.
#![cfg(not(target_arch = "wasm32"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a simulation that goes wrong fails its test"
)]

mod app;
mod checks;
mod client;
mod dice;
mod faults;
mod happening;
mod network;
mod plan;
mod server;
mod storm;
mod world;

use std::panic::catch_unwind;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use world::Seen;

const SCHEDULES: u64 = 10_000;
const FIRST_SEED: u64 = 1;
/// So many schedules reach everything that is to be seen.
const ENOUGH: u64 = 2_000;

#[test]
fn the_invariants_hold_on_every_schedule() {
    let schedules = from_env("EVERWIRE_SCHEDULES", SCHEDULES);
    let first = from_env("EVERWIRE_SEED", FIRST_SEED);
    let (next, seen) = (AtomicU64::new(0), Mutex::new(Seen::new()));
    let failed = AtomicU64::new(u64::MAX);
    let workers = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while failed.load(Ordering::Relaxed) == u64::MAX {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= schedules {
                        return;
                    }
                    match catch_unwind(|| world::run(first + number)) {
                        Ok(of_this) => add(&mut seen.lock().unwrap(), of_this),
                        Err(_) => {
                            failed.fetch_min(number, Ordering::Relaxed);
                        }
                    }
                }
            });
        }
    });
    let failed = failed.into_inner();
    if failed < u64::MAX {
        explain(first + failed, failed + 1);
    }
    let seen = seen.into_inner().unwrap();
    println!("{schedules} schedules from seed {first}: {seen:#?}");
    if schedules >= ENOUGH {
        check_everything_was_seen(&seen);
    }
}

#[test]
fn a_seed_says_everything() {
    assert_eq!(world::run(7), world::run(7));
}

/// Runs the schedule again with its lines kept.
fn explain(seed: u64, schedules: u64) -> ! {
    world::keep_lines();
    let again = catch_unwind(|| world::run(seed));
    let lines = world::last_lines();
    panic!(
        "seed {seed} failed after {schedules} schedules{}; replay it with\n  \
         EVERWIRE_SEED={seed} EVERWIRE_SCHEDULES=1 cargo test --test simulation the_invariants_hold\n\
         its last lines, in ms:\n{lines}",
        if again.is_ok() { ", but not again" } else { "" },
    );
}

fn check_everything_was_seen(seen: &Seen) {
    let missing: Vec<_> = EVERYTHING
        .iter()
        .filter(|what| !seen.contains_key(*what))
        .collect();
    assert!(missing.is_empty(), "never seen: {missing:?}");
}

fn add(sum: &mut Seen, more: Seen) {
    for (what, count) in more {
        *sum.entry(what).or_default() += count;
    }
}

fn from_env(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("{name} is no number: {text}")),
        Err(_) => default,
    }
}

/// A simulation that never gets to one of these proves less than it says.
const EVERYTHING: &[&str] = &[
    "a black hole",
    "a cut",
    "a fresh token was asked for",
    "a handler that calls back",
    "a handshake fails",
    "a handshake hangs",
    "a heartbeat is refused",
    "a hint was honoured",
    "a link flaps",
    "a message expires",
    "a message gives way",
    "a message is rejected",
    "a message is too large for the server",
    "a message kills its handler",
    "a ping kills",
    "a queued request times out",
    "a request is answered",
    "a request is uncertain",
    "a round trip",
    "a send is refused",
    "a silent death",
    "a token is refused",
    "a token runs out",
    "an event of an older socket",
    "declared dead",
    "opened",
    "stopped",
    "the balancer cuts an idle socket",
    "the budget of attempts is spent",
    "the constructor throws",
    "the machine sleeps",
    "the page is hidden",
    "the page returns",
    "the provider hangs",
    "the server closes",
    "the server says 1012",
];
