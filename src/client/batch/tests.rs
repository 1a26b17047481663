//! The codec, held to the golden vectors that every codec is held to.

use serde_json::{Value, json};

use super::*;

fn text(pieces: &Value) -> String {
    if let Some(text) = pieces.as_str() {
        return text.to_owned();
    }
    let pieces = pieces.as_array().unwrap().iter();
    pieces
        .map(|piece| {
            let times = piece[1].as_u64().unwrap();
            piece[0].as_str().unwrap().repeat(times as usize)
        })
        .collect()
}

/// A part as the vectors write it.
fn named(part: &Part) -> Value {
    let resumed = |session: &Session| match session.resumed {
        Resumed::Yes => (true, None),
        Resumed::Fresh => (false, None),
        Resumed::No(lost) => (false, Some(lost.as_str())),
    };
    match part {
        Part::Run(Run {
            first,
            count,
            ack,
            re,
        }) => json!({ "run": { "first": first, "count": count, "ack": ack, "re": re } }),
        Part::Control(control) => match control {
            Control::Session(session) => {
                let (is_resumed, reason) = resumed(session);
                let terms = &session.terms;
                json!({
                    "control": "session", "sid": session.sid, "key": session.key.secret(), "epoch": session.epoch,
                    "user": session.user, "resumed": is_resumed, "reason": reason, "got": session.got,
                    "rx": session.rx, "errs": session.errs, "maybe": session.maybe, "from": session.from,
                    "ping_ms": terms.ping_ms, "timeout_ms": terms.timeout_ms, "ttl_ms": terms.ttl_ms,
                    "max_frame": terms.max_frame, "window": terms.window, "window_bytes": terms.window_bytes,
                    "rate": terms.rate, "burst": terms.burst, "exp_ms": terms.exp_ms,
                })
            }
            Control::Ack(ack) => json!({ "control": "ack", "ack": ack }),
            Control::Skip { seq, ack } => json!({ "control": "skip", "seq": seq, "ack": ack }),
            Control::Err { seq, code, message } => {
                json!({ "control": "err", "seq": seq, "code": code, "message": message })
            }
            Control::Ping(Beat { t, ack, tx }) => {
                json!({ "control": "ping", "t": t, "ack": ack, "tx": tx })
            }
            Control::Pong(Beat { t, ack, tx }) => {
                json!({ "control": "pong", "t": t, "ack": ack, "tx": tx })
            }
            Control::Auth(AuthNews::Ok { exp_ms }) => {
                json!({ "control": "auth", "ok": true, "exp_ms": exp_ms })
            }
            Control::Auth(AuthNews::Refused) => json!({ "control": "auth", "ok": false }),
            Control::Auth(AuthNews::Needed { in_ms }) => {
                json!({ "control": "auth", "need": true, "in_ms": in_ms })
            }
            Control::Drain {
                after_ms,
                spread_ms,
            } => json!({ "control": "drain", "after_ms": after_ms, "spread_ms": spread_ms }),
            Control::Resync { next, reason } => {
                json!({ "control": "resync", "next": next, "reason": reason.as_str() })
            }
            Control::Bye { ack } => json!({ "control": "bye", "ack": ack }),
            Control::Unknown => json!({ "control": "unknown" }),
            Control::Open(_) | Control::Token(_) => panic!("a client's own word"),
        },
    }
}

/// Only what the vectors ask for: what is absent is as good as null, and an empty list too.
fn fits(own: &Value, wanted: &Value) -> bool {
    let (Value::Object(own), Value::Object(wanted)) = (own, wanted) else {
        return own == wanted;
    };
    let is_none = |value: &Value| value.is_null() || value == &json!([]);
    wanted.iter().all(|(name, wanted)| {
        let own = own.get(name).unwrap_or(&Value::Null);
        match (own, wanted) {
            (Value::Object(_), Value::Object(_)) => fits(own, wanted),
            _ => own == wanted || (is_none(own) && is_none(wanted)),
        }
    }) && own.contains_key("run") == wanted.contains_key("run")
}

fn reads_as(text: &str, wanted: &Value) -> bool {
    let read = read::<Value>(text);
    match (read, wanted) {
        (None, Value::String(invalid)) => invalid == "invalid",
        (Some((parts, _)), Value::Array(wanted)) => {
            let own: Vec<Value> = parts.iter().map(named).collect();
            own.len() == wanted.len()
                && own
                    .iter()
                    .zip(wanted)
                    .all(|(own, wanted)| fits(own, wanted))
        }
        _ => false,
    }
}

#[test]
fn every_frame_that_a_client_may_get_is_read_as_the_vectors_say() {
    let vectors = include_str!("../../../tests/vectors/frames.json");
    let vectors: Value = serde_json::from_str(vectors).unwrap();
    let frames = vectors["frames"].as_array().unwrap().iter();
    let mut count = 0;
    for frame in frames.filter(|frame| frame["reader"] == "client") {
        let text = text(&frame["text"]);
        let good = reads_as(&text, &frame["is"]) || reads_as(&text, &frame["or"]);
        assert!(good, "{}: {text:.200}", frame["name"]);
        count += 1;
    }
    assert!(count > 100);
}
