//! Frames of plain mode: how both sides read them, and what the client writes.

use everwire::fuzz;
use everwire::proto::frames::NUMBER_MAX;
use everwire::proto::{Content, MessageId};
use everwire_server::{Close, Incoming, Outgoing};
use serde_json::{Value, json};

/// What the client writes is nested no deeper.
const WRITTEN_DEPTH: usize = 64;

/// Reads `data` at both sides, and writes what it says.
///
/// # Panics
/// If it is read or written wrongly.
pub fn plain(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else {
        return;
    };
    let json = serde_json::from_str(text).ok();
    server_reads(text, json.as_ref());
    client_reads(text, json.as_ref());
    if let Some(json) = &json {
        client_writes(json);
    }
}

fn server_reads(text: &str, json: Option<&Value>) {
    let read = Incoming::parse(text);
    let Some(json) = json else {
        assert_eq!(
            read.map_err(|close| close.code),
            Err(Close::INVALID_PAYLOAD)
        );
        return;
    };
    let kind = kind(json).filter(|kind| !kind.is_empty());
    let id = json.get("id").filter(|id| !id.is_null());
    let is_id = id.is_none_or(|id| id.is_number() || id.is_string());
    let Ok(message) = read.map_err(|close| assert_eq!(close.code, Close::BAD_MESSAGE)) else {
        assert!(kind.is_none() || !is_id, "{text} is refused");
        return;
    };
    assert!(is_id, "{text} is taken");
    assert_eq!(Some(message.kind.as_str()), kind);
    assert_eq!(Some(&message.data), json.get("data").or(Some(&Value::Null)));
    assert_eq!(json!(message.id), json!(id));
    answers(&message);
}

/// An answer says what it is to say.
fn answers(message: &Incoming) {
    let Incoming { kind, data, id } = message;
    let written = match id {
        Some(id) => Outgoing::answer(id, kind, data),
        None => Outgoing::new(kind, data),
    };
    assert_eq!(written.is_err(), kind.starts_with('$'));
    let Ok(written) = written else { return };
    let again: Value = serde_json::from_str(written.as_str()).expect("JSON is written");
    let said = match id {
        Some(id) => json!({ "type": kind, "data": data, "re": id }),
        None => json!({ "type": kind, "data": data }),
    };
    assert!(is_same(&again, &said), "{again} for {said}");
}

fn client_reads(text: &str, json: Option<&Value>) {
    let (content, said) = fuzz::plain(text);
    let Some(json) = json else {
        // What says nothing may still be well-formed enough to have a type.
        assert_eq!(said, None);
        return;
    };
    if content != Content::Invalid {
        assert_eq!(content, content_of(json), "{text}");
        assert_eq!(said.as_ref(), Some(json));
    }
    // Here no name stands twice, which the client does not take.
    let (content, _) = fuzz::plain(&json.to_string());
    assert_eq!(content, content_of(json), "{json}");
}

fn content_of(json: &Value) -> Content {
    let Some(kind) = kind(json) else {
        return Content::Invalid;
    };
    let re = json.get("re").and_then(Value::as_u64);
    match (kind, re.filter(|re| (1..=NUMBER_MAX).contains(re))) {
        (_, Some(re)) => Content::Answer(MessageId(re)),
        ("ping", None) => Content::Ping,
        ("pong", None) => Content::Pong,
        (_, None) => Content::Message,
    }
}

fn client_writes(json: &Value) {
    let id = MessageId(7);
    let may_go = kind(json).is_some_and(|kind| !kind.starts_with('$'));
    let written = fuzz::write(json, Some(id));
    assert_eq!(
        written.is_some(),
        may_go && depth(json) <= WRITTEN_DEPTH,
        "{json}"
    );
    let Some(written) = written else { return };
    match Incoming::parse(&written) {
        Ok(message) => {
            assert_eq!(Some(message.kind.as_str()), kind(json));
            assert!(is_same(
                &message.data,
                json.get("data").unwrap_or(&Value::Null)
            ));
            assert_eq!(json!(message.id), json!(id.0));
        }
        Err(close) => assert_eq!((close.code, kind(json)), (Close::BAD_MESSAGE, Some(""))),
    }
}

/// The type of a message, if it is one.
pub(crate) fn kind(json: &Value) -> Option<&str> {
    json.as_object()?.get("type")?.as_str()
}

/// Fractions may change in their last digit on the way through a text.
fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .zip(other)
                    .all(|(one, other)| is_same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .all(|(name, one)| other.get(name).is_some_and(|other| is_same(one, other)))
        }
        (Value::Number(one), Value::Number(other)) if one.is_f64() => other.is_f64(),
        _ => one == other,
    }
}

fn depth(json: &Value) -> usize {
    match json {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}
