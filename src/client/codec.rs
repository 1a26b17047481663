//! Frames to types and back, with serde.

use std::borrow::Cow;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use wasm_bindgen::JsValue;

use crate::proto::frames::NUMBER_MAX;
use crate::proto::{Content, Frame, MessageId};

/// A frame ready to be written.
pub(super) struct Text {
    pub(super) text: String,
    pub(super) bytes: u32,
}

impl Text {
    pub(super) fn to_js(&self) -> JsValue {
        JsValue::from_str(&self.text)
    }
}

/// What a frame said.
pub(super) enum Decoded<In> {
    Message(In),
    /// `{"type":"error","data":{"code","message"}}`.
    Failure {
        code: String,
        message: String,
    },
    Unreadable {
        kind: String,
        error: String,
    },
}

#[derive(Deserialize)]
struct Outbound<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Failure {
    data: FailureData,
}

#[derive(Deserialize)]
struct FailureData {
    code: String,
    message: String,
}

#[derive(Deserialize)]
struct Inbound<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    /// Whatever is no number names no request of ours.
    #[serde(borrow)]
    re: Option<&'a RawValue>,
}

/// The deepest nesting that goes out: some servers die of a few thousand levels.
const MAX_DEPTH: usize = 64;

/// A message as a frame `{"type","data"}`, with an `id` if it is a request.
pub(super) fn write<Out: Serialize>(
    message: &Out,
    id: Option<MessageId>,
) -> Result<Text, serde_json::Error> {
    let mut text = serde_json::to_string(message)?;
    let outbound: Outbound = object(&text)?;
    if outbound.kind.starts_with('$') {
        return Err(custom("types that begin with $ belong to the protocol"));
    }
    if depth(&text) > MAX_DEPTH {
        return Err(custom("nested deeper than 64 levels"));
    }
    let has_data = outbound.data.is_some();
    text.pop();
    if !has_data {
        text.push_str(r#","data":null"#);
    }
    if let Some(MessageId(id)) = id {
        text.push_str(r#","id":"#);
        text.push_str(&id.to_string());
    }
    text.push('}');
    let bytes = u32::try_from(text.len()).unwrap_or(u32::MAX);
    Ok(Text { text, bytes })
}

/// A frame's place in the protocol, and what it says to the application.
pub(super) fn read<In: DeserializeOwned>(text: &str) -> (Frame, Option<Decoded<In>>) {
    let bytes = u32::try_from(text.len()).unwrap_or(u32::MAX);
    let Ok(envelope) = object::<Inbound>(text) else {
        return (
            Frame {
                bytes,
                content: Content::Invalid,
            },
            None,
        );
    };
    let re = envelope.re.and_then(|re| re.get().parse().ok());
    let content = match (
        &*envelope.kind,
        re.filter(|re| (1..=NUMBER_MAX).contains(re)),
    ) {
        (_, Some(id)) => Content::Answer(MessageId(id)),
        ("ping", None) => Content::Ping,
        ("pong", None) => Content::Pong,
        (_, None) => Content::Message,
    };
    let decoded = decode(text, &envelope.kind);
    (Frame { bytes, content }, Some(decoded))
}

/// What a message of this type says to the application.
pub(super) fn decode<In: DeserializeOwned>(text: &str, kind: &str) -> Decoded<In> {
    serde_json::from_str(text).map_or_else(|error| unread(text, kind, &error), Decoded::Message)
}

/// `In` does not read it: an error of the server's, or a stranger.
fn unread<In>(text: &str, kind: &str, error: &serde_json::Error) -> Decoded<In> {
    match object(text) {
        Ok(Failure {
            data: FailureData { code, message },
        }) if kind == "error" => Decoded::Failure { code, message },
        _ => Decoded::Unreadable {
            kind: kind.to_owned(),
            error: error.to_string(),
        },
    }
}

/// Reads an object. Serde alone would read an array as a struct too.
pub(super) fn object<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, serde_json::Error> {
    match text.trim_ascii_start().starts_with('{') {
        true => serde_json::from_str(text),
        false => Err(custom("it is no object")),
    }
}

fn custom(message: &str) -> serde_json::Error {
    serde::ser::Error::custom(message)
}

/// How deep the arrays and objects of a JSON text are nested.
fn depth(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let (mut in_string, mut escaped) = (false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize, Deserialize, Debug, PartialEq)]
    #[serde(tag = "type", content = "data", rename_all = "snake_case")]
    enum Chat {
        Say { text: String },
        Leave,
        Tree(serde_json::Value),
    }

    fn written(message: &impl Serialize, id: Option<u64>) -> String {
        write(message, id.map(MessageId)).expect("writable").text
    }

    #[test]
    fn a_message_is_written_as_type_and_data() {
        let say = Chat::Say { text: "hé".into() };
        assert_eq!(
            written(&say, None),
            r#"{"type":"say","data":{"text":"hé"}}"#
        );
        assert_eq!(
            written(&Chat::Leave, None),
            r#"{"type":"leave","data":null}"#
        );
        assert_eq!(
            written(&Chat::Leave, Some(7)),
            r#"{"type":"leave","data":null,"id":7}"#
        );
    }

    #[test]
    fn what_is_no_message_is_refused() {
        assert!(write(&"text", None).is_err());
        assert!(write(&serde_json::json!([1, 2]), None).is_err());
        assert!(write(&serde_json::json!(["leave", null]), None).is_err());
        assert!(write(&serde_json::json!({ "type": 3, "data": 1 }), None).is_err());
        assert!(write(&serde_json::json!({ "type": "$open", "data": 1 }), None).is_err());
        let mut tree = serde_json::json!("[{\"[[[");
        for _ in 0..63 {
            tree = serde_json::json!([tree]);
        }
        assert!(write(&Chat::Tree(tree.clone()), None).is_ok());
        assert!(write(&Chat::Tree(serde_json::json!([tree])), None).is_err());
    }

    #[test]
    fn frames_are_read_for_what_they_are() {
        let content = |text: &str| read::<Chat>(text).0.content;
        assert_eq!(content(r#"{"type":"leave","data":null}"#), Content::Message);
        assert_eq!(
            content(r#"{"type":"leave","re":4}"#),
            Content::Answer(MessageId(4))
        );
        for no_id_of_ours in [r#""4""#, "null", "4.5", "-4", "0", "9007199254740992", "{}"] {
            let text = format!(r#"{{"type":"leave","re":{no_id_of_ours}}}"#);
            assert_eq!(content(&text), Content::Message, "{text}");
        }
        assert_eq!(content(r#"{"type":"ping","data":null}"#), Content::Ping);
        assert_eq!(content(r#"{"data":null,"type":"pong"}"#), Content::Pong);
        for bad in [
            "",
            "[]",
            r#"["leave",null]"#,
            "{}",
            r#"{"type":1}"#,
            r#"{"type":"a""#,
            "\u{feff}{}",
        ] {
            assert_eq!(content(bad), Content::Invalid, "{bad}");
        }
    }

    #[test]
    fn what_the_type_does_not_read_is_told_apart_from_an_error() {
        let decoded = |text| read::<Chat>(text).1.expect("an object");
        let failed = r#"{"type":"error","data":{"code":"no","message":"not today"},"re":1}"#;
        assert!(matches!(decoded(failed), Decoded::Failure { code, .. } if code == "no"));
        let stranger = decoded(r#"{"type":"wave","data":1}"#);
        assert!(matches!(stranger, Decoded::Unreadable { kind, .. } if kind == "wave"));
        let said = decoded(r#"{"type":"say","data":{"text":"hi"},"extra":1}"#);
        assert!(matches!(said, Decoded::Message(Chat::Say { text }) if text == "hi"));
    }
}
