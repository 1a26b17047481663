//! How frames are read and written, for fuzzers.

use serde_json::Value;

use super::batch;
use super::codec::{self, Decoded};
use crate::proto::frames::Part;
use crate::proto::{Content, MessageId};

/// A frame of reliable mode: its parts, and each message as far as it is the application's and can be read.
pub fn batch(text: &str) -> Option<(Vec<Part>, Vec<Option<Value>>)> {
    let (parts, decoded) = batch::read(text)?;
    Some((parts, decoded.into_iter().map(message).collect()))
}

/// A frame of plain mode, and what it says as far as it can be read.
pub fn plain(text: &str) -> (Content, Option<Value>) {
    let (frame, decoded) = codec::read(text);
    (frame.content, message(decoded))
}

/// A message as a frame; `None` if it is refused.
pub fn write(message: &Value, id: Option<MessageId>) -> Option<String> {
    codec::write(message, id).ok().map(|written| written.text)
}

fn message(decoded: Option<Decoded<Value>>) -> Option<Value> {
    match decoded? {
        Decoded::Message(message) => Some(message),
        Decoded::Failure { .. } | Decoded::Unreadable { .. } => None,
    }
}
