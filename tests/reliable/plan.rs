//! What a schedule is like before anything happens: both sides' options, the store, the network, the people.

use std::time::Duration;

use everwire::proto::AuthVia;
use everwire::proto::server::{MessageRate, ServerConfig};
use everwire::{Config, Delivery, Outbox, Overflow, Persist, Rate, Reliable, Uncertain};

use crate::dice::Dice;
use crate::store::Kind;

#[derive(Debug)]
pub struct Plan {
    pub client: Config,
    pub persist: Persist,
    /// The browsers have `navigator.locks`.
    pub has_locks: bool,
    pub server: ServerConfig,
    pub store: Kind,
    pub tabs: u64,
    pub users: u64,
    /// Milliseconds one way, and as much again at random.
    pub latency: u64,
    /// Milliseconds that a handler takes, at most.
    pub handler: u64,
    /// Milliseconds that a page takes to handle what it was handed, at most; 0 handles at once.
    pub page_handler: u64,
    /// Milliseconds between faults, at most.
    pub calm: u64,
    /// Milliseconds between what happens to a tab, at most.
    pub life_calm: u64,
    /// Milliseconds between the actions of a page's application, at most.
    pub idle: u64,
    /// Milliseconds between the messages of the server's application, at most.
    pub backend_idle: u64,
    /// Milliseconds until the faults stop.
    pub trouble: u64,
    /// One in so many frames is lost, late or comes twice.
    pub frame_faults: Option<u64>,
    /// The driver forgets to remove an old socket's handlers.
    pub leaky: bool,
    /// Milliseconds that a token lives, if it ends.
    pub token_life: Option<u64>,
    /// Looks for secrets in every debug print.
    pub looks_for_secrets: bool,
}

impl Plan {
    pub fn new(dice: &mut Dice) -> Self {
        let reliable = reliable(dice);
        let persist = reliable.persist;
        Self {
            client: client(dice, reliable),
            persist,
            has_locks: !dice.one_in(10),
            server: server(dice),
            store: dice.pick(&[Kind::Atomic, Kind::Marked, Kind::Memory]),
            tabs: dice.pick(&[1, 1, 2, 3]),
            users: dice.pick(&[1, 2]),
            latency: dice.pick(&[1, 20, 80, 400]),
            handler: dice.pick(&[0, 20, 300, 3_000]),
            page_handler: dice.pick(&[0, 0, 30, 1_000]),
            calm: dice.pick(&[1_000, 5_000, 20_000]),
            life_calm: dice.pick(&[5_000, 20_000, 60_000]),
            idle: dice.pick(&[100, 500, 3_000]),
            backend_idle: dice.pick(&[50, 500, 5_000]),
            trouble: dice.pick(&[10_000, 30_000, 60_000]),
            frame_faults: dice.pick(&[None, None, Some(30), Some(200)]),
            leaky: dice.one_in(2),
            token_life: dice.pick(&[None, Some(20_000)]),
            looks_for_secrets: dice.one_in(64),
        }
    }
}

fn reliable(dice: &mut Dice) -> Reliable {
    Reliable {
        persist: dice.pick(&[
            Persist::Nothing,
            Persist::Outbox,
            Persist::Outbox,
            Persist::Session,
            Persist::Session,
        ]),
        uncertain: dice.pick(&[Uncertain::Resend, Uncertain::Resend, Uncertain::Drop]),
        window: dice.pick(&[16, 64, 1_000]) as u32,
        ..Reliable::default()
    }
}

fn client(dice: &mut Dice, reliable: Reliable) -> Config {
    let mut config = Config::new("ws://host/ws");
    config.delivery = Delivery::Reliable(reliable);
    config.auth = dice.pick(&[AuthVia::Nothing, AuthVia::Message, AuthVia::Message]);
    config.outbox = Outbox {
        messages: dice.pick(&[10, 1_000]) as u32,
        bytes: dice.pick(&[100_000, 1 << 20]) as u32,
        overflow: dice.pick(&[Overflow::Reject, Overflow::DropOldest, Overflow::DropNewest]),
        ttl: dice.pick(&[None, None, Some(Duration::from_secs(5))]),
    };
    config.rate = dice.pick(&[None, Some(Rate::default())]);
    config.max_frame = dice.pick(&[64 << 10, 1 << 20]) as u32;
    config
}

fn server(dice: &mut Dice) -> ServerConfig {
    ServerConfig {
        ttl_ms: dice.pick(&[3_000, 120_000]),
        window: dice.pick(&[16, 256]) as u32,
        window_bytes: 64 << 10,
        max_frame: dice.pick(&[64 << 10, 1 << 20]) as u32,
        rate: dice.pick(&[
            None,
            None,
            Some(MessageRate {
                per_second: 100,
                burst: 50,
                leeway: 400,
            }),
        ]),
        ring_messages: dice.pick(&[20, 200, 1_000]) as u32,
        ring_bytes: dice.pick(&[20_000, 1 << 20]),
        rings_bytes: dice.pick(&[60_000, 1 << 28]),
        // Fewer than tabs at once would keep one of them out.
        sessions_per_user: dice.pick(&[6, 16]) as usize,
        clients_per_user: dice.pick(&[6, 64]) as usize,
        ..ServerConfig::default()
    }
}
