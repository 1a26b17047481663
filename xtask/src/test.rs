//! `cargo xtask test`: runs the steps of the suite and sums them up.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::bench::{Bench, Outcome};
use crate::failures::Failure;
use crate::process::{View, human};
use crate::project::Project;
use crate::setup;
use crate::suite::{self, Step};
use crate::tally::Tally;

/// Lines that the failures may take at the end of a run: who reads only the end of a log has about 40.
const FAILURE_LINES: usize = 32;
/// Lines that stand for a failure that has no name.
const LAST_LINES: usize = 10;

/// What a step did.
struct Report {
    name: &'static str,
    tally: Tally,
    failures: Vec<Failure>,
    elapsed: Duration,
}

/// Runs the steps whose name contains one of the arguments, or all of them.
///
/// # Errors
/// When the arguments choose no step.
pub fn run(project: &Project, arguments: &[String]) -> Result<ExitCode> {
    let (options, names): (Vec<&String>, Vec<&String>) = arguments
        .iter()
        .partition(|argument| argument.starts_with("--"));
    let mut view = View::Progress;
    for option in options {
        match option.as_str() {
            "--verbose" => view = View::Stream,
            "--list" => {
                list();
                return Ok(ExitCode::SUCCESS);
            }
            unknown => bail!("there is no option {unknown}"),
        }
    }
    let chosen: Vec<&Step> = suite::STEPS
        .iter()
        .filter(|step| {
            names.is_empty() || names.iter().any(|name| step.name.contains(name.as_str()))
        })
        .collect();
    if chosen.is_empty() {
        bail!("no step has such a name; cargo xtask test --list shows them");
    }
    let bench = Bench::new(project, view);
    let reports: Vec<Report> = chosen.iter().map(|step| perform(&bench, step)).collect();
    Ok(summarize(&reports))
}

fn list() {
    for step in suite::STEPS {
        println!("{:<18} {}", step.name, step.about);
    }
}

fn perform(bench: &Bench, step: &Step) -> Report {
    println!(
        "\n== {}: {} (usually {})",
        step.name, step.about, step.usual
    );
    bench.enter(step.name);
    let started = Instant::now();
    let outcome = setup::ensure(bench.project, step.needs).and_then(|()| (step.run)(bench));
    let outcome = outcome.unwrap_or_else(|error| Outcome {
        tally: Tally {
            failed: 1,
            ..Tally::default()
        },
        notes: vec![format!("{error:#}")],
        failures: Vec::new(),
    });
    outcome.notes.iter().for_each(|note| println!("  {note}"));
    let mut failures = outcome.failures;
    if outcome.tally.failed > 0 && failures.is_empty() {
        failures.push(unnamed(&outcome.notes));
    }
    let report = Report {
        name: step.name,
        tally: outcome.tally,
        failures,
        elapsed: started.elapsed(),
    };
    println!("{}", line(&report));
    report
}

fn summarize(reports: &[Report]) -> ExitCode {
    let mut total = Tally::default();
    println!("\n== summary");
    for report in reports {
        println!("{}", line(report));
        total += report.tally;
    }
    print!("{}", failures(reports, FAILURE_LINES));
    let skipped = match total.skipped {
        0 => String::new(),
        number => format!(", {number} skipped"),
    };
    println!("{} passed, {} failed{skipped}", total.passed, total.failed);
    if total.failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// The failure of a step whose runner names none.
fn unnamed(notes: &[String]) -> Failure {
    let lines: Vec<&str> = notes.iter().flat_map(|note| note.lines()).collect();
    let end = lines.iter().skip(lines.len().saturating_sub(LAST_LINES));
    Failure {
        name: "the last it said".to_owned(),
        lines: end.map(|line| line.trim().to_owned()).collect(),
    }
}

/// What failed, in about `lines` lines, which all failures share.
fn failures(reports: &[Report], lines: usize) -> String {
    let failed: Vec<&Report> = reports
        .iter()
        .filter(|report| report.tally.failed > 0)
        .collect();
    let number: usize = failed.iter().map(|report| 1 + report.failures.len()).sum();
    let most = (lines / number.max(1)).saturating_sub(1);
    let mut text = String::new();
    for Report { name, failures, .. } in failed {
        text.push_str(&format!("failed in {name}:\n"));
        text.extend(failures.iter().map(|failure| failure.show(most)));
    }
    text
}

fn line(report: &Report) -> String {
    let Tally {
        passed,
        failed,
        skipped,
    } = report.tally;
    let verdict = if failed == 0 { "ok    " } else { "FAILED" };
    let skipped = if skipped == 0 {
        String::new()
    } else {
        format!(", {skipped} skipped")
    };
    let elapsed = human(report.elapsed);
    format!(
        "{verdict} {:<18} {elapsed:>12}   {passed} passed, {failed} failed{skipped}",
        report.name
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(name: &'static str, failed: u64, failures: Vec<Failure>) -> Report {
        Report {
            name,
            tally: Tally {
                failed,
                ..Tally::default()
            },
            failures,
            elapsed: Duration::ZERO,
        }
    }

    fn failure(name: &str) -> Failure {
        Failure {
            name: name.to_owned(),
            lines: (0..9).map(|number| format!("line {number}")).collect(),
        }
    }

    #[test]
    fn failures_share_the_lines_there_are_and_keep_their_names() {
        let reports = [
            report("format", 0, Vec::new()),
            report("npm", 1, vec![failure("a")]),
            report("e2e", 2, vec![failure("b"), failure("c")]),
        ];
        let text = failures(&reports, 15);
        assert_eq!(text.lines().count(), 2 + 3 * (1 + 2));
        assert!(
            text.starts_with(
                "failed in npm:\n  a\n      line 0\n      line 1\nfailed in e2e:\n  b\n"
            )
        );
        assert_eq!(
            failures(&reports, 0),
            "failed in npm:\n  a\nfailed in e2e:\n  b\n  c\n"
        );
        assert_eq!(failures(&reports[..1], 15), "");
    }

    #[test]
    fn a_failure_without_a_name_is_the_end_of_what_was_said() {
        let notes: Vec<String> = vec![(0..30).map(|number| format!("  {number}\n")).collect()];
        let lines = unnamed(&notes).lines;
        assert_eq!(lines.len(), LAST_LINES);
        assert_eq!(lines.last().map(String::as_str), Some("29"));
    }
}
