//! The Rust toolchain's parts, and the tools that `cargo install` compiles.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::process;
use crate::project::Project;

const WASM_PACK: &str = "0.15.1";
const GECKODRIVER: &str = "0.37.1";
const WASM_TARGET: &str = "wasm32-unknown-unknown";

const DOWNLOAD_LIMIT: Duration = Duration::from_secs(10 * 60);
const COMPILE_LIMIT: Duration = Duration::from_secs(30 * 60);

/// A program that cargo installs.
struct Tool {
    package: &'static str,
    program: &'static str,
    version: String,
    /// Build with the versions its authors tested. Not for a tool whose lock file names versions that a registry
    /// mirror may not have yet.
    locked: bool,
    /// The packages in it that do the work. Only these are compiled with optimization, which halves the time to compile
    /// it and costs none when it runs.
    hot: &'static [&'static str],
    /// How long compiling it takes on two cores.
    usual: &'static str,
}

/// Installs rustfmt, clippy and the standard library for wasm, as automatic installs may be switched off.
///
/// # Errors
/// When rustup is missing or cannot download them.
pub fn ensure_toolchain(project: &Project) -> Result<()> {
    let sysroot = first_line(project.command("rustc").args(["--print", "sysroot"]))
        .context("rustc does not run: install Rust from https://rustup.rs")?;
    let sysroot = Path::new(&sysroot);
    if !sysroot.join("lib/rustlib").join(WASM_TARGET).is_dir() {
        rustup(project, &["target", "add", WASM_TARGET])?;
    }
    for (component, program) in [("rustfmt", "cargo-fmt"), ("clippy", "cargo-clippy")] {
        if !sysroot.join("bin").join(program).is_file() {
            rustup(project, &["component", "add", component])?;
        }
    }
    Ok(())
}

/// Installs wasm-pack, and wasm-bindgen of the version in `Cargo.lock`, which wasm-pack insists on.
///
/// # Errors
/// When one cannot be compiled.
pub fn ensure_wasm_tools(project: &Project) -> Result<()> {
    let wasm_bindgen = Tool {
        package: "wasm-bindgen-cli",
        program: "wasm-bindgen",
        version: locked_version(project, "wasm-bindgen")?,
        locked: false,
        hot: &["walrus", "wasmparser", "wasm-encoder", "gimli"],
        usual: "2 min",
    };
    let wasm_pack = Tool {
        package: "wasm-pack",
        program: "wasm-pack",
        version: WASM_PACK.to_owned(),
        locked: true,
        hot: &[],
        usual: "1 min",
    };
    ensure_tool(project, &wasm_bindgen)?;
    ensure_tool(project, &wasm_pack)
}

/// Installs geckodriver, which Debian does not package.
///
/// # Errors
/// When it cannot be compiled.
pub fn ensure_geckodriver(project: &Project) -> Result<()> {
    let geckodriver = Tool {
        package: "geckodriver",
        program: "geckodriver",
        version: GECKODRIVER.to_owned(),
        locked: true,
        hot: &[],
        usual: "1 min",
    };
    ensure_tool(project, &geckodriver)
}

fn ensure_tool(project: &Project, tool: &Tool) -> Result<()> {
    let installed = first_line(project.command(tool.program).arg("--version"));
    if installed.is_some_and(|line| line.split_whitespace().nth(1) == Some(&tool.version)) {
        return Ok(());
    }
    let build = project.cache.join("build");
    let mut command = project.command("cargo");
    command
        .args(["install", tool.package, "--version"])
        .arg(format!("={}", tool.version))
        .arg("--root")
        .arg(project.tools())
        .env("CARGO_TARGET_DIR", &build)
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0")
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16");
    for package in tool.hot {
        let setting = format!("profile.release.package.{package}.opt-level=2");
        command.args(["--config", &setting]);
    }
    if tool.locked {
        command.arg("--locked");
    }
    let label = format!("compiling {} {}", tool.package, tool.version);
    process::run(&label, tool.usual, &mut command, COMPILE_LIMIT)?;
    fs::remove_dir_all(&build).with_context(|| format!("removing {}", build.display()))
}

fn rustup(project: &Project, arguments: &[&str]) -> Result<()> {
    let label = format!("rustup {}", arguments.join(" "));
    let mut command = project.command("rustup");
    process::run(
        &label,
        "10 s",
        command.args(arguments),
        DOWNLOAD_LIMIT,
    )
    .context("without rustup, install the toolchain that rust-toolchain.toml names, with its components and targets")?;
    Ok(())
}

/// The version of `package` that `Cargo.lock` names.
fn locked_version(project: &Project, package: &str) -> Result<String> {
    let lock = fs::read_to_string(project.root.join("Cargo.lock"))?;
    let mut lines = lock.lines();
    lines
        .find(|line| *line == format!("name = \"{package}\""))
        .and_then(|_| lines.next())
        .and_then(|line| line.strip_prefix("version = \"")?.strip_suffix('"'))
        .map(str::to_owned)
        .with_context(|| format!("Cargo.lock names no {package}"))
}

/// The first line that `command` writes, or nothing when it fails or is not there.
pub fn first_line(command: &mut Command) -> Option<String> {
    let output = command
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.lines().next().map(str::to_owned)
}
