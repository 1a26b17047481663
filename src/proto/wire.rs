//! The JSON layout of frames, known here and nowhere else in the engine.
//!
//! A frame is one object `{"type","data"}`; a request adds `"id"`, its answer carries `"re"`. In reliable mode a message adds
//! `"seq"` and perhaps `"ack"`, and a frame may be an array of messages. The engine writes only the frames below itself.
//! Application payloads pass through as they are.

use alloc::string::String;

use super::frames::{Beat, Open};
use super::reliable::Body;

/// The heartbeat's question.
pub const PING: &str = r#"{"type":"ping","data":null}"#;

/// The heartbeat's answer.
pub const PONG: &str = r#"{"type":"pong","data":null}"#;

/// The first frame of a connection that authenticates by message.
pub(crate) fn auth(token: &str) -> String {
    let mut frame = String::from(r#"{"type":"auth","data":{"token":""#);
    push_escaped(&mut frame, token);
    frame.push_str(r#""}}"#);
    frame
}

/// `$open`.
pub(crate) fn open(open: &Open) -> String {
    let mut frame = String::from(r#"{"type":"$open","data":{"v":1"#);
    push_text(&mut frame, "cid", &open.cid);
    if let Some(token) = &open.token {
        push_text(&mut frame, "token", token.secret());
    }
    for (name, value) in [
        ("n", open.n),
        ("tx0", open.tx0),
        ("tx", open.tx),
        ("max_frame", u64::from(open.max_frame)),
        ("window", u64::from(open.window)),
        ("window_bytes", u64::from(open.window_bytes)),
    ] {
        push_field(&mut frame, name, value);
    }
    if let Some(resume) = &open.resume {
        frame.push_str(r#","resume":{"rx":"#);
        push_number(&mut frame, resume.rx);
        push_text(&mut frame, "sid", &resume.sid);
        push_text(&mut frame, "key", resume.key.secret());
        push_text(&mut frame, "epoch", &resume.epoch);
        frame.push('}');
    }
    frame.push_str("}}");
    frame
}

/// `$ack`.
pub(crate) fn ack(ack: u64) -> String {
    with_number("$ack", "ack", ack)
}

/// `$bye`.
pub(crate) fn bye(ack: u64) -> String {
    with_number("$bye", "ack", ack)
}

/// `$ping`, or `$pong`.
pub(crate) fn beat(kind: &str, beat: Beat) -> String {
    let mut frame = with_number(kind, "t", beat.t);
    frame.truncate(frame.len() - 2);
    for (name, value) in [("ack", beat.ack), ("tx", beat.tx)] {
        if let Some(value) = value {
            push_field(&mut frame, name, value);
        }
    }
    frame.push_str("}}");
    frame
}

/// `$auth` with a fresh token.
pub(crate) fn fresh_token(token: &str) -> String {
    auth(token).replacen("auth", "$auth", 1)
}

/// What a message of a batch is besides its payload: the payload loses its last character, the closing brace, and this
/// takes its place. A message that is skipped has no payload.
pub fn tail<P>(body: &Body<P>, seq: u64, ack: Option<u64>) -> String {
    let mut tail = match body {
        Body::Message(_) | Body::Request(_) => String::new(),
        Body::Skip => String::from(r#"{"type":"$skip""#),
    };
    if matches!(body, Body::Request(_)) {
        push_field(&mut tail, "id", seq);
    }
    push_field(&mut tail, "seq", seq);
    if let Some(ack) = ack {
        push_field(&mut tail, "ack", ack);
    }
    tail.push('}');
    tail
}

/// The number in a close reason of the form `{"retry_after_ms":1500}`.
pub(crate) fn retry_after_ms(reason: &str) -> Option<u64> {
    number_in(reason, br#""retry_after_ms""#)
}

/// The number in a close reason of the form `{"n":5}`.
pub(crate) fn highest_n(reason: &str) -> Option<u64> {
    number_in(reason, br#""n""#)
}

fn number_in(reason: &str, name: &[u8]) -> Option<u64> {
    // Bytes, since searching a text with the standard library's means takes a kilobyte of wasm.
    let reason = reason.as_bytes();
    let at = reason
        .windows(name.len())
        .position(|window| window == name)?;
    let rest = reason.get(at + name.len()..)?.trim_ascii_start();
    let rest = rest.strip_prefix(b":")?.trim_ascii_start();
    rest.iter()
        .take_while(|byte| byte.is_ascii_digit())
        .map(|byte| u64::from(byte - b'0'))
        .fold(None, |sum: Option<u64>, digit| {
            Some(match sum.unwrap_or(0) {
                sum if sum < u64::MAX / 10 => sum * 10 + digit,
                _ => u64::MAX,
            })
        })
}

fn with_number(kind: &str, name: &str, value: u64) -> String {
    let mut frame = String::from(r#"{"type":""#);
    frame.push_str(kind);
    frame.push_str(r#"","data":{""#);
    frame.push_str(name);
    frame.push_str("\":");
    push_number(&mut frame, value);
    frame.push_str("}}");
    frame
}

fn push_name(out: &mut String, name: &str) {
    out.push_str(",\"");
    out.push_str(name);
    out.push_str("\":");
}

fn push_field(out: &mut String, name: &str, value: u64) {
    push_name(out, name);
    push_number(out, value);
}

fn push_text(out: &mut String, name: &str, text: &str) {
    push_name(out, name);
    out.push('"');
    push_escaped(out, text);
    out.push('"');
}

/// A number in decimal digits.
// Not by the standard library's formatting, which takes two kilobytes of wasm.
pub fn number(value: u64) -> String {
    let mut text = String::new();
    push_number(&mut text, value);
    text
}

fn push_number(out: &mut String, value: u64) {
    if value >= 10 {
        push_number(out, value / 10);
    }
    out.push(char::from(b'0' + (value % 10) as u8));
}

fn push_escaped(out: &mut String, text: &str) {
    let is_special = |byte: u8| byte < b' ' || byte == b'"' || byte == b'\\';
    let mut rest = text;
    while let Some((plain, special)) = rest
        .bytes()
        .position(is_special)
        .and_then(|at| rest.split_at_checked(at))
    {
        out.push_str(plain);
        let byte = special.as_bytes().first().copied().unwrap_or_default();
        out.push_str("\\u00");
        push_hex(out, byte);
        rest = special.get(1..).unwrap_or_default();
    }
    out.push_str(rest);
}

/// Two hexadecimal digits.
pub(crate) fn push_hex(out: &mut String, byte: u8) {
    const DIGITS: &str = "0123456789ABCDEF";
    for digit in [usize::from(byte >> 4), usize::from(byte & 15)] {
        out.push_str(DIGITS.get(digit..=digit).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_escaped_as_json_asks() {
        assert_eq!(
            auth("a\"b\\c\n\u{1f}é"),
            r#"{"type":"auth","data":{"token":"a\u0022b\u005Cc\u000A\u001Fé"}}"#
        );
    }

    #[test]
    fn a_hint_saturates_instead_of_overflowing() {
        let reason = r#"{"retry_after_ms":99999999999999999999999}"#;
        assert_eq!(retry_after_ms(reason), Some(u64::MAX));
    }

    #[test]
    fn a_reason_without_a_number_is_no_hint() {
        for reason in [
            "",
            "{}",
            r#"{"retry_after_ms":}"#,
            r#"{"retry_after_ms":"5"}"#,
        ] {
            assert_eq!(retry_after_ms(reason), None, "{reason}");
        }
    }
}
