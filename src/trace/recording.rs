//! What is kept: the beginning, which can be run again, and the latest, which can be read.

use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;

use super::line::Line;

/// The version of the format.
pub const VERSION: u64 = 1;
/// The beginning is kept up to so many bytes, and of what comes after it the latest: 1 MiB together.
const MOST_BYTES: usize = 512 << 10;

#[derive(Debug)]
pub(super) struct Recording {
    begin: String,
    steps: String,
    /// How many steps `steps` has.
    kept: u64,
    recent: VecDeque<String>,
    recent_bytes: usize,
    /// Steps between the beginning and the latest that are lost.
    lost: u64,
    /// A step did not fit: what follows is no longer the beginning.
    is_full: bool,
}

impl Recording {
    pub(super) fn new(begin: String) -> Self {
        Self {
            begin,
            steps: String::new(),
            kept: 0,
            recent: VecDeque::new(),
            recent_bytes: 0,
            lost: 0,
            is_full: false,
        }
    }

    pub(super) fn push(&mut self, step: Line) {
        let step = step.finish();
        self.is_full |= self.steps.len() + step.len() >= MOST_BYTES;
        if !self.is_full {
            self.steps.push_str(&step);
            self.steps.push('\n');
            self.kept += 1;
            return;
        }
        self.recent_bytes += step.len();
        self.recent.push_back(step);
        while self.recent_bytes > MOST_BYTES
            && let Some(step) = self.recent.pop_front()
        {
            self.recent_bytes -= step.len();
            self.lost += 1;
        }
    }

    pub(super) fn steps(&self) -> &str {
        &self.steps
    }

    /// Lines of one object: the beginning, its steps, how it ends, and what came much later.
    pub(super) fn to_json(&self, is_drained: bool) -> String {
        let mut text = format!("{{\"begin\":{},\n\"steps\":[", self.begin);
        push_lines(&mut text, self.steps.lines());
        if is_drained && !self.is_full {
            text.push_str(",\n\"drained\":true");
        }
        text.push_str(&format!(",\n\"lost\":{},\n\"recent\":[", self.lost));
        push_lines(&mut text, self.recent.iter().map(String::as_str));
        text.push_str("}\n");
        text
    }
}

fn push_lines<'a>(text: &mut String, lines: impl Iterator<Item = &'a str>) {
    for (index, line) in lines.enumerate() {
        text.push_str(if index > 0 { ",\n" } else { "\n" });
        text.push_str(line);
    }
    text.push_str("\n]");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(number: u64) -> Line {
        Line::new().number("step", number)
    }

    #[test]
    fn the_beginning_and_the_latest_are_kept_within_the_bound() {
        let mut recording = Recording::new("{}".into());
        let numbers = 0..200_000;
        for number in numbers.clone() {
            recording.push(step(number));
        }
        let text = recording.to_json(true);
        let read: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
        let steps = |name: &str| -> Vec<u64> {
            let steps = read[name].as_array().expect("a list");
            steps
                .iter()
                .filter_map(|step| step["step"].as_u64())
                .collect()
        };
        let (first, recent) = (steps("steps"), steps("recent"));
        let lost = read["lost"].as_u64().expect("a number");
        assert_eq!(first, (0..first.len() as u64).collect::<Vec<_>>());
        assert_eq!(recent.first(), Some(&(first.len() as u64 + lost)));
        assert_eq!(recent.last(), numbers.last().as_ref());
        assert!(lost > 0 && text.len() < 1_300_000, "{lost} {}", text.len());
        assert!(read.get("drained").is_none());
    }

    #[test]
    fn a_short_one_is_whole() {
        let mut recording = Recording::new("{}".into());
        recording.push(step(1));
        let read: serde_json::Value =
            serde_json::from_str(&recording.to_json(true)).expect("it is JSON");
        let whole = serde_json::json!({
            "begin": {}, "steps": [{"step": 1}], "drained": true, "lost": 0, "recent": []
        });
        assert_eq!(read, whole);
    }
}
