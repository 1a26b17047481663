//! One step as JSON on one line.

use alloc::format;
use alloc::string::{String, ToString};
use core::fmt::Debug;

/// The object that a step is written as.
#[derive(Debug)]
pub(super) struct Line(String);

impl Line {
    pub(super) fn new() -> Self {
        Self(String::from("{"))
    }

    pub(super) fn raw(mut self, name: &str, json: &str) -> Self {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        push_text(&mut self.0, name);
        self.0.push(':');
        self.0.push_str(json);
        self
    }

    pub(super) fn number(self, name: &str, value: impl Into<u64>) -> Self {
        self.raw(name, &value.into().to_string())
    }

    pub(super) fn maybe(self, name: &str, value: Option<u64>) -> Self {
        match value {
            Some(value) => self.number(name, value),
            None => self,
        }
    }

    pub(super) fn word(self, name: &str, text: &str) -> Self {
        self.raw(name, &quoted(text))
    }

    /// The name of a case without data.
    pub(super) fn case(self, name: &str, case: impl Debug) -> Self {
        self.word(name, &kebab(case))
    }

    pub(super) fn flag(self, name: &str) -> Self {
        self.raw(name, "true")
    }

    pub(super) fn finish(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

/// The name of a case without data, in lower case with hyphens.
pub fn kebab(case: impl Debug) -> String {
    let mut name = String::new();
    for letter in format!("{case:?}").chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('-');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}

/// A list of things that are JSON already.
pub(super) fn list(items: impl IntoIterator<Item = String>) -> String {
    let mut text = String::from("[");
    for item in items {
        if text.len() > 1 {
            text.push(',');
        }
        text.push_str(&item);
    }
    text.push(']');
    text
}

pub(super) fn quoted(text: &str) -> String {
    let mut out = String::new();
    push_text(&mut out, text);
    out
}

fn push_text(out: &mut String, text: &str) {
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' | '\\' => out.extend(['\\', letter]),
            '\0'..' ' => out.push_str(&format!("\\u{:04x}", u32::from(letter))),
            _ => out.push(letter),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_json() {
        let line = Line::new()
            .number("t", 5_u32)
            .word("say", "\"a\\b\"\n\u{1f}é")
            .maybe("no", None)
            .flag("yes")
            .raw("list", &list([quoted("a"), quoted("b")]))
            .finish();
        let read: serde_json::Value = serde_json::from_str(&line).expect("it is JSON");
        let expected = serde_json::json!({
            "t": 5, "say": "\"a\\b\"\n\u{1f}é", "yes": true, "list": ["a", "b"]
        });
        assert_eq!(read, expected);
        assert!(!line.contains('\n'));
    }

    #[test]
    fn a_case_has_hyphens() {
        assert_eq!(kebab(crate::proto::Timer::TokenRefresh), "token-refresh");
    }
}
