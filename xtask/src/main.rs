//! The project's commands. `cargo xtask help` lists them.

mod bench;
mod browsers;
mod cargo_tools;
mod delivery;
mod demo;
mod failures;
mod node_tools;
mod package;
mod process;
mod project;
mod python;
mod readme;
mod replay;
mod server;
mod setup;
mod simulation;
mod size;
mod suite;
mod tally;
mod test;

use std::process::ExitCode;

use anyhow::{Result, bail};
use project::Project;

const HELP: &str = "\
cargo xtask demo [--server rust|fastapi] [--port N]   build everything and serve the live task board
cargo xtask test [--list] [--verbose] [NAME…]         the whole proof, or the steps whose name contains NAME
cargo xtask build                                     make the npm package in pkg/ and print what a page loads of it
cargo xtask size                                      the same, and fail if that is too much
cargo xtask delivery [--browser NAME] [--server rust|fastapi] [--messages N] [--cuts N] [--seed N]
                                                      count every message through faults, reloads and kills
cargo xtask memory [--messages N] [--reconnects N]    what a page holds after a million messages
cargo xtask soak [--schedules N] [--seed N]           simulate both halves of everwire.v1 on a million schedules
cargo xtask replay [--steps] FILE                     run a recording of wire.trace() again, and show where it comes out otherwise
cargo xtask mutations                                 count the schedules that find each deliberate bug
cargo xtask setup                                     install the tools that the commands above would install

Tools are kept in $EVERWIRE_CACHE, else $XDG_CACHE_HOME/everwire, else ~/.cache/everwire.";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(arguments: &[String]) -> Result<ExitCode> {
    let Some((command, rest)) = arguments.split_first() else {
        bail!("which command?\n\n{HELP}");
    };
    // Ctrl-C is how the demo is meant to end; for anything else it is 128 + SIGINT.
    process::stop_all_on_interrupt(if command == "demo" { 0 } else { 130 })?;
    let project = Project::locate()?;
    match command.as_str() {
        "demo" => demo::run(&project, rest)?,
        "test" => return test::run(&project, rest),
        "build" => package::build(&project).and_then(|()| size::report(&project))?,
        "size" => check_size(&project)?,
        "delivery" => delivery::delivery(&project, rest)?,
        "memory" => delivery::memory(&project, rest)?,
        "soak" => simulation::soak(&project, rest)?,
        "replay" => return replay::run(&project, rest),
        "mutations" => simulation::mutations(&project)?,
        "setup" => setup::everything(&project)?,
        "help" | "--help" | "-h" => println!("{HELP}"),
        unknown => bail!("there is no command {unknown:?}\n\n{HELP}"),
    }
    Ok(ExitCode::SUCCESS)
}

fn check_size(project: &Project) -> Result<()> {
    package::build(project)?;
    size::report(project)?;
    println!("  {}", size::gate(project)?);
    Ok(())
}
