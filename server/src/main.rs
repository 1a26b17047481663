//! The server of the live task board: the page, a REST API, and a socket for each tab.

mod board;

use std::io::Write;
use std::net::SocketAddr;
use std::process::ExitCode;

use board::options::{self, Command, Options};
use board::serve::serve;

fn main() -> ExitCode {
    match options::parse(lexopt::Parser::from_env()) {
        Ok(Command::Serve(options)) => run(options),
        Ok(Command::Help) => {
            print!("{}", options::HELP);
            ExitCode::SUCCESS
        }
        Err(error) => fail(&format!("{error}; see --help")),
    }
}

fn run(options: Options) -> ExitCode {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_target(false)
        .init();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("cannot start: {error}")),
    };
    match runtime.block_on(serve(options, announce)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error.to_string()),
    }
}

/// The line a supervisor can wait for.
fn announce(address: SocketAddr) {
    println!("listening on http://{address}");
    // A supervisor that has gone away is no reason to stop.
    let _ = std::io::stdout().flush();
}

fn fail(message: &str) -> ExitCode {
    eprintln!("everwire-server: {message}");
    ExitCode::FAILURE
}
