//! Frames of reliable mode, read and checked whole with serde before anything of them is handled.

use std::borrow::Cow;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::codec::{self, Decoded};
use crate::proto::Token;
use crate::proto::frames::{
    AuthNews, BATCH_MESSAGES, Beat, Control, Lost, NUMBER_MAX, Part, Resumed, Run, Session, Terms,
};

/// The parts of a frame, and what each of its messages says to the application; `None` for those of the protocol.
pub(super) type Batch<In> = (Vec<Part>, Vec<Option<Decoded<In>>>);

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(default, deserialize_with = "optional_number")]
    seq: Option<u64>,
    #[serde(default, deserialize_with = "optional_number")]
    ack: Option<u64>,
    /// Whatever is no number names no request of ours.
    #[serde(borrow)]
    re: Option<&'a RawValue>,
}

/// Reads a frame; `None` for one that breaks the protocol.
pub(super) fn read<In: DeserializeOwned>(text: &str) -> Option<Batch<In>> {
    let texts = messages(text)?;
    let mut parts = Vec::new();
    let mut decoded = Vec::new();
    for message in &texts {
        let envelope: Envelope = codec::object(message.get()).ok()?;
        if envelope.seq == Some(0) {
            return None;
        }
        if envelope.kind.starts_with('$') {
            let control = control(&envelope)?;
            if matches!(control, Control::Session(_)) && texts.len() > 1 {
                return None;
            }
            parts.push(Part::Control(control));
            decoded.push(None);
        } else {
            push(&mut parts, run(&envelope));
            decoded.push(Some(codec::decode(message.get(), &envelope.kind)));
        }
    }
    Some((parts, decoded))
}

fn messages(text: &str) -> Option<Vec<&RawValue>> {
    let texts: Vec<&RawValue> = match text.trim_ascii_start().starts_with('[') {
        true => serde_json::from_str(text).ok()?,
        false => vec![serde_json::from_str(text).ok()?],
    };
    (1..=BATCH_MESSAGES).contains(&texts.len()).then_some(texts)
}

fn run(envelope: &Envelope) -> Run {
    let re = envelope.re.and_then(|re| re.get().parse().ok());
    Run {
        first: envelope.seq,
        count: 1,
        ack: envelope.ack,
        re: re.filter(|re| *re <= NUMBER_MAX),
    }
}

/// Joins a message to the run before it where it follows that. A reply stands alone.
fn push(parts: &mut Vec<Part>, run: Run) {
    if let Some(Part::Run(last)) = parts.last_mut() {
        let next = last.first.map(|first| first + u64::from(last.count));
        if next == run.first && last.re.is_none() && run.re.is_none() {
            last.count += 1;
            last.ack = last.ack.max(run.ack);
            return;
        }
    }
    parts.push(Part::Run(run));
}

#[derive(Deserialize)]
struct AckData {
    #[serde(deserialize_with = "number")]
    ack: u64,
}

#[derive(Deserialize)]
struct ErrData {
    #[serde(deserialize_with = "number")]
    seq: u64,
    code: String,
    message: Option<String>,
}

#[derive(Deserialize)]
struct BeatData {
    #[serde(deserialize_with = "number")]
    t: u64,
    #[serde(default, deserialize_with = "optional_number")]
    ack: Option<u64>,
    #[serde(default, deserialize_with = "optional_number")]
    tx: Option<u64>,
}

#[derive(Deserialize)]
struct AuthData {
    ok: Option<bool>,
    need: Option<bool>,
    #[serde(default, deserialize_with = "optional_number")]
    exp_ms: Option<u64>,
    #[serde(default, deserialize_with = "optional_number")]
    in_ms: Option<u64>,
}

#[derive(Deserialize)]
struct DrainData {
    #[serde(deserialize_with = "number")]
    after_ms: u64,
    #[serde(deserialize_with = "number")]
    spread_ms: u64,
}

#[derive(Deserialize)]
struct ResyncData {
    #[serde(deserialize_with = "number")]
    next: u64,
    reason: String,
}

#[derive(Deserialize)]
struct SessionData {
    sid: String,
    key: String,
    epoch: String,
    user: String,
    resumed: bool,
    reason: Option<String>,
    #[serde(deserialize_with = "number")]
    got: u64,
    // Of a server that lost its record it is null, but never left out.
    #[serde(deserialize_with = "optional_number")]
    rx: Option<u64>,
    errs: Option<Vec<(u64, String)>>,
    #[serde(default, deserialize_with = "optional_number")]
    maybe: Option<u64>,
    #[serde(default, deserialize_with = "optional_number")]
    prior: Option<u64>,
    #[serde(deserialize_with = "number")]
    from: u64,
    #[serde(deserialize_with = "number")]
    ping_ms: u64,
    #[serde(deserialize_with = "number")]
    timeout_ms: u64,
    #[serde(deserialize_with = "number")]
    ttl_ms: u64,
    #[serde(deserialize_with = "number")]
    max_frame: u64,
    #[serde(deserialize_with = "number")]
    window: u64,
    #[serde(deserialize_with = "number")]
    window_bytes: u64,
    #[serde(default, deserialize_with = "optional_number")]
    rate: Option<u64>,
    #[serde(default, deserialize_with = "optional_number")]
    burst: Option<u64>,
    #[serde(default, deserialize_with = "optional_number")]
    exp_ms: Option<u64>,
}

fn control(envelope: &Envelope) -> Option<Control> {
    if envelope.kind == "$skip" {
        let seq = envelope.seq?;
        return Some(Control::Skip {
            seq,
            ack: envelope.ack,
        });
    }
    if envelope.seq.is_some() {
        return None;
    }
    Some(match &*envelope.kind {
        "$session" => Control::Session(Box::new(session(data(envelope)?)?)),
        "$ack" => Control::Ack(data::<AckData>(envelope)?.ack),
        "$bye" => Control::Bye {
            ack: data::<AckData>(envelope)?.ack,
        },
        "$err" => {
            let ErrData { seq, code, message } = data(envelope)?;
            if seq == 0 || code.is_empty() {
                return None;
            }
            Control::Err {
                seq,
                code,
                message: message.unwrap_or_default(),
            }
        }
        "$ping" => Control::Ping(beat(envelope)?),
        "$pong" => Control::Pong(beat(envelope)?),
        "$auth" => Control::Auth(auth(&data(envelope)?)?),
        "$drain" => {
            let DrainData {
                after_ms,
                spread_ms,
            } = data(envelope)?;
            Control::Drain {
                after_ms,
                spread_ms,
            }
        }
        "$resync" => {
            let ResyncData { next, reason } = data(envelope)?;
            let reason = lost(&reason);
            (next > 0).then_some(Control::Resync { next, reason })?
        }
        _ => Control::Unknown,
    })
}

fn beat(envelope: &Envelope) -> Option<Beat> {
    let BeatData { t, ack, tx } = data(envelope)?;
    Some(Beat { t, ack, tx })
}

fn auth(data: &AuthData) -> Option<AuthNews> {
    match (data.ok, data.need) {
        (Some(true), _) => Some(AuthNews::Ok {
            exp_ms: data.exp_ms,
        }),
        (Some(false), _) => Some(AuthNews::Refused),
        (None, Some(true)) => Some(AuthNews::Needed {
            in_ms: data.in_ms.unwrap_or_default(),
        }),
        (None, _) => None,
    }
}

fn session(data: SessionData) -> Option<Session> {
    let errs = data.errs.unwrap_or_default();
    let is_err = |(seq, code): &(u64, String)| (1..=NUMBER_MAX).contains(seq) && !code.is_empty();
    let words = [&data.sid, &data.key, &data.epoch, &data.user];
    if !errs.iter().all(is_err) || words.iter().any(|word| word.is_empty()) {
        return None;
    }
    Some(Session {
        sid: data.sid,
        key: Token::new(data.key),
        epoch: data.epoch,
        user: data.user,
        resumed: match (data.resumed, data.reason) {
            (true, _) => Resumed::Yes,
            (false, None) => Resumed::Fresh,
            (false, Some(reason)) => Resumed::No(lost(&reason)),
        },
        got: data.got,
        rx: data.rx,
        errs,
        maybe: data.maybe,
        prior: data.prior,
        from: data.from,
        terms: Terms {
            ping_ms: data.ping_ms,
            timeout_ms: data.timeout_ms,
            ttl_ms: data.ttl_ms,
            max_frame: data.max_frame,
            window: data.window,
            window_bytes: data.window_bytes,
            rate: data.rate,
            burst: data.burst,
            exp_ms: data.exp_ms,
        },
    })
}

fn lost(reason: &str) -> Lost {
    let known = Lost::ALL.into_iter().find(|lost| lost.as_str() == reason);
    known.unwrap_or(Lost::Unknown)
}

fn data<'a, T: Deserialize<'a>>(envelope: &Envelope<'a>) -> Option<T> {
    codec::object(envelope.data?.get()).ok()
}

fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let number = u64::deserialize(deserializer)?;
    match number <= NUMBER_MAX {
        true => Ok(number),
        false => Err(serde::de::Error::custom("above 2^53 - 1")),
    }
}

fn optional_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let number = Option::<u64>::deserialize(deserializer)?;
    match number.is_none_or(|number| number <= NUMBER_MAX) {
        true => Ok(number),
        false => Err(serde::de::Error::custom("above 2^53 - 1")),
    }
}

#[cfg(test)]
mod tests {
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
                        "rx": session.rx, "errs": session.errs, "maybe": session.maybe,
                        "prior": session.prior, "from": session.from,
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
        let vectors = include_str!("../../tests/vectors/frames.json");
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
}
