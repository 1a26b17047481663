//! The JSON layout of frames, known here and nowhere else in the engine.
//!
//! A frame is one object `{"type","data"}`; a request adds `"id"`, its answer carries `"re"`. The engine writes only
//! the frames below itself. Application payloads pass through as they are.

use alloc::string::String;

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

/// The number in a close reason of the form `{"retry_after_ms":1500}`.
pub(crate) fn retry_after_ms(reason: &str) -> Option<u64> {
    const NAME: &[u8] = br#""retry_after_ms""#;
    // Bytes, since searching a text with the standard library's means takes a kilobyte of wasm.
    let reason = reason.as_bytes();
    let at = reason
        .windows(NAME.len())
        .position(|window| window == NAME)?;
    let rest = reason.get(at + NAME.len()..)?.trim_ascii_start();
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
