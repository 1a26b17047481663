//! Authentication: where a token goes, and what must never show it.

use alloc::string::String;
use core::fmt;

use super::wire;

/// A secret that no debug print shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// Wraps a secret.
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    /// The secret itself, for whoever writes or checks it.
    pub fn secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// How a token reaches the server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AuthVia {
    /// There is no token, and no provider is asked.
    #[default]
    Nothing,
    /// As the first frame, `{"type":"auth","data":{"token"}}`, before anything that was queued.
    Message,
    /// As a query parameter of this name. Servers log it: prefer `Message`.
    Query(String),
    /// As the last subprotocol offered, after the configured ones. Only letters, digits and `!#$%&'*+-.^_|~` and a backtick pass.
    Subprotocol,
    /// By a cookie that the provider has set: the provider is awaited and nothing is sent.
    Cookie,
}

/// Why a token is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenReason {
    /// A connection attempt begins: a token that is still good will do.
    Connect,
    /// The last one was refused, or handshakes keep failing: a fresh one is needed.
    Refused,
    /// The one in use nears its end while connected.
    Refresh,
}

/// Whether a subprotocol can carry this token: RFC 9110 `token` characters only.
pub(crate) fn is_subprotocol(token: &str) -> bool {
    !token.is_empty()
        && token
            .bytes()
            .all(|b| b.is_ascii_graphic() && !matches!(b, b'"' | b'(' | b')' | b',' | b'/' | b':'..=b'@' | b'['..=b']' | b'{' | b'}'))
}

/// Adds a query parameter, percent-encoded.
pub(crate) fn push_query(url: &mut String, name: &str, value: &str) {
    let has_query = url.bytes().any(|byte| byte == b'?');
    url.push_str(if has_query { "&" } else { "?" });
    push_encoded(url, name);
    url.push('=');
    push_encoded(url, value);
}

fn push_encoded(out: &mut String, text: &str) {
    for (at, byte) in text.bytes().enumerate() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push_str(text.get(at..=at).unwrap_or_default());
        } else {
            out.push('%');
            wire::push_hex(out, byte);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_does_not_show_in_a_debug_print() {
        assert_eq!(format!("{:?}", Token::new("hunter2")), "Token(…)");
    }

    #[test]
    fn a_query_parameter_is_encoded_and_joins_what_is_there() {
        let mut url = "ws://host/ws".to_owned();
        push_query(&mut url, "token", "a b&é");
        assert_eq!(url, "ws://host/ws?token=a%20b%26%C3%A9");
        push_query(&mut url, "x", "1");
        assert_eq!(url, "ws://host/ws?token=a%20b%26%C3%A9&x=1");
    }

    #[test]
    fn only_header_tokens_pass_as_subprotocols() {
        assert!(is_subprotocol("eyJhbGciOi.J9-_x"));
        for bad in ["", "a b", "a,b", "a=b", "é"] {
            assert!(!is_subprotocol(bad), "{bad}");
        }
    }
}
