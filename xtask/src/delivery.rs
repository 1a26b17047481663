//! The delivery test and the memory test: real browsers, a proxy that makes faults, and servers that are killed.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::browsers::{self, Engine};
use crate::process::{self, View};
use crate::project::Project;
use crate::setup::{self, Need};
use crate::{package, python, server};

/// The longest a run may take.
const LIMIT: Duration = Duration::from_secs(4 * 60 * 60);

const FOLDER: &str = "tests/delivery";

/// `cargo xtask delivery`: the long run, in one engine or in all.
///
/// # Errors
/// When an argument makes no sense, something cannot be built, or a message was lost, came twice or out of order.
pub fn delivery(project: &Project, arguments: &[String]) -> Result<()> {
    let (engines, rest) = take_engines(arguments)?;
    setup::ensure(project, &[Need::Python])?;
    package::build(project)?;
    for engine in engines {
        let mut command = trial(project, engine)?;
        command.args(["--messages", "100000", "--cuts", "200"]);
        command.args(&rest);
        run(engine.name(), &mut command)?;
    }
    Ok(())
}

/// `cargo xtask memory`: the long run in Chromium.
///
/// # Errors
/// When something cannot be built, or memory, sockets or timers grow.
pub fn memory(project: &Project, arguments: &[String]) -> Result<()> {
    package::build(project)?;
    let mut command = script(project, Engine::Chromium, "memory.mjs")?;
    command.args(["--messages", "1000000", "--reconnects", "10000"]);
    command.args(["--delivery", "reliable"]);
    command.args(arguments);
    run("memory", &mut command)
}

/// The command that runs the delivery test in `engine`, with all built that it needs but the package.
///
/// # Errors
/// When that cannot be built.
pub fn trial(project: &Project, engine: Engine) -> Result<Command> {
    script(project, engine, "run.mjs")
}

/// A script of the folder with the environment that all of them have. The package must have been made.
///
/// # Errors
/// When something that it needs cannot be built.
pub fn script(project: &Project, engine: Engine, name: &str) -> Result<Command> {
    setup::ensure(
        project,
        &[Need::Toolchain, Need::NodeTools, Need::Browser(engine)],
    )?;
    let (driver, capabilities) = browsers::driver(project, engine)?;
    let mut command = project.command("node");
    command
        .arg(Path::new(FOLDER).join(name))
        .env("EVERWIRE_WEBDRIVER", driver)
        .env("EVERWIRE_WEBDRIVER_JSON", capabilities)
        .env("EVERWIRE_PYTHON", python::interpreter(project))
        .env("EVERWIRE_PROXY_BIN", program(project, "everwire-proxy")?)
        .env(
            "EVERWIRE_DELIVERY_BIN",
            program(project, "everwire-delivery")?,
        );
    Ok(command)
}

fn program(project: &Project, name: &str) -> Result<PathBuf> {
    let server = server::build(project)?;
    let folder = server.parent().context("the server has no folder")?;
    Ok(folder.join(name))
}

fn run(label: &str, command: &mut Command) -> Result<()> {
    println!("\n== {label}");
    let finished = process::watch(label, command, View::Stream, LIMIT)?;
    ensure!(finished.success, "{label} failed");
    Ok(())
}

/// The engines that `--browser` chooses, all without it, and the other arguments.
fn take_engines(arguments: &[String]) -> Result<(Vec<Engine>, Vec<String>)> {
    let mut engines = Vec::new();
    let mut rest = Vec::new();
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        if argument != "--browser" {
            rest.push(argument.clone());
            continue;
        }
        let name = arguments.next().map(String::as_str);
        match Engine::ALL
            .into_iter()
            .find(|engine| Some(engine.name()) == name)
        {
            Some(engine) => engines.push(engine),
            None => bail!("--browser is one of chromium, firefox, webkit"),
        }
    }
    if engines.is_empty() {
        engines.extend(Engine::ALL);
    }
    Ok((engines, rest))
}
