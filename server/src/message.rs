//! Messages: one JSON object `{"type","data"}` a frame, `id` on a request, `re` on its answer.

use axum::extract::ws::Utf8Bytes;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::close::Close;

/// The `id` of a request: a number or a string that its sender chose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct RequestId(Value);

/// A message from a client.
#[derive(Clone, Debug, PartialEq)]
pub struct Incoming {
    /// The `type`. Never empty, never one that begins with `$`.
    pub kind: String,
    /// The `data`, `null` if the frame had none.
    pub data: Value,
    /// The `id`, if the sender waits for an answer.
    pub id: Option<RequestId>,
}

impl Incoming {
    /// Reads a text frame of plain mode. That no type begins with `$` is for the caller to see to.
    ///
    /// # Errors
    /// If it is no message: the close that refuses it.
    pub fn parse(text: &str) -> Result<Self, Close> {
        let value = serde_json::from_str(text)
            .map_err(|_| Close::new(Close::INVALID_PAYLOAD, "the frame is not JSON"))?;
        Self::from_value(value).map_err(|reason| Close::new(Close::BAD_MESSAGE, reason))
    }

    fn from_value(value: Value) -> Result<Self, &'static str> {
        let Value::Object(mut fields) = value else {
            return Err("the frame is not an object");
        };
        let kind = match fields.remove("type") {
            Some(Value::String(kind)) if !kind.is_empty() => kind,
            _ => return Err("the message has no type"),
        };
        Ok(Self {
            kind,
            id: request_id(&mut fields)?,
            data: fields.remove("data").unwrap_or_default(),
        })
    }
}

pub(crate) fn request_id(
    fields: &mut Map<String, Value>,
) -> Result<Option<RequestId>, &'static str> {
    match fields.remove("id") {
        None | Some(Value::Null) => Ok(None),
        Some(id) if id.is_number() || id.is_string() => Ok(Some(RequestId(id))),
        Some(_) => Err("the id is neither number nor string"),
    }
}

/// Why a message cannot be sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MessageError {
    /// Types that begin with `$` belong to the protocol.
    #[error("message types that begin with $ are reserved: choose another type")]
    ReservedType,
    /// The data has no JSON form, for example a map whose keys are not strings.
    #[error("the data cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// A message to clients, serialised once: clones share the text.
#[derive(Clone, Debug)]
pub struct Outgoing(Utf8Bytes);

#[derive(Serialize)]
struct Layout<'a, T> {
    #[serde(rename = "type")]
    kind: &'a str,
    data: &'a T,
    #[serde(skip_serializing_if = "Option::is_none")]
    re: Option<&'a RequestId>,
}

impl Outgoing {
    /// `{"type":kind,"data":data}`.
    ///
    /// # Errors
    /// If the type is reserved or the data has no JSON form.
    pub fn new<T: Serialize>(kind: &str, data: &T) -> Result<Self, MessageError> {
        Self::with_re(kind, data, None)
    }

    /// `{"type":kind,"data":data,"re":id}`: the answer to the request `id`.
    ///
    /// # Errors
    /// If the type is reserved or the data has no JSON form.
    pub fn answer<T: Serialize>(
        id: &RequestId,
        kind: &str,
        data: &T,
    ) -> Result<Self, MessageError> {
        Self::with_re(kind, data, Some(id))
    }

    /// `{"type":"error","data":{"code","message"}}`, with `re` if a request is refused.
    ///
    /// `code` is a stable kebab-case word for programs, `message` says what to do.
    pub fn error(id: Option<&RequestId>, code: &str, message: &str) -> Self {
        let mut frame = Map::new();
        frame.insert("type".to_owned(), Value::from("error"));
        frame.insert(
            "data".to_owned(),
            json!({ "code": code, "message": message }),
        );
        if let Some(RequestId(id)) = id {
            frame.insert("re".to_owned(), id.clone());
        }
        Self(Value::Object(frame).to_string().into())
    }

    /// The answer to a heartbeat.
    pub(crate) fn pong() -> Self {
        Self(Utf8Bytes::from_static(r#"{"type":"pong","data":null}"#))
    }

    /// The answer to a heartbeat that was sent as a request.
    pub(crate) fn pong_to(RequestId(id): &RequestId) -> Self {
        Self(
            json!({ "type": "pong", "data": null, "re": id })
                .to_string()
                .into(),
        )
    }

    /// The frame's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its size in UTF-8 bytes.
    pub(crate) fn size(&self) -> u32 {
        u32::try_from(self.0.len()).unwrap_or(u32::MAX)
    }

    pub(crate) fn text(&self) -> Utf8Bytes {
        self.0.clone()
    }

    fn with_re<T: Serialize>(
        kind: &str,
        data: &T,
        re: Option<&RequestId>,
    ) -> Result<Self, MessageError> {
        if kind.starts_with('$') {
            return Err(MessageError::ReservedType);
        }
        let text = serde_json::to_string(&Layout { kind, data, re })?;
        Ok(Self(text.into()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn frames_that_are_no_message_have_their_close_code() {
        let deep = "[".repeat(5_000);
        for (text, code) in [
            ("{", Close::INVALID_PAYLOAD),
            ("", Close::INVALID_PAYLOAD),
            (deep.as_str(), Close::INVALID_PAYLOAD),
            ("[]", Close::BAD_MESSAGE),
            (r#"["chat",1]"#, Close::BAD_MESSAGE),
            ("7", Close::BAD_MESSAGE),
            ("{}", Close::BAD_MESSAGE),
            (r#"{"type":""}"#, Close::BAD_MESSAGE),
            (r#"{"type":7}"#, Close::BAD_MESSAGE),
            (r#"{"type":"a","id":{}}"#, Close::BAD_MESSAGE),
        ] {
            assert_eq!(Incoming::parse(text).unwrap_err().code, code, "{text:.20}");
        }
    }

    #[test]
    fn a_request_is_answered_with_its_own_id() {
        let request = Incoming::parse(r#"{"type":"sum","data":[1,2],"id":7}"#).unwrap();
        assert_eq!(request.data, json!([1, 2]));
        let answer = Outgoing::answer(&request.id.unwrap(), "sum", &3).unwrap();
        assert_eq!(answer.as_str(), r#"{"type":"sum","data":3,"re":7}"#);
    }

    #[test]
    fn reserved_types_are_refused() {
        let refused = Outgoing::new("$ack", &());
        assert!(matches!(refused, Err(MessageError::ReservedType)));
    }
}
