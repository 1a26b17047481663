//! `cargo xtask demo`: builds everything and serves the live task board.

use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process::Running;
use crate::project::Project;
use crate::setup::{self, Need};
use crate::{package, python, server};

const DEFAULT_PORT: u16 = 8080;

/// Which server shows the board.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Server {
    Rust,
    FastApi,
}

/// What the command line asks for.
struct Options {
    server: Server,
    port: u16,
}

/// Builds the package and the server, and serves until interrupted.
///
/// # Errors
/// When the arguments make no sense, something does not build, or the server ends by itself.
pub fn run(project: &Project, arguments: &[String]) -> Result<()> {
    let Options { server, port } = parse(arguments)?;
    server::ensure_free(port).context("--port chooses another port")?;
    package::build(project)?;
    let mut command = match server {
        Server::Rust => rust_server(project, port)?,
        Server::FastApi => fastapi_server(project, port)?,
    };
    let mut running = Running::start(&mut command)?;
    server::wait_until_it_listens(&mut running, port).context("the server did not start")?;
    println!(
        "\nThe board is at http://127.0.0.1:{port}/ : open it in two windows. Ctrl-C stops it.\n"
    );
    running.wait()?;
    bail!("the server ended by itself");
}

fn parse(arguments: &[String]) -> Result<Options> {
    let mut options = Options {
        server: Server::Rust,
        port: DEFAULT_PORT,
    };
    let mut rest = arguments.iter().map(String::as_str);
    while let Some(option) = rest.next() {
        let value = rest.next();
        match (option, value) {
            ("--server", Some("rust")) => options.server = Server::Rust,
            ("--server", Some("fastapi")) => options.server = Server::FastApi,
            ("--port", Some(number)) => {
                options.port = number
                    .parse()
                    .context("--port wants a number up to 65535")?
            }
            _ => bail!("usage: cargo xtask demo [--server rust|fastapi] [--port N]"),
        }
    }
    Ok(options)
}

fn rust_server(project: &Project, port: u16) -> Result<Command> {
    let mut command = project.command(server::build(project)?);
    command.args(["--port", &port.to_string()]);
    Ok(command)
}

fn fastapi_server(project: &Project, port: u16) -> Result<Command> {
    setup::ensure(project, &[Need::Python])?;
    let mut command = project.command(python::interpreter(project));
    command
        .args(["-m", "uvicorn", "reliable:app", "--port", &port.to_string()])
        .current_dir(project.root.join("server/fastapi"));
    Ok(command)
}
