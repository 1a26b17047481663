//! The board's Rust server: compiling it, and running it for the browser tests.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::process::{self, Running};
use crate::project::Project;

/// The tests read its address when they are compiled, so it must not change from run to run.
const PORT: u16 = 18_431;
const START_LIMIT: Duration = Duration::from_secs(60);
const COMPILE_LIMIT: Duration = Duration::from_secs(20 * 60);

/// A server of the browser tests, running until dropped.
pub struct TestServer {
    _running: Running,
    /// Its address, as in `ws://127.0.0.1:1234`.
    pub url: String,
}

impl TestServer {
    /// Compiles and starts the server with an empty store in memory.
    ///
    /// # Errors
    /// When it cannot be compiled or started, or its port is taken.
    pub fn start(project: &Project) -> Result<Self> {
        let program = build(project)?;
        let port = port()?;
        ensure_free(port).context("EVERWIRE_TEST_PORT chooses another port")?;
        let log = project.target.join("test-server.log");
        let output = File::create(&log).with_context(|| format!("writing {}", log.display()))?;
        let mut command = project.command(program);
        command
            .args(["--memory", "--allow-origin", "*", "--port"])
            .arg(port.to_string())
            .stdout(output.try_clone()?)
            .stderr(output);
        let mut running = Running::start(&mut command)?;
        wait_until_it_listens(&mut running, port)
            .with_context(|| format!("everwire-server did not start, see {}", log.display()))?;
        let url = format!("ws://127.0.0.1:{port}");
        Ok(Self {
            _running: running,
            url,
        })
    }
}

/// Compiles the server, and the programs that its tests need beside it, and gives its program.
///
/// # Errors
/// When it does not compile.
pub fn build(project: &Project) -> Result<PathBuf> {
    let mut command = project.command("cargo");
    // The whole workspace chooses the features, as it does for `cargo test`, so that nothing is compiled twice.
    command.args(["build", "--workspace", "--bins"]);
    process::run(
        "compiling the server",
        "1 min the first time",
        &mut command,
        COMPILE_LIMIT,
    )?;
    Ok(project.target.join("debug/everwire-server"))
}

/// Fails when something listens on `port` already.
///
/// # Errors
/// Then.
pub fn ensure_free(port: u16) -> Result<()> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .with_context(|| format!("port {port} is taken"))
        .map(drop)
}

/// Waits for the first connection that `port` takes.
///
/// # Errors
/// When `running` ends before, or too much time passes.
pub fn wait_until_it_listens(running: &mut Running, port: u16) -> Result<()> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let deadline = Instant::now() + START_LIMIT;
    while TcpStream::connect_timeout(&address, START_LIMIT).is_err() {
        if running.has_ended() {
            bail!("it ended at once");
        }
        if Instant::now() > deadline {
            bail!(
                "nothing listens on port {port} after {} s",
                START_LIMIT.as_secs()
            );
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

fn port() -> Result<u16> {
    match std::env::var("EVERWIRE_TEST_PORT") {
        Ok(port) => port.parse().context("EVERWIRE_TEST_PORT is no port number"),
        Err(_) => Ok(PORT),
    }
}
