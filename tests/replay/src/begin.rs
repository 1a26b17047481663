//! The connection that a recording begins with.

use anyhow::{Context, Result};
use everwire::proto::{AuthVia, Instant};
use everwire::trace::Traced;
use everwire::{ConfigOption, Delivery, Overflow, Persist, Reliable, Settings, Uncertain, UrlFrom};
use serde_json::Value;

use crate::value::Object;

pub(crate) fn connection(begin: &Value) -> Result<Traced<()>> {
    let begin = Object::of(begin)?;
    let seed: u64 = begin.word("seed")?.parse().context("seed is no number")?;
    let now = Instant::from_millis(begin.number("t")?);
    Ok(Traced::unchecked(settings(begin)?, seed.into(), now))
}

fn settings(begin: Object<'_>) -> Result<Settings> {
    let mut settings = Settings::new(begin.word("url")?.to_owned());
    settings.url_from = begin.one_of(
        "url_from",
        &[("config", UrlFrom::Config), ("provider", UrlFrom::Provider)],
    )?;
    settings.auth = match begin.word("auth")? {
        "message" => AuthVia::Message,
        // Its name does not matter, since no query is recorded.
        "query" => AuthVia::Query("token".to_owned()),
        "subprotocol" => AuthVia::Subprotocol,
        "cookie" => AuthVia::Cookie,
        _ => AuthVia::Nothing,
    };
    for protocol in begin.list("protocols")? {
        let protocol = protocol.as_str().context("a protocol is no text")?;
        settings.protocols.push(protocol.to_owned());
    }
    settings.overflow = begin.one_of(
        "overflow",
        &[
            ("reject", Overflow::Reject),
            ("drop-oldest", Overflow::DropOldest),
            ("drop-newest", Overflow::DropNewest),
        ],
    )?;
    let numbers = begin.object("numbers")?;
    for option in ConfigOption::ALL {
        settings.set(*option, numbers.small(option.name())?);
    }
    settings.delivery = delivery(begin.object("delivery")?)?;
    Ok(settings)
}

fn delivery(delivery: Object<'_>) -> Result<Delivery> {
    if delivery.word("is")? == "plain" {
        return Ok(Delivery::Plain);
    }
    Ok(Delivery::Reliable(Reliable {
        persist: delivery.one_of(
            "persist",
            &[
                ("nothing", Persist::Nothing),
                ("outbox", Persist::Outbox),
                ("session", Persist::Session),
            ],
        )?,
        uncertain: delivery.one_of(
            "uncertain",
            &[("resend", Uncertain::Resend), ("drop", Uncertain::Drop)],
        )?,
        window: delivery.small("window")?,
        window_bytes: delivery.small("window_bytes")?,
        ..Reliable::default()
    }))
}
