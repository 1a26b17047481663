//! `cargo xtask replay`: runs a recording of a browser's engine again.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::project::Project;

/// Runs the recording in the file that the arguments name; `--steps` shows it.
///
/// # Errors
/// When cargo cannot be started.
pub fn run(project: &Project, arguments: &[String]) -> Result<ExitCode> {
    let mut command = project.command("cargo");
    command.args(["run", "--quiet", "--package", "everwire-replay", "--"]);
    for argument in arguments {
        // A file is named as seen from where this was called.
        let file = Path::new(argument);
        match file.canonicalize() {
            Ok(file) => command.arg(file),
            Err(_) => command.arg(argument),
        };
    }
    let status = command.status().context("starting cargo")?;
    Ok(match status.success() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}
