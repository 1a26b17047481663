//! The options as the engine reads them.

use alloc::string::String;
use alloc::vec::Vec;

use super::{Config, ConfigOption, Delivery, Overflow, UrlFrom};
use crate::proto::AuthVia;

/// What [`Config`] says, with its numbers in one list: times in milliseconds, and 0 for what is switched off or not given.
/// They are not checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// See [`Config::url`].
    pub url: String,
    /// See [`Config::delivery`].
    pub delivery: Delivery,
    /// See [`Config::protocols`].
    pub protocols: Vec<String>,
    /// See [`Config::auth`].
    pub auth: AuthVia,
    /// See [`Config::url_from`].
    pub url_from: UrlFrom,
    /// See [`Outbox::overflow`](super::Outbox::overflow).
    pub overflow: Overflow,
    numbers: [u32; ConfigOption::ALL.len()],
}

impl Settings {
    /// The defaults, for this URL.
    pub fn new(url: String) -> Self {
        Self {
            url,
            delivery: Delivery::Plain,
            protocols: Vec::new(),
            auth: AuthVia::Nothing,
            url_from: UrlFrom::Config,
            overflow: Overflow::Reject,
            numbers: ConfigOption::DEFAULTS,
        }
    }

    /// A number, in its unit. Of the heartbeat it is the interval that is 0 if there is none, of a rate the first number.
    pub fn number(&self, option: ConfigOption) -> u32 {
        let number = self.numbers.get(option as usize);
        number.copied().unwrap_or_default()
    }

    /// Sets a number.
    pub fn set(&mut self, option: ConfigOption, value: u32) {
        if let Some(number) = self.numbers.get_mut(option as usize) {
            *number = value;
        }
    }

    /// A number that may be missing.
    pub(crate) fn maybe(&self, option: ConfigOption) -> Option<u32> {
        Some(self.number(option)).filter(|number| *number > 0)
    }

    /// A time in milliseconds.
    pub(crate) fn ms(&self, option: ConfigOption) -> u64 {
        u64::from(self.number(option))
    }
}

impl From<Config> for Settings {
    fn from(config: Config) -> Self {
        let numbers = core::array::from_fn(|index| {
            let option = ConfigOption::ALL.get(index).copied();
            let number = option.and_then(|option| config.number(option));
            u32::try_from(number.unwrap_or_default()).unwrap_or(u32::MAX)
        });
        Self {
            url: config.url,
            delivery: config.delivery,
            protocols: config.protocols,
            auth: config.auth,
            url_from: config.url_from,
            overflow: config.outbox.overflow,
            numbers,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_those_of_the_config() {
        let config = Config::new("ws://host");
        assert_eq!(Settings::from(config), Settings::new("ws://host".into()));
    }

    #[test]
    fn what_is_switched_off_is_0() {
        let config = Config {
            heartbeat: None,
            rate: None,
            ..Config::new("ws://host")
        };
        let settings = Settings::from(config);
        for option in [
            ConfigOption::HeartbeatInterval,
            ConfigOption::RateMessages,
            ConfigOption::RateBytes,
            ConfigOption::OutboxTtl,
            ConfigOption::BackoffMaxAttempts,
        ] {
            assert_eq!(settings.maybe(option), None, "{}", option.name());
        }
    }
}
