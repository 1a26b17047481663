//! What a schedule is like before anything happens: the options, the server's manners, the network, the page.

use std::time::Duration;

use everwire::proto::AuthVia;
use everwire::{ByteRate, Config, Outbox, Overflow, Rate};

use crate::dice::Dice;

#[derive(Debug)]
pub struct Plan {
    pub config: Config,
    pub pings: Pings,
    /// It says something as soon as a socket opens.
    pub greets: bool,
    /// Milliseconds one way.
    pub latency: u64,
    /// Bytes a millisecond.
    pub bandwidth: u64,
    /// Milliseconds between faults, at most.
    pub calm: u64,
    /// Milliseconds between page events, at most.
    pub page_calm: u64,
    /// Milliseconds between the application's actions, at most.
    pub idle: u64,
    /// Milliseconds until the faults stop.
    pub trouble: u64,
    /// A balancer cuts a socket that was idle for so many milliseconds.
    pub balancer: Option<u64>,
    /// The driver forgets to remove an old socket's handlers.
    pub leaky: bool,
    pub ttl: bool,
}

/// What the server does about pings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pings {
    Answered,
    Ignored,
    /// Its handler dies of the first one.
    Fatal,
    /// Answered by some of the servers behind the name.
    Mixed,
}

impl Plan {
    pub fn new(dice: &mut Dice) -> Self {
        let pings = [
            Pings::Answered,
            Pings::Answered,
            Pings::Ignored,
            Pings::Fatal,
            Pings::Mixed,
        ];
        Self {
            config: config(dice),
            pings: dice.pick(&pings),
            greets: dice.one_in(2),
            latency: dice.pick(&[1, 20, 20, 80, 400, 1_500]),
            bandwidth: dice.pick(&[1, 10, 1_000, 1_000]),
            calm: dice.pick(&[2_000, 20_000, 60_000, 120_000]),
            // A page may stay hidden for long.
            page_calm: dice.pick(&[8_000, 80_000, 480_000, 2_000_000]),
            idle: dice.pick(&[200, 2_000, 15_000, 60_000]),
            trouble: dice.pick(&[30_000, 120_000, 120_000, 300_000, 900_000]),
            balancer: dice.pick(&[None, None, None, Some(30_000), Some(60_000), Some(100_000)]),
            leaky: dice.one_in(2),
            ttl: dice.one_in(2),
        }
    }
}

fn config(dice: &mut Dice) -> Config {
    let mut config = Config::new("ws://host/ws");
    config.auth = dice.pick(&[
        AuthVia::Nothing,
        AuthVia::Nothing,
        AuthVia::Message,
        AuthVia::Message,
        AuthVia::Message,
        AuthVia::Query("token".to_owned()),
        AuthVia::Subprotocol,
        AuthVia::Cookie,
    ]);
    config.outbox = Outbox {
        messages: dice.pick(&[3, 10, 1_000]) as u32,
        bytes: dice.pick(&[2_000, 20_000, 1 << 20]) as u32,
        overflow: dice.pick(&[Overflow::Reject, Overflow::DropOldest, Overflow::DropNewest]),
        ttl: dice.pick(&[None, None, Some(Duration::from_secs(5))]),
    };
    config.rate = dice.pick(&[
        None,
        Some(Rate::default()),
        Some(Rate {
            messages: 5,
            burst: 5,
            bytes: None,
        }),
        Some(Rate {
            bytes: Some(ByteRate {
                per_second: 1_000,
                burst: 2_000,
            }),
            ..Rate::default()
        }),
    ]);
    if dice.one_in(3) {
        config.backpressure.high = 2_000;
        config.backpressure.low = 500;
    }
    if dice.one_in(6) {
        config.heartbeat = None;
    }
    if dice.one_in(8) {
        config.backoff.max_attempts = Some(5);
    }
    config
}
