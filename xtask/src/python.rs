//! The virtual environment of the FastAPI server.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::browsers::apt_install;
use crate::process;
use crate::project::Project;

const DOWNLOAD_LIMIT: Duration = Duration::from_secs(10 * 60);

/// The interpreter of the virtual environment.
pub fn interpreter(project: &Project) -> PathBuf {
    environment(project).join("bin/python")
}

/// Makes the virtual environment and installs the pinned requirements unless they are there already.
///
/// # Errors
/// When Python is missing or the packages cannot be downloaded.
pub fn ensure(project: &Project) -> Result<()> {
    let requirements = project.root.join("server/fastapi/requirements.txt");
    let wanted = fs::read(&requirements).with_context(|| requirements.display().to_string())?;
    let stamp = environment(project).join("installed-requirements.txt");
    if interpreter(project).exists() && fs::read(&stamp).is_ok_and(|installed| installed == wanted)
    {
        return Ok(());
    }
    create_environment(project)?;
    let mut command = project.command(interpreter(project));
    command
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "-r",
        ])
        .arg(&requirements);
    process::run(
        "installing the Python packages",
        "20 s",
        &mut command,
        DOWNLOAD_LIMIT,
    )?;
    fs::write(&stamp, wanted).with_context(|| format!("writing {}", stamp.display()))
}

fn environment(project: &Project) -> PathBuf {
    project.cache.join("venv")
}

fn create_environment(project: &Project) -> Result<()> {
    // Debian ships Python without the means to make an environment.
    if !project
        .command("python3")
        .args(["-c", "import ensurepip"])
        .output()
        .is_ok_and(|output| output.status.success())
    {
        apt_install(project, &["python3", "python3-venv"])?;
    }
    let mut command = project.command("python3");
    command
        .args(["-m", "venv", "--clear"])
        .arg(environment(project));
    process::run(
        "making the Python environment",
        "5 s",
        &mut command,
        DOWNLOAD_LIMIT,
    )?;
    Ok(())
}
