//! Node and the packages of `package-lock.json`.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::cargo_tools::first_line;
use crate::process;
use crate::project::Project;

/// The oldest release that runs the tests as they are written.
const OLDEST_NODE: u32 = 20;
const DOWNLOAD_LIMIT: Duration = Duration::from_secs(10 * 60);

/// Installs the locked packages unless they are there already.
///
/// # Errors
/// When Node is missing or too old, or the packages cannot be downloaded.
pub fn ensure(project: &Project) -> Result<()> {
    check_version(project)?;
    // A copy of the lock that was installed: `npm ci` empties the folder, so it goes when the packages go.
    let stamp = project.root.join("node_modules/.everwire-lock.json");
    let lock = fs::read(project.root.join("package-lock.json"))?;
    if fs::read(&stamp).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    let mut command = project.command("npm");
    command.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
    process::run(
        "installing the Node tools",
        "15 s",
        &mut command,
        DOWNLOAD_LIMIT,
    )?;
    fs::write(&stamp, lock).with_context(|| format!("writing {}", stamp.display()))
}

fn check_version(project: &Project) -> Result<()> {
    let advice = format!("install Node {OLDEST_NODE} or newer from https://nodejs.org");
    let version = first_line(project.command("node").arg("--version"))
        .with_context(|| format!("node does not run: {advice}"))?;
    let major = version.trim_start_matches('v').split('.').next();
    if major.and_then(|major| major.parse().ok()) < Some(OLDEST_NODE) {
        bail!("Node {version} is too old: {advice}");
    }
    Ok(())
}
