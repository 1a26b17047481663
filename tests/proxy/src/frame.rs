//! WebSocket frames as the proxy sees them: cut out of a stream of bytes, read, changed and written again.

use std::io::Cursor;

use serde_json::Value;
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use crate::fault::Garbage;

/// The close code that stands for a close frame without one.
const NO_CODE: u16 = 1005;
/// What a client that follows the standard never nests, and many parsers cannot.
const DEPTH: usize = 5_000;
const LARGE_BYTES: usize = 17_000_000;
/// A masked frame has a mask; one of zeros is as good for a test, and the payload stays readable.
const MASK: [u8; 4] = [0; 4];

/// A frame with its payload unmasked.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    header: FrameHeader,
    payload: Vec<u8>,
}

/// Who writes a frame that the proxy makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Writer {
    /// Its frames are masked.
    Client,
    Server,
}

impl Frame {
    fn new(writer: Writer, opcode: OpCode, payload: Vec<u8>) -> Self {
        let header = FrameHeader {
            opcode,
            mask: (writer == Writer::Client).then_some(MASK),
            ..FrameHeader::default()
        };
        Self { header, payload }
    }

    pub(crate) fn close(writer: Writer, code: u16, reason: &str) -> Self {
        let mut payload = Vec::new();
        if code != NO_CODE {
            payload.extend(code.to_be_bytes());
            payload.extend(reason.as_bytes());
        }
        Self::new(writer, OpCode::Control(Control::Close), payload)
    }

    pub(crate) fn garbage(writer: Writer, garbage: Garbage) -> Self {
        let (data, payload) = match garbage {
            Garbage::Text => (Data::Text, b"{\"type\": nonsense".to_vec()),
            Garbage::InvalidUtf8 => (Data::Text, vec![b'"', 0xC3, 0x28, b'"']),
            Garbage::Binary => (Data::Binary, vec![0, 1, 2, 3]),
            Garbage::Deep => (
                Data::Text,
                [b"[".repeat(DEPTH), b"]".repeat(DEPTH)].concat(),
            ),
            Garbage::Large => {
                let filler = "x".repeat(LARGE_BYTES);
                let text = format!(r#"{{"type":"large","data":"{filler}"}}"#);
                (Data::Text, text.into_bytes())
            }
            Garbage::Reserved => (
                Data::Text,
                br#"{"type":"$reserved","data":null,"seq":1}"#.to_vec(),
            ),
            Garbage::Prototype => (
                Data::Text,
                br#"{"type":"__proto__","data":{"__proto__":{"seq":1},"constructor":{"prototype":{}}}}"#.to_vec(),
            ),
        };
        Self::new(writer, OpCode::Data(data), payload)
    }

    /// A whole message of text or bytes, and not a part of one.
    pub(crate) fn is_message(&self) -> bool {
        let is_first = matches!(
            self.header.opcode,
            OpCode::Data(Data::Text) | OpCode::Data(Data::Binary)
        );
        is_first && self.header.is_final
    }

    pub(crate) fn is_close(&self) -> bool {
        self.header.opcode == OpCode::Control(Control::Close)
    }

    /// Overwrites `field` in the first message, or in its data. Whether one of them had it.
    pub(crate) fn rewrite(&mut self, field: &str, value: &Value) -> bool {
        let Ok(mut frame) = serde_json::from_slice::<Value>(&self.payload) else {
            return false;
        };
        let first = if frame.is_array() {
            frame.get_mut(0)
        } else {
            Some(&mut frame)
        };
        let Some(Value::Object(message)) = first else {
            return false;
        };
        let place = match message.contains_key(field) {
            true => message.get_mut(field),
            false => message.get_mut("data").and_then(|data| data.get_mut(field)),
        };
        let Some(place) = place else { return false };
        place.clone_from(value);
        self.payload = frame.to_string().into_bytes();
        true
    }

    /// As it goes over TCP.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.payload.len() + 14);
        // Writing to memory cannot fail.
        let _ = self.header.format(self.payload.len() as u64, &mut bytes);
        let masked = apply_mask(self.header.mask, self.payload);
        bytes.extend(masked);
        bytes
    }
}

fn apply_mask(mask: Option<[u8; 4]>, mut payload: Vec<u8>) -> Vec<u8> {
    if let Some(mask) = mask {
        for (byte, mask) in payload.iter_mut().zip(mask.into_iter().cycle()) {
            *byte ^= mask;
        }
    }
    payload
}

/// What comes out of a stream of bytes.
#[derive(Debug)]
pub(crate) enum Piece {
    Frame(Frame),
    /// Bytes that are no frame, and all that follow them.
    Raw(Vec<u8>),
}

/// Cuts a stream of bytes into frames, or passes it as it is.
#[derive(Debug)]
pub(crate) struct Splitter {
    buffer: Vec<u8>,
    frames: bool,
}

impl Splitter {
    /// `frames`: whether the stream is one of frames at all.
    pub(crate) fn new(frames: bool) -> Self {
        Self {
            buffer: Vec::new(),
            frames,
        }
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole piece.
    pub(crate) fn next(&mut self) -> Option<Piece> {
        if self.frames {
            let mut cursor = Cursor::new(&self.buffer);
            match FrameHeader::parse(&mut cursor) {
                Ok(Some((header, length))) => return self.take(header, cursor.position(), length),
                Ok(None) => return None,
                Err(_) => self.frames = false,
            }
        }
        (!self.buffer.is_empty()).then(|| Piece::Raw(std::mem::take(&mut self.buffer)))
    }

    fn take(&mut self, header: FrameHeader, start: u64, length: u64) -> Option<Piece> {
        let start = usize::try_from(start).ok()?;
        let end = start.checked_add(usize::try_from(length).ok()?)?;
        let payload = self.buffer.get(start..end)?.to_vec();
        self.buffer.drain(..end);
        let payload = apply_mask(header.mask, payload);
        Some(Piece::Frame(Frame { header, payload }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(writer: Writer, text: &str) -> Frame {
        Frame::new(writer, OpCode::Data(Data::Text), text.as_bytes().to_vec())
    }

    #[test]
    fn frames_are_found_wherever_the_stream_was_cut() {
        let frames = [text(Writer::Client, "one"), text(Writer::Server, "two")];
        let bytes: Vec<u8> = frames.into_iter().flat_map(Frame::into_bytes).collect();
        let mut splitter = Splitter::new(true);
        let mut seen = Vec::new();
        for byte in bytes {
            splitter.push(&[byte]);
            while let Some(piece) = splitter.next() {
                match piece {
                    Piece::Frame(frame) => seen.push(String::from_utf8(frame.payload).unwrap()),
                    Piece::Raw(raw) => panic!("{raw:?} is no frame"),
                }
            }
        }
        assert_eq!(seen, ["one", "two"]);
    }

    #[test]
    fn a_field_is_rewritten_in_the_message_or_its_data() {
        for (before, after) in [
            (r#"{"seq":4,"type":"a"}"#, Some(r#"{"seq":0,"type":"a"}"#)),
            (r#"[{"seq":4},{"seq":5}]"#, Some(r#"[{"seq":0},{"seq":5}]"#)),
            (r#"{"data":{"seq":4}}"#, Some(r#"{"data":{"seq":0}}"#)),
            (r#"{"data":{}}"#, None),
            ("nonsense", None),
        ] {
            let mut frame = text(Writer::Client, before);
            let changed = frame.rewrite("seq", &Value::from(0));
            assert_eq!(changed, after.is_some(), "{before}");
            let now = String::from_utf8(frame.payload).unwrap();
            assert_eq!(now, after.unwrap_or(before));
        }
    }
}
