//! A frame's text, read whole before any of it is handled.

use everwire::proto::Token;
use everwire::proto::frames::{
    BATCH_BYTES, BATCH_MESSAGES, Beat, Control, NUMBER_MAX, Open, Resume,
};
use everwire::proto::server::{Frame, Inbound};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::message::{Incoming, request_id};

/// The longest name of a client, session or epoch, in characters.
const NAME_CHARS: usize = 128;

/// A frame that is no JSON, or breaks the layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the frame is malformed")]
pub struct Malformed;

type Read<T> = Result<T, Malformed>;

/// Reads a text frame: a message, or an array of up to 256 of them and 64 KiB. Unknown fields are ignored, JSON deeper
/// than 128 levels is refused.
///
/// # Errors
/// If any of it is malformed: then none of it may be handled.
pub fn decode(text: &str) -> Read<Frame<Incoming>> {
    let messages = match text.trim_ascii_start().starts_with('[') {
        true => batch(text)?,
        false => vec![message(text)?],
    };
    let bytes = size(text);
    let is_batch = messages.len() > 1;
    let stands_alone =
        |message: &Inbound<Incoming>| matches!(message, Inbound::Control(Control::Open(_)));
    if is_batch && (bytes > BATCH_BYTES || messages.iter().any(stands_alone)) {
        return Err(Malformed);
    }
    Ok(Frame { bytes, messages })
}

fn batch(text: &str) -> Read<Vec<Inbound<Incoming>>> {
    let texts: Vec<&RawValue> = serde_json::from_str(text).map_err(|_| Malformed)?;
    if !(1..=BATCH_MESSAGES).contains(&texts.len()) {
        return Err(Malformed);
    }
    texts.into_iter().map(|text| message(text.get())).collect()
}

fn message(text: &str) -> Read<Inbound<Incoming>> {
    let Ok(Value::Object(mut fields)) = serde_json::from_str(text) else {
        return Err(Malformed);
    };
    let Some(Value::String(kind)) = fields.remove("type") else {
        return Err(Malformed);
    };
    let seq = optional(&fields, "seq", 1)?;
    let ack = optional(&fields, "ack", 0)?;
    if kind.starts_with('$') {
        return control(&kind, seq, ack, &fields).map(Inbound::Control);
    }
    let id = request_id(&mut fields).map_err(|_| Malformed)?;
    let data = fields.remove("data").unwrap_or_default();
    Ok(Inbound::Message {
        seq,
        ack,
        bytes: size(text),
        message: Incoming { kind, data, id },
    })
}

fn control(
    kind: &str,
    seq: Option<u64>,
    ack: Option<u64>,
    fields: &Map<String, Value>,
) -> Read<Control> {
    if kind == "$skip" {
        let seq = seq.ok_or(Malformed)?;
        return Ok(Control::Skip { seq, ack });
    }
    if seq.is_some() {
        return Err(Malformed);
    }
    let data = || {
        fields
            .get("data")
            .and_then(Value::as_object)
            .ok_or(Malformed)
    };
    Ok(match kind {
        "$open" => Control::Open(Box::new(open(data()?)?)),
        "$ack" => Control::Ack(required(data()?, "ack", 0)?),
        "$bye" => Control::Bye {
            ack: required(data()?, "ack", 0)?,
        },
        "$ping" => Control::Ping(beat(data()?)?),
        "$pong" => Control::Pong(beat(data()?)?),
        "$auth" => Control::Token(token(data()?)?.ok_or(Malformed)?),
        _ => Control::Unknown,
    })
}

fn beat(data: &Map<String, Value>) -> Read<Beat> {
    Ok(Beat {
        t: required(data, "t", 0)?,
        ack: optional(data, "ack", 0)?,
        tx: optional(data, "tx", 0)?,
    })
}

fn open(data: &Map<String, Value>) -> Read<Open> {
    if required(data, "v", 1)? != 1 {
        return Err(Malformed);
    }
    let resume = match present(data, "resume") {
        None => None,
        Some(Value::Object(resume)) => Some(Resume {
            sid: name(resume, "sid")?,
            key: Token::new(name(resume, "key")?),
            epoch: name(resume, "epoch")?,
            rx: required(resume, "rx", 0)?,
        }),
        Some(_) => return Err(Malformed),
    };
    let small = |field| Ok(u32::try_from(required(data, field, 0)?).unwrap_or(u32::MAX));
    Ok(Open {
        cid: name(data, "cid")?,
        n: required(data, "n", 0)?,
        token: token(data)?,
        tx0: required(data, "tx0", 1)?,
        tx: required(data, "tx", 0)?,
        max_frame: small("max_frame")?,
        window: small("window")?,
        window_bytes: small("window_bytes")?,
        resume,
    })
}

fn token(data: &Map<String, Value>) -> Read<Option<Token>> {
    match present(data, "token") {
        None => Ok(None),
        Some(Value::String(token)) => Ok(Some(Token::new(token.as_str()))),
        Some(_) => Err(Malformed),
    }
}

fn name(data: &Map<String, Value>, field: &str) -> Read<String> {
    let name = data.get(field).and_then(Value::as_str).ok_or(Malformed)?;
    match (1..=NAME_CHARS).contains(&name.chars().count()) {
        true => Ok(name.to_owned()),
        false => Err(Malformed),
    }
}

fn required(data: &Map<String, Value>, field: &str, least: u64) -> Read<u64> {
    optional(data, field, least)?.ok_or(Malformed)
}

fn optional(data: &Map<String, Value>, field: &str, least: u64) -> Read<Option<u64>> {
    let Some(value) = present(data, field) else {
        return Ok(None);
    };
    let number = whole(value).filter(|number| (least..=NUMBER_MAX).contains(number));
    number.map(Some).ok_or(Malformed)
}

/// A field that is null counts as absent.
fn present<'a>(data: &'a Map<String, Value>, field: &str) -> Option<&'a Value> {
    data.get(field).filter(|value| !value.is_null())
}

/// JavaScript knows no difference between 1 and 1.0.
fn whole(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| {
        let number = value.as_f64()?;
        let is_whole = number.fract() == 0.0 && (0.0..=NUMBER_MAX as f64).contains(&number);
        is_whole.then_some(number as u64)
    })
}

fn size(text: &str) -> u32 {
    u32::try_from(text.len()).unwrap_or(u32::MAX)
}
