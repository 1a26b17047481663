//! Counting tests from what the test runners print.

use std::ops::AddAssign;

/// How many tests went which way.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Tally {
    /// Did what they should.
    pub passed: u64,
    /// Did not.
    pub failed: u64,
    /// Were not run.
    pub skipped: u64,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

/// Who printed the output.
#[derive(Clone, Copy)]
pub enum Runner {
    /// `cargo test` and wasm-bindgen's runner.
    Cargo,
    /// `node --test`.
    Node,
    /// pytest.
    Pytest,
}

/// Adds up every summary in `output`.
pub fn count(runner: Runner, output: &str) -> Tally {
    let mut tally = Tally::default();
    for line in output.lines() {
        tally += match runner {
            Runner::Cargo => cargo_summary(line),
            Runner::Node => node_summary(line),
            Runner::Pytest => pytest_summary(line),
        };
    }
    tally
}

/// `test result: ok. 3 passed; 1 failed; 2 ignored; …`, printed once per test binary.
fn cargo_summary(line: &str) -> Tally {
    let Some((_, counts)) = line
        .trim()
        .strip_prefix("test result: ")
        .and_then(|rest| rest.split_once(". "))
    else {
        return Tally::default();
    };
    counted(counts.split("; "))
}

/// `# pass 3` in TAP, `ℹ pass 3` for people.
fn node_summary(line: &str) -> Tally {
    let Some(counts) = line.strip_prefix("# ").or_else(|| line.strip_prefix("ℹ ")) else {
        return Tally::default();
    };
    match counts.split_once(' ') {
        Some((word, number)) => number
            .trim()
            .parse()
            .map_or_else(|_| Tally::default(), |n| tally_of(word, n)),
        None => Tally::default(),
    }
}

/// `===== 3 passed, 1 skipped in 0.52s =====`, or the same without the frame.
fn pytest_summary(line: &str) -> Tally {
    let text = line.trim_matches(['=', ' ']);
    match text.split_once(" in ") {
        Some((counts, duration)) if duration.contains('s') => counted(counts.split(", ")),
        _ => Tally::default(),
    }
}

/// Adds up items such as `3 passed`.
fn counted<'a>(items: impl Iterator<Item = &'a str>) -> Tally {
    let mut tally = Tally::default();
    for item in items {
        if let Some((number, word)) = item.split_once(' ') {
            tally += number
                .parse()
                .map_or_else(|_| Tally::default(), |n| tally_of(word, n));
        }
    }
    tally
}

fn tally_of(word: &str, number: u64) -> Tally {
    let mut tally = Tally::default();
    match word {
        "passed" | "pass" => tally.passed = number,
        "failed" | "fail" | "error" | "errors" | "cancelled" => tally.failed = number,
        "skipped" | "ignored" | "todo" => tally.skipped = number,
        _ => {}
    }
    tally
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(runner: Runner, output: &str, [passed, failed, skipped]: [u64; 3]) {
        assert_eq!(
            count(runner, output),
            Tally {
                passed,
                failed,
                skipped
            },
            "{output}"
        );
    }

    #[test]
    fn cargo_summaries_are_added_up() {
        let two = "test a ... ok\n\
                   test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.1s\n\
                   test result: FAILED. 2 passed; 4 failed; 0 ignored; 0 measured; 0 filtered out\n";
        check(Runner::Cargo, two, [5, 4, 1]);
        check(Runner::Cargo, "running 3 passed tests\n", [0, 0, 0]);
    }

    #[test]
    fn node_summaries_are_read_in_both_forms() {
        check(
            Runner::Node,
            "ok 1 - a\n# tests 4\n# pass 2\n# fail 1\n# cancelled 1\n# skipped 0\n",
            [2, 2, 0],
        );
        check(
            Runner::Node,
            "ℹ pass 7\nℹ fail 0\nℹ skipped 1\nℹ duration_ms 12.5\n",
            [7, 0, 1],
        );
    }

    #[test]
    fn pytest_summaries_are_read_with_and_without_the_frame() {
        check(
            Runner::Pytest,
            "=== 1 failed, 4 passed, 2 skipped in 0.52s ===\n",
            [4, 1, 2],
        );
        check(Runner::Pytest, "12 passed in 1.20s\n", [12, 0, 0]);
        check(Runner::Pytest, "5 passed the gate\n", [0, 0, 0]);
    }
}
