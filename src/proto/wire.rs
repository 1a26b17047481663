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
    let (_, rest) = reason.split_once(r#""retry_after_ms""#)?;
    let digits = rest.trim_start().strip_prefix(':')?.trim_start();
    let end = digits
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(digits.len());
    let number = digits.get(..end).filter(|number| !number.is_empty())?;
    Some(number.bytes().fold(0_u64, |sum, digit| {
        sum.saturating_mul(10)
            .saturating_add(u64::from(digit - b'0'))
    }))
}

fn push_escaped(out: &mut String, text: &str) {
    const HEX: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f',
    ];
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            '\0'..='\x1f' => {
                let code = c as usize;
                out.push_str("\\u00");
                out.extend(HEX.get(code >> 4));
                out.extend(HEX.get(code & 15));
            }
            _ => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_escaped_as_json_asks() {
        assert_eq!(
            auth("a\"b\\c\n\u{1f}é"),
            r#"{"type":"auth","data":{"token":"a\"b\\c\u000a\u001fé"}}"#
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
