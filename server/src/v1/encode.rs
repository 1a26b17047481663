//! What is written, as a frame's text.

use std::fmt::Write;

use everwire::proto::frames::{AuthNews, Beat, Control, Resumed, Session};
use everwire::proto::server::Item;
use serde_json::{Value, json};

use crate::message::Outgoing;

/// Writes a frame: the message itself if it is one, else an array of them. What only clients write is left out.
pub fn encode(items: &[Item<Outgoing>]) -> String {
    let mut frame = String::new();
    if let [item] = items {
        push(&mut frame, item);
        return frame;
    }
    for item in items {
        frame.push(if frame.is_empty() { '[' } else { ',' });
        push(&mut frame, item);
    }
    frame.push(']');
    frame
}

fn push(frame: &mut String, item: &Item<Outgoing>) {
    match item {
        Item::Message { payload, seq, ack } => {
            let text = payload.as_str();
            frame.push_str(text.strip_suffix('}').unwrap_or(text));
            for (name, number) in [("seq", seq), ("ack", ack)] {
                if let Some(number) = number {
                    // Writing to a String cannot fail.
                    let _ = write!(frame, r#","{name}":{number}"#);
                }
            }
            frame.push('}');
        }
        Item::Control(control) => {
            let message = written(control).to_string();
            frame.push_str(&message);
        }
    }
}

fn written(control: &Control) -> Value {
    let (kind, data) = match control {
        Control::Session(session) => ("$session", session_data(session)),
        Control::Ack(ack) => ("$ack", json!({ "ack": ack })),
        Control::Err { seq, code, message } => (
            "$err",
            json!({ "seq": seq, "code": code, "message": message }),
        ),
        Control::Ping(beat) => ("$ping", beat_data(beat)),
        Control::Pong(beat) => ("$pong", beat_data(beat)),
        Control::Auth(news) => ("$auth", auth_data(*news)),
        Control::Drain {
            after_ms,
            spread_ms,
        } => (
            "$drain",
            json!({ "after_ms": after_ms, "spread_ms": spread_ms }),
        ),
        Control::Resync { next, reason } => (
            "$resync",
            json!({ "next": next, "reason": reason.as_str() }),
        ),
        Control::Bye { ack } => ("$bye", json!({ "ack": ack })),
        Control::Open(_) | Control::Skip { .. } | Control::Token(_) | Control::Unknown => {
            ("$", Value::Null)
        }
    };
    json!({ "type": kind, "data": data })
}

fn session_data(session: &Session) -> Value {
    let terms = &session.terms;
    let reason = match session.resumed {
        Resumed::Yes | Resumed::Fresh => None,
        Resumed::No(reason) => Some(reason.as_str()),
    };
    let errs = Some(&session.errs).filter(|errs| !errs.is_empty());
    let mut data = json!({
        "sid": session.sid, "key": session.key.secret(), "epoch": session.epoch, "user": session.user,
        "resumed": session.resumed == Resumed::Yes, "reason": reason,
        "got": session.got, "errs": errs, "maybe": session.maybe,
        "prior": session.prior, "from": session.from,
        "ping_ms": terms.ping_ms, "timeout_ms": terms.timeout_ms, "ttl_ms": terms.ttl_ms,
        "max_frame": terms.max_frame, "window": terms.window, "window_bytes": terms.window_bytes,
        "rate": terms.rate, "burst": terms.burst, "exp_ms": terms.exp_ms,
    });
    if let Some(fields) = data.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
        // The one field whose null means something.
        fields.insert("rx".to_owned(), json!(session.rx));
    }
    data
}

fn beat_data(beat: &Beat) -> Value {
    json!({ "t": beat.t, "ack": beat.ack, "tx": beat.tx })
}

fn auth_data(news: AuthNews) -> Value {
    match news {
        AuthNews::Ok { exp_ms: None } => json!({ "ok": true }),
        AuthNews::Ok { exp_ms } => json!({ "ok": true, "exp_ms": exp_ms }),
        AuthNews::Refused => json!({ "ok": false, "code": "unauthorized" }),
        AuthNews::Needed { in_ms } => json!({ "need": true, "in_ms": in_ms }),
    }
}
