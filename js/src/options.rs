//! The facade's options: numbers by their index, and switches behind them.

use everwire::proto::AuthVia;
use everwire::{ConfigOption, Delivery, Overflow, Persist, Reliable, Settings, Uncertain, UrlFrom};

use crate::facade::{Facade, RELIABLE};

/// The texts are the URL, the name of the query parameter, that of the connection, and the subprotocols.
pub(super) fn settings(facade: &Facade) -> Settings {
    let mut settings = Settings::new(facade.text_(0).unwrap_or_default());
    while let Some(protocol) = facade.text_(3 + settings.protocols.len()) {
        settings.protocols.push(protocol);
    }
    let switch = |index: usize| facade.number_(ConfigOption::ALL.len() + index) as u32;
    if RELIABLE && switch(5) > 0 {
        settings.delivery = Delivery::Reliable(Reliable {
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
    settings.auth = match switch(0) {
        1 => AuthVia::Message,
        2 => AuthVia::Query(facade.text_(1).unwrap_or_default()),
        3 => AuthVia::Subprotocol,
        4 => AuthVia::Cookie,
        _ => AuthVia::Nothing,
    };
    if switch(1) > 0 {
        settings.url_from = UrlFrom::Provider;
    }
    settings.overflow = match switch(2) {
        1 => Overflow::DropOldest,
        2 => Overflow::DropNewest,
        _ => Overflow::Reject,
    };
    for (index, option) in ConfigOption::ALL.iter().enumerate() {
        let value = facade.number_(index);
        if !value.is_nan() {
            settings.set(*option, value as u32);
        }
    }
    // Whichever of the two is given stands for both.
    let (each, burst) = (ConfigOption::RateBytes, ConfigOption::RateBytesBurst);
    for (missing, given) in [(each, burst), (burst, each)] {
        if settings.number(missing) == 0 {
            settings.set(missing, settings.number(given));
        }
    }
    for (index, option) in [
        (3, ConfigOption::HeartbeatInterval),
        (4, ConfigOption::RateMessages),
    ] {
        if switch(index) > 0 {
            settings.set(option, 0);
        }
    }
    settings
}
