//! The virtual environment of the FastAPI server.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::browsers::apt_install;
use crate::process;
use crate::project::Project;

/// What the server needs.
const SERVED: &str = "requirements.txt";
/// What its tests need, which includes the former.
const TESTED: &str = "requirements-dev.txt";

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
    let folder = project.root.join("server/fastapi");
    let wanted = read(&folder.join(SERVED))? + &read(&folder.join(TESTED))?;
    let stamp = environment(project).join("installed-requirements.txt");
    let installed = fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted);
    if installed && interpreter(project).exists() {
        return Ok(());
    }
    create_environment(project)?;
    let mut command = project.command(interpreter(project));
    command
        .args(["-m", "pip", "install", "--disable-pip-version-check", "-r"])
        .arg(folder.join(TESTED));
    process::run(
        "installing the Python packages",
        "20 s",
        &mut command,
        DOWNLOAD_LIMIT,
    )?;
    fs::write(&stamp, wanted).with_context(|| format!("writing {}", stamp.display()))
}

fn read(file: &Path) -> Result<String> {
    fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))
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
