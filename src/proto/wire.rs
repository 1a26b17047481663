//! The JSON layout of frames, known here and nowhere else in the engine.
//!
//! A frame is one object `{"type","data"}`; a request adds `"id"`, its answer carries `"re"`. In reliable mode a message adds
//! `"seq"` and perhaps `"ack"`, and a frame may be an array of messages. The engine writes only the frames below itself.
//! Application payloads pass through as they are.

use alloc::string::String;

use super::frames::{Beat, NUMBER_MAX, Open};
use super::reliable::Body;

/// The heartbeat's question.
pub const PING: &str = r#"{"type":"ping","data":null}"#;

/// The heartbeat's answer.
pub const PONG: &str = r#"{"type":"pong","data":null}"#;

/// The first frame of a connection that authenticates by message.
pub(crate) fn auth(token: &str) -> String {
    with_token("auth", token)
}

/// `$auth` with a fresh token.
pub(crate) fn fresh_token(token: &str) -> String {
    with_token("$auth", token)
}

/// `$open`.
pub(crate) fn open(open: &Open) -> String {
    let mut frame = begun("$open");
    push_field(&mut frame, "v", 1);
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
        push_name(&mut frame, "resume");
        frame.push('{');
        push_field(&mut frame, "rx", resume.rx);
        for (name, text) in [
            ("sid", resume.sid.as_str()),
            ("key", resume.key.secret()),
            ("epoch", resume.epoch.as_str()),
        ] {
            push_text(&mut frame, name, text);
        }
        frame.push('}');
    }
    ended(frame)
}

/// `$ack`.
pub(crate) fn ack(ack: u64) -> String {
    with_numbers("$ack", &[("ack", Some(ack))])
}

/// `$bye`.
pub(crate) fn bye(ack: u64) -> String {
    with_numbers("$bye", &[("ack", Some(ack))])
}

/// `$ping`, or `$pong`.
pub(crate) fn beat(kind: &str, beat: Beat) -> String {
    let numbers = [("t", Some(beat.t)), ("ack", beat.ack), ("tx", beat.tx)];
    with_numbers(kind, &numbers)
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
    leading_number(rest).map(|(number, _)| number)
}

/// A text that is a number of the protocol in decimal digits, and nothing else.
pub fn whole(text: &str) -> Option<u64> {
    let (number, digits) = leading_number(text.as_bytes())?;
    (digits == text.len() && number <= NUMBER_MAX).then_some(number)
}

/// The number that a text begins with, and how many digits it has. One that is too large saturates.
fn leading_number(text: &[u8]) -> Option<(u64, usize)> {
    let mut number = 0;
    let mut digits = 0;
    for byte in text {
        if !byte.is_ascii_digit() {
            break;
        }
        digits += 1;
        number = match number {
            sum if sum < u64::MAX / 10 => sum * 10 + u64::from(byte - b'0'),
            _ => u64::MAX,
        };
    }
    (digits > 0).then_some((number, digits))
}

fn with_token(kind: &str, token: &str) -> String {
    let mut frame = begun(kind);
    push_text(&mut frame, "token", token);
    ended(frame)
}

fn with_numbers(kind: &str, numbers: &[(&str, Option<u64>)]) -> String {
    let mut frame = begun(kind);
    for (name, value) in numbers {
        if let Some(value) = *value {
            push_field(&mut frame, name, value);
        }
    }
    ended(frame)
}

/// A frame whose data is to come.
fn begun(kind: &str) -> String {
    let mut frame = String::from(r#"{"type":""#);
    frame.push_str(kind);
    frame.push_str(r#"","data":{"#);
    frame
}

fn ended(mut frame: String) -> String {
    frame.push_str("}}");
    frame
}

fn push_name(out: &mut String, name: &str) {
    out.push_str(if out.ends_with('{') { "\"" } else { ",\"" });
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
