//! Making the npm package: wasm-pack compiles the engine, then the facade in `npm/` is built around it.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::process;
use crate::project::Project;
use crate::setup::{self, Need};

const COMPILE_LIMIT: Duration = Duration::from_secs(20 * 60);
const BUNDLE_LIMIT: Duration = Duration::from_secs(5 * 60);

/// Makes the npm package in `pkg/`.
///
/// # Errors
/// When a tool is missing and cannot be installed, or a step of the build fails.
pub fn build(project: &Project) -> Result<()> {
    setup::ensure(
        project,
        &[Need::Toolchain, Need::NodeTools, Need::WasmTools],
    )?;
    for (name, features) in ENGINES {
        compile_engine(project, name, features)?;
    }
    build_facade(project)
}

/// The engines of the package: their folders, and the features of the crate `everwire-js` that they have.
pub const ENGINES: [(&str, &[&str]); 3] = [
    ("plain", &["--", "--no-default-features"]),
    ("complete", &[]),
    ("traced", &["--", "--features", "trace"]),
];

/// Where wasm-pack puts an engine and its glue.
pub fn engine_folder(project: &Project, name: &str) -> PathBuf {
    project.target.join("pkg-wasm").join(name)
}

fn compile_engine(project: &Project, name: &str, features: &[&str]) -> Result<()> {
    let mut command = project.command("wasm-pack");
    command
        .args([
            "build",
            "js",
            "--release",
            "--target",
            "web",
            "--no-pack",
            "--out-name",
            "everwire",
            "--out-dir",
        ])
        .arg(engine_folder(project, name))
        .args(features);
    process::run(
        &format!("compiling the {name} engine to wasm"),
        "1 min",
        &mut command,
        COMPILE_LIMIT,
    )?;
    Ok(())
}

fn build_facade(project: &Project) -> Result<()> {
    let package = project.package();
    if package.exists() {
        fs::remove_dir_all(&package)?;
    }
    let mut command = project.command("npm");
    command
        .args(["run", "build"])
        .current_dir(project.root.join("npm"))
        .env("EVERWIRE_WASM_DIR", project.target.join("pkg-wasm"));
    process::run("building the facade", "5 s", &mut command, BUNDLE_LIMIT)?;
    ensure!(
        package.join("package.json").is_file(),
        "npm run build in npm/ made no pkg/package.json"
    );
    Ok(())
}
