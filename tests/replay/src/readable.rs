//! Steps for people.

use serde_json::Value;

/// One step as a line: the time if it has one, whether it went into the engine or came out, and the rest in words.
pub fn readable(step: &Value) -> String {
    let Some(fields) = step.as_object() else {
        return step.to_string();
    };
    let time = fields.get("t").and_then(Value::as_u64);
    let time = time.map_or(String::new(), |ms| {
        format!("{}.{:03} s", ms / 1_000, ms % 1_000)
    });
    let arrow = match time.is_empty() {
        true => "  <-",
        false => "->",
    };
    let mut line = format!("{time:>12} {arrow}");
    for (name, value) in fields.iter().filter(|(name, _)| *name != "t") {
        match name.as_str() {
            "in" | "do" | "out" | "event" => line.push_str(&format!(" {}", words(value))),
            _ => line.push_str(&format!(" {name}={}", words(value))),
        }
    }
    line
}

fn words(value: &Value) -> String {
    match value.as_str() {
        Some(text) if !text.is_empty() && !text.contains(char::is_whitespace) => text.to_owned(),
        _ => value.to_string(),
    }
}
