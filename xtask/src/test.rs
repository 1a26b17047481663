//! `cargo xtask test`: runs the steps of the suite and sums them up.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::bench::{Bench, Outcome};
use crate::process::{View, human};
use crate::project::Project;
use crate::setup;
use crate::suite::{self, Step};
use crate::tally::Tally;

/// What a step did.
struct Report {
    name: &'static str,
    tally: Tally,
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
    let tally = match outcome {
        Ok(Outcome { tally, notes }) => {
            notes.iter().for_each(|note| println!("  {note}"));
            tally
        }
        Err(error) => {
            println!("  {error:#}");
            Tally {
                failed: 1,
                ..Tally::default()
            }
        }
    };
    let report = Report {
        name: step.name,
        tally,
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
