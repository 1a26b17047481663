//! What a step of the suite runs on: commands are run, counted and logged here.

use std::cell::{Cell, OnceCell};
use std::fs;
use std::ops::AddAssign;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::failures::{self, Failure};
use crate::process::{self, Finished, View};
use crate::project::Project;
use crate::tally::{self, Runner, Tally};
use crate::{package, size};

/// The longest a command may take, compiling included.
const LIMIT: Duration = Duration::from_secs(20 * 60);

/// One run of the suite.
pub struct Bench<'a> {
    /// The folders.
    pub project: &'a Project,
    view: View,
    step: Cell<&'static str>,
    package: OnceCell<()>,
}

/// What a step found.
pub struct Outcome {
    /// The tests it counted.
    pub tally: Tally,
    /// What a reader has to know: figures, reasons for skipping.
    pub notes: Vec<String>,
    /// The failed tests that its runner names.
    pub failures: Vec<Failure>,
}

impl AddAssign for Outcome {
    fn add_assign(&mut self, other: Self) {
        self.tally += other.tally;
        self.notes.extend(other.notes);
        self.failures.extend(other.failures);
    }
}

impl Outcome {
    /// `number` tests passed and nothing else is to be said.
    pub fn passed(number: u64) -> Self {
        let tally = Tally {
            passed: number,
            ..Tally::default()
        };
        Self {
            tally,
            notes: Vec::new(),
            failures: Vec::new(),
        }
    }
}

impl<'a> Bench<'a> {
    /// A run that has done nothing yet.
    pub fn new(project: &'a Project, view: View) -> Self {
        Self {
            project,
            view,
            step: Cell::new(""),
            package: OnceCell::new(),
        }
    }

    /// Names the step that runs from now on.
    pub fn enter(&self, step: &'static str) {
        self.step.set(step);
    }

    /// The command `cargo` with `arguments`, separated by spaces.
    pub fn cargo(&self, arguments: &str) -> Command {
        let mut command = self.project.command("cargo");
        command
            .args(arguments.split(' '))
            .env("CARGO_TERM_COLOR", "never");
        command
    }

    /// Runs a command that is one test by itself.
    ///
    /// # Errors
    /// When it fails.
    pub fn once(&self, mut command: Command) -> Result<Outcome> {
        let finished = self.watch(&mut command)?;
        ensure!(finished.success, "{}", self.failure(&finished));
        Ok(Outcome::passed(1))
    }

    /// Runs a command that counts its tests. One that ends badly without a failed test has one.
    ///
    /// # Errors
    /// When it cannot be started, or runs no test at all.
    pub fn counted(&self, runner: Runner, mut command: Command) -> Result<Outcome> {
        let finished = self.watch(&mut command)?;
        let mut tally = tally::count(runner, &finished.output);
        let mut notes = Vec::new();
        let mut failures = Vec::new();
        if finished.success {
            ensure!(tally.passed > 0, "no test ran: {}", self.failure(&finished));
        } else {
            tally.failed = tally.failed.max(1);
            notes.push(self.failure(&finished));
            failures = failures::find(runner, &finished.output);
            let shown: String = failures.iter().map(|test| test.show(usize::MAX)).collect();
            if !shown.is_empty() {
                notes.push(format!("these tests failed:\n{shown}"));
            }
        }
        if tally.skipped > 0 {
            let number = tally.skipped;
            notes.push(format!(
                "skipped: {number} that their source marks as not to be run by default"
            ));
        }
        Ok(Outcome {
            tally,
            notes,
            failures,
        })
    }

    /// Makes the npm package, unless this run has made it already.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn package(&self) -> Result<()> {
        if self.package.get().is_none() {
            package::build(self.project)?;
            size::report(self.project)?;
            self.package.get_or_init(|| ());
        }
        Ok(())
    }

    /// Runs `command` to its end and keeps its output in a file.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn watch(&self, command: &mut Command) -> Result<Finished> {
        let finished = process::watch(self.step.get(), command, self.view, LIMIT)?;
        let folder = self.project.target.join("test-logs");
        fs::create_dir_all(&folder)?;
        let file = folder.join(format!("{}.log", self.step.get()));
        fs::write(&file, &finished.output)
            .with_context(|| format!("writing {}", file.display()))?;
        Ok(finished)
    }

    /// What is said of a command that failed.
    pub fn failure(&self, finished: &Finished) -> String {
        let log = format!("test-logs/{}.log", self.step.get());
        format!(
            "failed; all it said is in {}, the end of which is:\n{}",
            self.project.target.join(log).display(),
            finished.tail()
        )
    }
}
