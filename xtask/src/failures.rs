//! Which tests failed and why, from what the test runners print.

use crate::tally::Runner;

/// Between the names of a suite and of what is in it.
const INSIDE: &str = " › ";
/// The most lines that are kept of one failure.
const LINES_MAX: usize = 60;

/// A test that failed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failure {
    /// The test, after the suites or the file that it is in.
    pub name: String,
    /// What its runner says of it, the message first.
    pub lines: Vec<String>,
}

impl Failure {
    /// The name and at most `most` lines, indented.
    pub fn show(&self, most: usize) -> String {
        let mut text = format!("  {}\n", self.name);
        for line in self.lines.iter().take(most) {
            text.push_str(&format!("      {line}\n"));
        }
        text
    }
}

/// The tests that failed, in the order of `output`.
pub fn find(runner: Runner, output: &str) -> Vec<Failure> {
    let mut failures = match runner {
        Runner::Cargo => cargo(output),
        Runner::Node => node(output),
        Runner::Pytest => output.lines().filter_map(pytest).collect(),
    };
    for failure in &mut failures {
        failure.lines.retain(|line| !line.trim().is_empty());
        failure.lines.truncate(LINES_MAX);
    }
    failures
}

/// The blocks `---- NAME stdout ----` of the sections `failures:`; wasm-bindgen's say `output`.
fn cargo(output: &str) -> Vec<Failure> {
    let mut failures: Vec<Failure> = Vec::new();
    let mut target = "";
    let mut is_inside = false;
    for line in output.lines() {
        if let Some(name) = block_name(line) {
            let name = format!("{target}{INSIDE}{name}");
            let lines = Vec::new();
            failures.push(Failure { name, lines });
            is_inside = true;
        } else if let Some(running) = line.trim_start().strip_prefix("Running ") {
            target = running.split(" (").next().unwrap_or(running);
        } else if line == "failures:" || line.starts_with("test result: ") {
            is_inside = false;
        } else if let Some(failure) = failures.last_mut().filter(|_| is_inside) {
            failure.lines.push(line.to_owned());
        }
    }
    failures
}

fn block_name(line: &str) -> Option<&str> {
    let name = line.strip_prefix("---- ")?.strip_suffix(" ----")?;
    name.strip_suffix(" stdout")
        .or_else(|| name.strip_suffix(" output"))
}

/// TAP: `not ok 2 - name` and the block of YAML below it. What failed only because of something in it is left out.
fn node(output: &str) -> Vec<Failure> {
    let mut failures = Vec::new();
    let mut suites: Vec<(usize, &str)> = Vec::new();
    let mut lines = output.lines();
    while let Some(line) = lines.next() {
        let text = line.trim_start();
        let indent = line.len() - text.len();
        if let Some(name) = text.strip_prefix("# Subtest: ") {
            suites.retain(|(depth, _)| *depth < indent);
            suites.push((indent, name));
        } else if let Some(name) = failed_name(text) {
            let block = tap_block(&mut lines, indent + 2);
            if !block.contains(&"failureType: 'subtestsFailed'") {
                let outer = suites.iter().filter(|(depth, _)| *depth < indent);
                let path: Vec<&str> = outer.map(|(_, name)| *name).chain([name]).collect();
                failures.push(Failure {
                    name: path.join(INSIDE),
                    lines: message_first(&block),
                });
            }
        }
    }
    failures
}

fn failed_name(text: &str) -> Option<&str> {
    let (_, name) = text.strip_prefix("not ok ")?.split_once(" - ")?;
    let is_expected = name.contains(" # TODO") || name.contains(" # SKIP");
    (!is_expected).then_some(name)
}

/// The lines between `---` and `...`, without the `indent` of both.
fn tap_block<'a>(lines: &mut std::str::Lines<'a>, indent: usize) -> Vec<&'a str> {
    let mut block = Vec::new();
    let mut rest = lines.clone();
    if rest.next().map(str::trim) != Some("---") {
        return block;
    }
    for line in rest.by_ref() {
        let text = line.get(indent..).unwrap_or("");
        if text == "..." {
            break;
        }
        block.push(text);
    }
    *lines = rest;
    block
}

/// The entries `error`, `stack` and `location` of a block, in this order: what happened, and where.
fn message_first(block: &[&str]) -> Vec<String> {
    let mut ordered = Vec::new();
    for key in ["error: ", "stack: ", "location: "] {
        let mut entry = block.iter().skip_while(|line| !line.starts_with(key));
        if let Some(first) = entry.next() {
            ordered.extend(first.strip_prefix(key).filter(|text| *text != "|-"));
        }
        ordered.extend(entry.map_while(|line| match line.strip_prefix("  ") {
            None if line.is_empty() => Some(*line),
            continued => continued,
        }));
    }
    ordered.into_iter().map(str::to_owned).collect()
}

/// `FAILED test_board.py::test_drop - AssertionError: …`, and the same with `ERROR`.
fn pytest(line: &str) -> Option<Failure> {
    let rest = line
        .strip_prefix("FAILED ")
        .or_else(|| line.strip_prefix("ERROR "))
        .filter(|rest| rest.contains(".py"))?;
    let (name, message) = rest.split_once(" - ").unwrap_or((rest, ""));
    Some(Failure {
        name: name.to_owned(),
        lines: vec![message.to_owned()],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(runner: Runner, output: &str, wanted: &[(&str, &[&str])]) {
        let wanted: Vec<Failure> = wanted
            .iter()
            .map(|(name, lines)| Failure {
                name: (*name).to_owned(),
                lines: lines.iter().map(|line| (*line).to_owned()).collect(),
            })
            .collect();
        assert_eq!(find(runner, output), wanted);
    }

    #[test]
    fn of_nested_tap_only_the_innermost_tests_are_taken() {
        let output = "\
TAP version 13
# Subtest: two windows
    # Subtest: on rust
        # Subtest: works
        ok 1 - works
          ---
          duration_ms: 1.0
          ...
        # Subtest: fails
        not ok 2 - fails
          ---
          duration_ms: 8.6
          location: 'live.test.mjs:2:69'
          failureType: 'testCodeFailure'
          error: |-
            not within 15000 ms: ann is open
            {
             \"state\": \"closed\"
            
            }
          code: 'ERR_TEST_FAILURE'
          stack: |-
            until (until.mjs:13:45)
            TestContext.<anonymous> (live.test.mjs:9:5)
          ...
        # Subtest: hangs
        not ok 3 - hangs
          ---
          error: 'test timed out after 50ms'
          ...
        # Subtest: later
        not ok 4 - later # TODO
          ---
          error: 'x'
          ...
        1..4
    not ok 1 - on rust
      ---
      failureType: 'subtestsFailed'
      error: '2 subtests failed'
      ...
not ok 1 - two windows
  ---
  failureType: 'subtestsFailed'
  error: '1 subtest failed'
  ...
# Subtest: alone
not ok 2 - alone
# pass 1
";
        check(
            Runner::Node,
            output,
            &[
                (
                    "two windows › on rust › fails",
                    &[
                        "not within 15000 ms: ann is open",
                        "{",
                        " \"state\": \"closed\"",
                        "}",
                        "until (until.mjs:13:45)",
                        "TestContext.<anonymous> (live.test.mjs:9:5)",
                        "'live.test.mjs:2:69'",
                    ],
                ),
                (
                    "two windows › on rust › hangs",
                    &["'test timed out after 50ms'"],
                ),
                ("alone", &[]),
            ],
        );
    }

    #[test]
    fn cargo_failures_are_told_with_their_target() {
        let output = "\
     Running unittests src/lib.rs (target/debug/deps/everwire-1)
test a ... ok
test result: ok. 1 passed; 0 failed; 0 ignored
     Running tests/server/main.rs (target/debug/deps/server-2)
test cut ... FAILED

failures:

---- cut stdout ----

thread 'cut' panicked at tests/server/main.rs:3:5:
assertion failed: x

---- late output ----
too late

failures:
    cut
    late

test result: FAILED. 0 passed; 2 failed; 0 ignored
error: test failed
";
        check(
            Runner::Cargo,
            output,
            &[
                (
                    "tests/server/main.rs › cut",
                    &[
                        "thread 'cut' panicked at tests/server/main.rs:3:5:",
                        "assertion failed: x",
                    ],
                ),
                ("tests/server/main.rs › late", &["too late"]),
            ],
        );
    }

    #[test]
    fn pytest_failures_are_read_from_its_summary() {
        check(
            Runner::Pytest,
            "E   assert 1 == 2\n\
             FAILED test_board.py::test_drop - assert 1 == 2\n\
             ERROR test_stores.py::test_begin\n\
             1 failed, 1 error in 0.52s\n",
            &[
                ("test_board.py::test_drop", &["assert 1 == 2"]),
                ("test_stores.py::test_begin", &[]),
            ],
        );
    }

    #[test]
    fn what_is_shown_is_cut_to_the_lines_asked_for() {
        let failure = Failure {
            name: "a".to_owned(),
            lines: vec!["one".to_owned(), "two".to_owned()],
        };
        assert_eq!(failure.show(1), "  a\n      one\n");
    }
}
