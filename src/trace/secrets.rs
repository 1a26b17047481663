//! What must not show: each distinct secret gets a number, so that equal ones can be seen to be equal.

use alloc::string::String;
use alloc::vec::Vec;
use alloc::{borrow::ToOwned, format};
use core::fmt;

use super::line::quoted;

/// Beyond so many they are no longer told apart.
const MOST: usize = 1_000;

/// No error code of a server is longer, in bytes.
const CODE_BYTES: usize = 32;

#[derive(Default)]
pub(super) struct Secrets(Vec<String>);

impl Secrets {
    /// The JSON text that stands for a secret. One that no subprotocol could carry is in parentheses, which none could either.
    pub(super) fn hide(&mut self, secret: &str) -> String {
        if secret.is_empty() {
            return quoted("");
        }
        let known = self.0.iter().position(|known| known == secret);
        let number = known.or_else(|| {
            let is_room = self.0.len() < MOST;
            is_room.then(|| {
                self.0.push(secret.to_owned());
                self.0.len() - 1
            })
        });
        let name = number.map_or("#".to_owned(), |index| format!("#{}", index + 1));
        match crate::proto::is_subprotocol(secret) {
            true => quoted(&name),
            false => quoted(&format!("({name})")),
        }
    }

    /// An error code of the server: the engine knows some of them. A word without digits is no secret.
    pub(super) fn code(&mut self, code: &str) -> String {
        let is_word = |byte: u8| byte.is_ascii_lowercase() || byte == b'-';
        match code.len() <= CODE_BYTES && code.bytes().all(is_word) {
            true => quoted(code),
            false => self.hide(code),
        }
    }

    pub(super) fn get(&self, number: usize) -> Option<&str> {
        let secret = self.0.get(number.checked_sub(1)?);
        secret.map(String::as_str)
    }

    /// A frame of the engine's own with every text in it hidden but its type.
    pub(super) fn hide_in(&mut self, frame: &str) -> String {
        let mut out = String::new();
        let mut rest = frame;
        let mut name = String::new();
        while let Some((before, text, after)) = split_text(rest) {
            out.push_str(before);
            let is_name = after.starts_with(':');
            if is_name || name == "type" {
                out.push_str(&quoted(&text));
            } else {
                out.push_str(&self.hide(&text));
            }
            name = if is_name { text } else { String::new() };
            rest = after;
        }
        out.push_str(rest);
        out
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({})", self.0.len())
    }
}

/// A URL without what may identify somebody: user, password, query and fragment.
pub(super) fn bare_url(url: &str) -> String {
    let end = url.find(['?', '#']).unwrap_or(url.len());
    let url = url.get(..end).unwrap_or_default();
    let Some((scheme, rest)) = url.split_once("//") else {
        return url.to_owned();
    };
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    format!("{scheme}//{host}{path}")
}

/// What stands before the first JSON text, the text itself, and what follows.
fn split_text(json: &str) -> Option<(&str, String, &str)> {
    let (before, rest) = json.split_once('"')?;
    let mut text = String::new();
    let mut letters = rest.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((before, text, rest.get(at + 1..)?)),
            '\\' => text.push(escaped(&mut letters)?),
            _ => text.push(letter),
        }
    }
    None
}

/// The character behind a backslash.
fn escaped(letters: &mut core::str::CharIndices<'_>) -> Option<char> {
    let (_, letter) = letters.next()?;
    if letter != 'u' {
        return Some(letter);
    }
    let mut code = 0;
    for _ in 0..4 {
        code = code * 16 + letters.next()?.1.to_digit(16)?;
    }
    char::from_u32(code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::{Token, frames::Open};

    #[test]
    fn equal_secrets_have_one_number() {
        let mut secrets = Secrets::default();
        let hidden = ["a", "b c", "a", ""].map(|secret| secrets.hide(secret));
        assert_eq!(hidden, ["\"#1\"", "\"(#2)\"", "\"#1\"", "\"\""]);
        assert_eq!(secrets.get(2), Some("b c"));
        assert!(!format!("{secrets:?}").contains("b c"));
    }

    #[test]
    fn a_code_shows_if_it_is_a_word() {
        let mut secrets = Secrets::default();
        assert_eq!(secrets.code("no-such-task"), "\"no-such-task\"");
        assert_eq!(secrets.code("a1"), "\"#1\"");
    }

    #[test]
    fn there_is_an_end_to_telling_them_apart() {
        let mut secrets = Secrets::default();
        for number in 0..MOST {
            secrets.hide(&format!("secret{number}"));
        }
        assert_eq!(secrets.hide("another"), "\"#\"");
        assert_eq!(secrets.hide("secret0"), "\"#1\"");
    }

    #[test]
    fn a_frame_of_the_engine_keeps_its_type_and_numbers() {
        let open = Open {
            cid: "00FF".to_owned(),
            n: 7,
            token: Some(Token::new("hun\"ter\\2")),
            tx0: 1,
            tx: 0,
            max_frame: 5,
            window: 6,
            window_bytes: 8,
            resume: None,
        };
        let mut secrets = Secrets::default();
        assert_eq!(secrets.hide("hun\"ter\\2"), "\"(#1)\"");
        assert_eq!(
            secrets.hide_in(&crate::proto::wire::open(&open)),
            r##"{"type":"$open","data":{"v":1,"cid":"#2","token":"(#1)","n":7,"tx0":1,"tx":0,"max_frame":5,"window":6,"window_bytes":8}}"##
        );
    }

    #[test]
    fn a_url_keeps_its_host_and_path() {
        for (url, bare) in [
            ("wss://user:pass@host:1/a/b?token=x#y", "wss://host:1/a/b"),
            ("ws://host?x=a@b", "ws://host"),
            ("ws://host/a@b", "ws://host/a@b"),
            ("nonsense?secret", "nonsense"),
        ] {
            assert_eq!(bare_url(url), bare);
        }
    }
}
