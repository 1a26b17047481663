//! How the codec reads one frame.

use everwire::proto::frames::{Beat, Control, Open};
use everwire::proto::server::Inbound;
use everwire_server::Incoming;
use everwire_server::v1::decode;
use serde_json::{Value, json};

pub fn check(file: &Value) {
    let mut checked = 0;
    for frame in file["frames"].as_array().unwrap() {
        if frame["reader"] != "server" {
            continue;
        }
        let text = crate::joined(&frame["text"]);
        let read = decode(&text).map_or(json!("invalid"), |frame| parts(&frame.messages));
        let fits = read == frame["is"] || frame.get("or") == Some(&read);
        assert!(fits, "{}: {read}", frame["name"]);
        checked += 1;
    }
    assert!(checked > 100, "{checked} frames");
}

fn parts(messages: &[Inbound<Incoming>]) -> Value {
    let mut parts: Vec<Value> = Vec::new();
    let mut next = None;
    for message in messages {
        match message {
            Inbound::Control(control) => {
                parts.push(part(control));
                next = None;
            }
            Inbound::Message { seq, ack, .. } => {
                match parts.last_mut().filter(|_| next == Some(*seq)) {
                    Some(part) => {
                        let run = &mut part["run"];
                        run["count"] = json!(run["count"].as_u64().unwrap() + 1);
                        run["ack"] = json!(run["ack"].as_u64().max(*ack));
                    }
                    None => parts.push(
                        json!({ "run": { "first": seq, "count": 1, "ack": ack, "re": null } }),
                    ),
                }
                next = Some(seq.map(|seq| seq + 1));
            }
        }
    }
    Value::Array(parts)
}

fn part(control: &Control) -> Value {
    match control {
        Control::Open(open) => open_part(open),
        Control::Ack(ack) => json!({ "control": "ack", "ack": ack }),
        Control::Skip { seq, ack } => json!({ "control": "skip", "seq": seq, "ack": ack }),
        Control::Ping(beat) => beat_part("ping", beat),
        Control::Pong(beat) => beat_part("pong", beat),
        Control::Token(token) => json!({ "control": "token", "token": token.secret() }),
        Control::Bye { ack } => json!({ "control": "bye", "ack": ack }),
        Control::Unknown => json!({ "control": "unknown" }),
        other => panic!("a server does not read {other:?}"),
    }
}

fn beat_part(name: &str, beat: &Beat) -> Value {
    json!({ "control": name, "t": beat.t, "ack": beat.ack, "tx": beat.tx })
}

fn open_part(open: &Open) -> Value {
    let resume = open.resume.as_ref().map(|resume| {
        json!({ "sid": resume.sid, "key": resume.key.secret(), "epoch": resume.epoch, "rx": resume.rx })
    });
    json!({
        "control": "open", "cid": open.cid, "n": open.n, "token": open.token.as_ref().map(|token| token.secret()),
        "tx0": open.tx0, "tx": open.tx, "max_frame": open.max_frame, "window": open.window,
        "window_bytes": open.window_bytes, "resume": resume,
    })
}
