//! The facade's options: numbers by their index, and switches behind them.

use core::time::Duration;

use everwire::proto::AuthVia;
use everwire::{
    ByteRate, Config, ConfigOption, Delivery, Overflow, Persist, Reliable, Uncertain, UrlFrom,
};

use crate::facade::{Facade, RELIABLE};

pub(super) fn config(facade: &Facade) -> Config {
    let mut config = Config::new(facade.text_(0).unwrap_or_default());
    while let Some(protocol) = facade.text_(3 + config.protocols.len()) {
        config.protocols.push(protocol);
    }
    let switch = |index: usize| facade.number_(ConfigOption::ALL.len() + index) as u32;
    if RELIABLE && switch(5) > 0 {
        config.delivery = Delivery::Reliable(Reliable {
            persist: match switch(6) {
                0 => Persist::Outbox,
                1 => Persist::Session,
                _ => Persist::Nothing,
            },
            uncertain: match switch(7) {
                0 => Uncertain::Resend,
                _ => Uncertain::Drop,
            },
            name: facade.text_(2).unwrap_or_default(),
            ..Reliable::default()
        });
    }
    config.auth = match switch(0) {
        1 => AuthVia::Message,
        2 => AuthVia::Query(facade.text_(1).unwrap_or_default()),
        3 => AuthVia::Subprotocol,
        4 => AuthVia::Cookie,
        _ => AuthVia::Nothing,
    };
    if switch(1) > 0 {
        config.url_from = UrlFrom::Provider;
    }
    config.outbox.overflow = match switch(2) {
        1 => Overflow::DropOldest,
        2 => Overflow::DropNewest,
        _ => Overflow::Reject,
    };
    for (index, option) in ConfigOption::ALL.iter().enumerate() {
        let value = facade.number_(index);
        if !value.is_nan() {
            set(&mut config, *option, value as u32);
        }
    }
    if switch(3) > 0 {
        config.heartbeat = None;
    }
    if switch(4) > 0 {
        config.rate = None;
    }
    config
}

// Inlined, it keeps every option in a variable of its own, and writes them all on every way out.
#[inline(never)]
fn set(config: &mut Config, option: ConfigOption, value: u32) {
    use ConfigOption as O;
    let time = Duration::from_millis(u64::from(value));
    let backoff = &mut config.backoff;
    let heartbeat = config.heartbeat.get_or_insert_default();
    let rate = config.rate.get_or_insert_default();
    // Whichever of the two is given stands for both.
    let bytes = ByteRate {
        per_second: value,
        burst: value,
    };
    match option {
        O::ConnectTimeout => config.connect_timeout = time,
        O::BackoffFirst => backoff.first = time,
        O::BackoffMin => backoff.min = time,
        O::BackoffBase => backoff.base = time,
        O::BackoffMax => backoff.max = time,
        O::BackoffResetAfter => backoff.reset_after = time,
        O::BackoffMaxAttempts => backoff.max_attempts = Some(value),
        O::BackoffAttemptsPerMinute => backoff.attempts_per_minute = value,
        O::HeartbeatInterval => heartbeat.interval = time,
        O::HeartbeatTimeout => heartbeat.timeout = time,
        O::HeartbeatHiddenTimeout => heartbeat.hidden_timeout = time,
        O::HeartbeatProbeTimeout => heartbeat.probe_timeout = time,
        O::OutboxMessages => config.outbox.messages = value,
        O::OutboxBytes => config.outbox.bytes = value,
        O::OutboxTtl => config.outbox.ttl = Some(time),
        O::RateMessages => rate.messages = value,
        O::RateBurst => rate.burst = value,
        O::RateBytes => rate.bytes.get_or_insert(bytes).per_second = value,
        O::RateBytesBurst => rate.bytes.get_or_insert(bytes).burst = value,
        O::BackpressureHigh => config.backpressure.high = value,
        O::BackpressureLow => config.backpressure.low = value,
        O::BackpressurePoll => config.backpressure.poll = time,
        O::MaxFrame => config.max_frame = value,
        O::RequestTimeout => config.request_timeout = time,
    }
}
