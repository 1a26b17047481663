//! The npm package's options object, for a Rust frontend whose page configures it.

use core::time::Duration;

use serde::Deserialize;
use wasm_bindgen::JsValue;

use crate::config::{Backoff, Backpressure, ByteRate, Config, Heartbeat, Outbox, Overflow, Rate};

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct Options {
    protocols: Vec<String>,
    connect_timeout_ms: Option<f64>,
    backoff: BackoffOptions,
    heartbeat: Option<Switch<HeartbeatOptions>>,
    outbox: OutboxOptions,
    rate: Option<Switch<RateOptions>>,
    backpressure: BackpressureOptions,
    max_frame: Option<f64>,
    request_timeout_ms: Option<f64>,
}

/// An object with options, or `false`.
#[derive(Deserialize)]
#[serde(untagged)]
enum Switch<T> {
    Off(Off),
    On(T),
}

#[derive(Deserialize)]
#[serde(try_from = "bool")]
struct Off;

impl TryFrom<bool> for Off {
    type Error = &'static str;

    fn try_from(on: bool) -> Result<Self, Self::Error> {
        match on {
            false => Ok(Self),
            true => Err("leave it out for the defaults"),
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct BackoffOptions {
    first_ms: Option<f64>,
    min_ms: Option<f64>,
    base_ms: Option<f64>,
    max_ms: Option<f64>,
    reset_after_ms: Option<f64>,
    max_attempts: Option<f64>,
    attempts_per_minute: Option<f64>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct HeartbeatOptions {
    interval_ms: Option<f64>,
    timeout_ms: Option<f64>,
    hidden_timeout_ms: Option<f64>,
    probe_timeout_ms: Option<f64>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct OutboxOptions {
    messages: Option<f64>,
    bytes: Option<f64>,
    overflow: Option<OverflowOption>,
    ttl_ms: Option<f64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum OverflowOption {
    Reject,
    DropOldest,
    DropNewest,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct RateOptions {
    messages: Option<f64>,
    burst: Option<f64>,
    bytes: Option<ByteRateOptions>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ByteRateOptions {
    per_second: f64,
    burst: f64,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct BackpressureOptions {
    high: Option<f64>,
    low: Option<f64>,
    poll_ms: Option<f64>,
}

impl Config {
    /// The options object of the npm package (`{ heartbeat: { intervalMs: 5000 }, rate: false, … }`) over the defaults.
    ///
    /// Functions and tokens are not taken from it: give a provider with [`Client::builder`](crate::Client::builder).
    /// An unknown name or a value of the wrong type is an error that names it; ranges are checked on connecting.
    pub fn from_js(url: impl Into<String>, options: JsValue) -> Result<Self, serde_json::Error> {
        let mut config = Self::new(url);
        if options.is_undefined() || options.is_null() {
            return Ok(config);
        }
        // By way of a value: asked for a struct directly, the converter looks up the names it knows and ignores others.
        let options: serde_json::Value =
            serde_wasm_bindgen::from_value(options).map_err(serde::de::Error::custom)?;
        let options: Options = serde_json::from_value(options)?;
        config.protocols = options.protocols;
        duration(&mut config.connect_timeout, options.connect_timeout_ms);
        duration(&mut config.request_timeout, options.request_timeout_ms);
        number(&mut config.max_frame, options.max_frame);
        options.backoff.apply(&mut config.backoff);
        options.outbox.apply(&mut config.outbox);
        options.backpressure.apply(&mut config.backpressure);
        switch(
            &mut config.heartbeat,
            options.heartbeat,
            HeartbeatOptions::apply,
        );
        switch(&mut config.rate, options.rate, RateOptions::apply);
        Ok(config)
    }
}

impl BackoffOptions {
    fn apply(self, backoff: &mut Backoff) {
        duration(&mut backoff.first, self.first_ms);
        duration(&mut backoff.min, self.min_ms);
        duration(&mut backoff.base, self.base_ms);
        duration(&mut backoff.max, self.max_ms);
        duration(&mut backoff.reset_after, self.reset_after_ms);
        backoff.max_attempts = self.max_attempts.map(|max| max as u32);
        number(&mut backoff.attempts_per_minute, self.attempts_per_minute);
    }
}

impl HeartbeatOptions {
    fn apply(self, heartbeat: &mut Heartbeat) {
        duration(&mut heartbeat.interval, self.interval_ms);
        duration(&mut heartbeat.timeout, self.timeout_ms);
        duration(&mut heartbeat.hidden_timeout, self.hidden_timeout_ms);
        duration(&mut heartbeat.probe_timeout, self.probe_timeout_ms);
    }
}

impl OutboxOptions {
    fn apply(self, outbox: &mut Outbox) {
        number(&mut outbox.messages, self.messages);
        number(&mut outbox.bytes, self.bytes);
        outbox.ttl = self.ttl_ms.map(millis);
        outbox.overflow = match self.overflow {
            None | Some(OverflowOption::Reject) => Overflow::Reject,
            Some(OverflowOption::DropOldest) => Overflow::DropOldest,
            Some(OverflowOption::DropNewest) => Overflow::DropNewest,
        };
    }
}

impl RateOptions {
    fn apply(self, rate: &mut Rate) {
        number(&mut rate.messages, self.messages);
        number(&mut rate.burst, self.burst);
        rate.bytes = self.bytes.map(|bytes| ByteRate {
            per_second: bytes.per_second as u32,
            burst: bytes.burst as u32,
        });
    }
}

impl BackpressureOptions {
    fn apply(self, backpressure: &mut Backpressure) {
        number(&mut backpressure.high, self.high);
        number(&mut backpressure.low, self.low);
        duration(&mut backpressure.poll, self.poll_ms);
    }
}

fn switch<O, C: Default>(config: &mut Option<C>, option: Option<Switch<O>>, apply: fn(O, &mut C)) {
    match option {
        None => {}
        Some(Switch::Off(Off)) => *config = None,
        Some(Switch::On(options)) => apply(options, config.get_or_insert_default()),
    }
}

fn duration(field: &mut Duration, ms: Option<f64>) {
    if let Some(ms) = ms {
        *field = millis(ms);
    }
}

/// Below zero and not-a-number become 0, which the check of the ranges then names.
fn millis(ms: f64) -> Duration {
    Duration::from_millis(ms as u64)
}

fn number(field: &mut u32, value: Option<f64>) {
    if let Some(value) = value {
        *field = value as u32;
    }
}
