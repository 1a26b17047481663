//! Every option: its unit, default and range. Checked once, when a connection is made.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

mod delivery;
mod settings;

use crate::proto::AuthVia;
pub use delivery::{Delivery, Persist, Reliable, Uncertain};
pub use settings::Settings;

/// What a connection is made from. `Config::new(url)` has the defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where to connect: `ws://…` or `wss://…`. Browsers also take `http(s)` and paths.
    pub url: String,
    /// What is promised about messages. Default: plain.
    pub delivery: Delivery,
    /// Subprotocols to offer. Default: none; a server that does not know them makes Chromium fail the handshake.
    pub protocols: Vec<String>,
    /// How the token reaches the server. Default: there is none.
    pub auth: AuthVia,
    /// Whether the provider gives a new URL before every attempt. Default: the URL is fixed.
    pub url_from: UrlFrom,
    /// The longest that token and handshake may take together. Default 10 s: Chromium alone would wait 240 s.
    pub connect_timeout: Duration,
    /// The wait between attempts.
    pub backoff: Backoff,
    /// Pings; `None` sends none, and `ping` and `pong` are then ordinary messages.
    pub heartbeat: Option<Heartbeat>,
    /// The queue of what is not written yet.
    pub outbox: Outbox,
    /// Limits on what is written; `None` writes as fast as the socket takes it.
    pub rate: Option<Rate>,
    /// When to stop writing because the browser's send buffer grows.
    pub backpressure: Backpressure,
    /// The largest inbound frame, in UTF-8 bytes. Default 1 MiB; a larger one is left out and reported.
    pub max_frame: u32,
    /// How long a request waits for its answer unless it says otherwise. Default 10 s.
    pub request_timeout: Duration,
}

/// Where an attempt's URL comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UrlFrom {
    /// `Config::url`.
    #[default]
    Config,
    /// The answer of the token provider, which is asked before every attempt.
    Provider,
}

/// The wait between attempts: `random(min … cap of base · 2ⁿ at max)`, n counted from 1, drawn after the cap so that clients never fall into step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The first retry waits at random up to this. Default 1 s.
    pub first: Duration,
    /// No later retry waits less. Default 100 ms.
    pub min: Duration,
    /// The ceiling of retry n is this times 2ⁿ: 2 s for the second by default. Default 500 ms.
    pub base: Duration,
    /// The ceiling never exceeds this. Default 30 s.
    pub max: Duration,
    /// A connection that lived this long forgets earlier failures. Default 10 s.
    pub reset_after: Duration,
    /// Give up after so many failed attempts in a row; losing a connection is none. Default: never.
    pub max_attempts: Option<u32>,
    /// Attempts begun in any minute. Default 10: Chromium and Firefox punish hammering for up to 60 s.
    pub attempts_per_minute: u32,
}

/// Pings: any inbound frame is life, so they go out only in silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    /// Ping after so long without an inbound frame. Default 25 s, below the usual 60 s proxy idle.
    pub interval: Duration,
    /// Dead so long after an unanswered ping, once the server has shown that it answers. Default 10 s.
    pub timeout: Duration,
    /// The same while the page is hidden. Default 70 s: hidden timers fire once a minute.
    pub hidden_timeout: Duration,
    /// The same for the ping sent when a page wakes up. Default 3 s.
    pub probe_timeout: Duration,
}

/// The queue of messages that are not written yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outbox {
    /// The most messages it holds. Default 1,000.
    pub messages: u32,
    /// The most UTF-8 bytes it holds; a larger message is refused. Default 1 MiB.
    pub bytes: u32,
    /// What gives way when it is full. Default: the new message is refused.
    pub overflow: Overflow,
    /// A message that waited longer is rejected. Default: none does.
    pub ttl: Option<Duration>,
}

/// What gives way when the outbox is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overflow {
    /// `send` refuses the new message and hands it back.
    #[default]
    Reject,
    /// The oldest queued messages are rejected until the new one fits.
    DropOldest,
    /// `send` takes the new message, and its receipt is rejected at once.
    DropNewest,
}

/// Limits on what is written. The excess waits in the outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Messages a second in the long run. Default 200.
    pub messages: u32,
    /// Messages at once after a pause. Default 400.
    pub burst: u32,
    /// Bytes, with limits of their own. Default: not limited.
    pub bytes: Option<ByteRate>,
}

/// Limits on the bytes written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteRate {
    /// UTF-8 bytes a second in the long run.
    pub per_second: u32,
    /// UTF-8 bytes at once after a pause.
    pub burst: u32,
}

/// When to stop writing because the browser's send buffer (`bufferedAmount`) grows: it takes 256 MiB without an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backpressure {
    /// Stop at so many bytes. Default 1 MiB.
    pub high: u32,
    /// Go on at so many bytes. Default 256 KiB.
    pub low: u32,
    /// How often to ask while stopped: browsers have no event for it. Default 50 ms.
    pub poll: Duration,
}

impl Config {
    /// The defaults, for this URL.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            delivery: Delivery::Plain,
            protocols: Vec::new(),
            auth: AuthVia::Nothing,
            url_from: UrlFrom::Config,
            connect_timeout: Duration::from_secs(10),
            backoff: Backoff::default(),
            heartbeat: Some(Heartbeat::default()),
            outbox: Outbox::default(),
            rate: Some(Rate::default()),
            backpressure: Backpressure::default(),
            max_frame: 1 << 20,
            request_timeout: Duration::from_secs(10),
        }
    }

    /// Whether every number lies in its range, and what is asked for is compiled in; what is first wrong, otherwise.
    #[inline(never)]
    pub fn check(&self) -> Result<(), ConfigError> {
        if !cfg!(feature = "reliable") && self.delivery != Delivery::Plain {
            return Err(ConfigError::ReliableLeftOut);
        }
        for option in ConfigOption::ALL.iter().copied() {
            let (min, max) = option.range();
            let value = self.number(option).unwrap_or(max);
            if value < min || value > max {
                return Err(ConfigError::OutOfRange { option, value });
            }
        }
        Ok(())
    }

    /// The value of an option, in its unit; `None` if it is switched off or not given.
    fn number(&self, option: ConfigOption) -> Option<u64> {
        use ConfigOption as O;
        let (heartbeat, rate) = (self.heartbeat, self.rate);
        let bytes = rate.and_then(|rate| rate.bytes);
        let backoff = self.backoff;
        let time = match option {
            O::ConnectTimeout => self.connect_timeout,
            O::BackoffFirst => backoff.first,
            O::BackoffMin => backoff.min,
            O::BackoffBase => backoff.base,
            O::BackoffMax => backoff.max,
            O::BackoffResetAfter => backoff.reset_after,
            O::HeartbeatInterval => heartbeat?.interval,
            O::HeartbeatTimeout => heartbeat?.timeout,
            O::HeartbeatHiddenTimeout => heartbeat?.hidden_timeout,
            O::HeartbeatProbeTimeout => heartbeat?.probe_timeout,
            O::OutboxTtl => self.outbox.ttl?,
            O::BackpressurePoll => self.backpressure.poll,
            O::RequestTimeout => self.request_timeout,
            O::BackoffMaxAttempts => return backoff.max_attempts.map(u64::from),
            O::BackoffAttemptsPerMinute => return Some(u64::from(backoff.attempts_per_minute)),
            O::OutboxMessages => return Some(u64::from(self.outbox.messages)),
            O::OutboxBytes => return Some(u64::from(self.outbox.bytes)),
            O::RateMessages => return rate.map(|rate| u64::from(rate.messages)),
            O::RateBurst => return rate.map(|rate| u64::from(rate.burst)),
            O::RateBytes => return bytes.map(|bytes| u64::from(bytes.per_second)),
            O::RateBytesBurst => return bytes.map(|bytes| u64::from(bytes.burst)),
            O::BackpressureHigh => return Some(u64::from(self.backpressure.high)),
            O::BackpressureLow => return Some(u64::from(self.backpressure.low)),
            O::MaxFrame => return Some(u64::from(self.max_frame)),
        };
        Some(millis(time))
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(1),
            min: Duration::from_millis(100),
            base: Duration::from_millis(500),
            max: Duration::from_secs(30),
            reset_after: Duration::from_secs(10),
            max_attempts: None,
            attempts_per_minute: 10,
        }
    }
}

impl Default for Heartbeat {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(25),
            timeout: Duration::from_secs(10),
            hidden_timeout: Duration::from_secs(70),
            probe_timeout: Duration::from_secs(3),
        }
    }
}

impl Default for Outbox {
    fn default() -> Self {
        Self {
            messages: 1_000,
            bytes: 1 << 20,
            overflow: Overflow::Reject,
            ttl: None,
        }
    }
}

impl Default for Rate {
    fn default() -> Self {
        Self {
            messages: 200,
            burst: 400,
            bytes: None,
        }
    }
}

impl Default for Backpressure {
    fn default() -> Self {
        Self {
            high: 1 << 20,
            low: 256 << 10,
            poll: Duration::from_millis(50),
        }
    }
}

/// Whole milliseconds; half a billion years saturate.
pub(crate) fn millis(duration: Duration) -> u64 {
    const MOST_SECONDS: u64 = u64::MAX / 1_000 - 1;
    duration.as_secs().min(MOST_SECONDS) * 1_000 + u64::from(duration.subsec_millis())
}

/// Why no connection can be made from a [`Config`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigError {
    /// A number lies outside of its range.
    OutOfRange {
        /// Which one.
        option: ConfigOption,
        /// What it is, in the option's unit.
        value: u64,
    },
    /// Reliable delivery is asked for, and the crate is built without its feature `reliable`.
    ReliableLeftOut,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::OutOfRange { option, value } = self else {
            return f
                .write_str("reliable delivery needs the crate's feature `reliable`: switch it on");
        };
        let (min, max) = option.range();
        let (name, unit) = (option.name(), option.unit());
        write!(f, "{name} is {value}, but takes {min} to {max} {unit}")
    }
}

impl core::error::Error for ConfigError {}

macro_rules! options {
    ($($variant:ident, $name:literal, $unit:literal, $min:literal, $max:literal, $default:literal;)*) => {
        /// The options that are numbers.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(missing_docs, reason = "each is named after its field in Config, where it is described")]
        pub enum ConfigOption { $($variant),* }

        impl ConfigOption {
            /// All of them, in the order that the npm package counts them.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// What they are if they are not given; 0 if there is no such limit then.
            pub(crate) const DEFAULTS: [u32; Self::ALL.len()] = [$($default),*];

            /// The field's path in `Config`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// What it counts.
            pub const fn unit(self) -> &'static str {
                match self { $(Self::$variant => $unit),* }
            }

            /// The least and the greatest value, in its unit.
            pub const fn range(self) -> (u64, u64) {
                match self { $(Self::$variant => ($min, $max)),* }
            }
        }
    };
}

options! {
    ConnectTimeout, "connect_timeout", "ms", 100, 600_000, 10_000;
    BackoffFirst, "backoff.first", "ms", 0, 60_000, 1_000;
    BackoffMin, "backoff.min", "ms", 0, 60_000, 100;
    BackoffBase, "backoff.base", "ms", 1, 600_000, 500;
    BackoffMax, "backoff.max", "ms", 100, 3_600_000, 30_000;
    BackoffResetAfter, "backoff.reset_after", "ms", 0, 3_600_000, 10_000;
    BackoffMaxAttempts, "backoff.max_attempts", "attempts", 1, 1_000_000, 0;
    BackoffAttemptsPerMinute, "backoff.attempts_per_minute", "attempts", 1, 600, 10;
    HeartbeatInterval, "heartbeat.interval", "ms", 100, 3_600_000, 25_000;
    HeartbeatTimeout, "heartbeat.timeout", "ms", 100, 600_000, 10_000;
    HeartbeatHiddenTimeout, "heartbeat.hidden_timeout", "ms", 100, 3_600_000, 70_000;
    HeartbeatProbeTimeout, "heartbeat.probe_timeout", "ms", 100, 600_000, 3_000;
    OutboxMessages, "outbox.messages", "messages", 1, 1_000_000, 1_000;
    OutboxBytes, "outbox.bytes", "bytes", 1_024, 268_435_456, 1_048_576;
    OutboxTtl, "outbox.ttl", "ms", 1, 604_800_000, 0;
    RateMessages, "rate.messages", "messages a second", 1, 1_000_000, 200;
    RateBurst, "rate.burst", "messages", 1, 1_000_000, 400;
    RateBytes, "rate.bytes.per_second", "bytes a second", 1, 1_073_741_824, 0;
    RateBytesBurst, "rate.bytes.burst", "bytes", 1, 1_073_741_824, 0;
    BackpressureHigh, "backpressure.high", "bytes", 1_024, 268_435_456, 1_048_576;
    BackpressureLow, "backpressure.low", "bytes", 0, 268_435_456, 262_144;
    BackpressurePoll, "backpressure.poll", "ms", 1, 60_000, 50;
    MaxFrame, "max_frame", "bytes", 1_024, 268_435_456, 1_048_576;
    RequestTimeout, "request_timeout", "ms", 1, 3_600_000, 10_000;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_lie_in_their_ranges() {
        assert_eq!(Config::new("ws://host").check(), Ok(()));
    }

    #[test]
    fn an_option_out_of_range_is_named_with_its_range() {
        let mut config = Config::new("ws://host");
        config.outbox.bytes = 3;
        let error = config
            .check()
            .expect_err("3 bytes is no outbox")
            .to_string();
        assert_eq!(
            error,
            "outbox.bytes is 3, but takes 1024 to 268435456 bytes"
        );
    }
}
