//! How a recording begins: what the connection was made from.

use alloc::string::{String, ToString};

use super::line::{Line, kebab, list};
use super::recording::VERSION;
use super::secrets::{Secrets, bare_url};
use crate::config::{ConfigOption, Delivery, Settings};
use crate::proto::frames::SUBPROTOCOL;
use crate::proto::{AuthVia, Instant};

pub(super) fn begin(config: &Settings, secrets: &mut Secrets, seed: u64, now: Instant) -> String {
    let mut numbers = Line::new();
    for option in ConfigOption::ALL {
        numbers = numbers.number(option.name(), config.number(*option));
    }
    let protocols = config.protocols.iter();
    let protocols = list(protocols.map(|protocol| protocol_word(protocol, secrets)));
    Line::new()
        .number("version", VERSION)
        .word("engine", env!("CARGO_PKG_VERSION"))
        .number("t", now.as_millis())
        // As a text, since numbers of JavaScript have no 64 bits.
        .word("seed", &seed.to_string())
        .word("url", &bare_url(&config.url))
        .case("url_from", config.url_from)
        .word("auth", auth_word(&config.auth))
        .raw("protocols", &protocols)
        .case("overflow", config.overflow)
        .raw("numbers", &numbers.finish())
        .raw("delivery", &delivery(&config.delivery))
        .finish()
}

fn delivery(delivery: &Delivery) -> String {
    let line = Line::new();
    let Delivery::Reliable(options) = delivery else {
        return line.word("is", "plain").finish();
    };
    line.word("is", "reliable")
        .word("persist", &kebab(options.persist))
        .word("uncertain", &kebab(options.uncertain))
        .number("window", options.window)
        .number("window_bytes", options.window_bytes)
        .finish()
}

/// How a way for the token is called.
pub fn auth_word(auth: &AuthVia) -> &'static str {
    match auth {
        AuthVia::Nothing => "nothing",
        AuthVia::Message => "message",
        AuthVia::Query(_) => "query",
        AuthVia::Subprotocol => "subprotocol",
        AuthVia::Cookie => "cookie",
    }
}

/// Some servers take a token as a subprotocol, so none shows but our own.
pub(super) fn protocol_word(protocol: &str, secrets: &mut Secrets) -> String {
    match protocol {
        SUBPROTOCOL => super::line::quoted(protocol),
        _ => secrets.hide(protocol),
    }
}
