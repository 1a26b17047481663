//! The long runs of the simulation of both halves of everwire.v1.

use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::process::{self, View};
use crate::project::Project;

/// The longest a run may take.
const LIMIT: Duration = Duration::from_secs(12 * 60 * 60);
const SCHEDULES: &str = "1000000";

/// `cargo xtask soak`: many schedules, from another seed if one is named.
///
/// # Errors
/// When an argument makes no sense, or an invariant does not hold.
pub fn soak(project: &Project, arguments: &[String]) -> Result<()> {
    let mut command = simulation(project, &[]);
    command
        .arg("the_invariants_hold")
        .env("EVERWIRE_SCHEDULES", SCHEDULES);
    for pair in arguments.chunks(2) {
        match pair {
            [name, value] if name == "--schedules" => command.env("EVERWIRE_SCHEDULES", value),
            [name, value] if name == "--seed" => command.env("EVERWIRE_SEED", value),
            other => bail!("soak takes --schedules N and --seed N, not {other:?}"),
        };
    }
    run("soak", &mut command)
}

/// `cargo xtask mutations`: makes the table of deliberate bugs and the schedules that find them.
///
/// # Errors
/// When one is not found.
pub fn mutations(project: &Project) -> Result<()> {
    let mut command = simulation(project, &["--features", "mutations"]);
    let table = project.root.join("docs/mutations.md");
    command
        .args(["every_mutation", "--ignored"])
        .env("EVERWIRE_TABLE", table);
    run("mutations", &mut command)
}

fn simulation(project: &Project, features: &[&str]) -> Command {
    let mut command = project.command("cargo");
    command
        .args(["test", "--package", "everwire", "--test", "reliable"])
        .args(features)
        .args(["--", "--nocapture"]);
    command
}

fn run(label: &str, command: &mut Command) -> Result<()> {
    let finished = process::watch(label, command, View::Stream, LIMIT)?;
    if !finished.success {
        bail!("{label} failed");
    }
    Ok(())
}
