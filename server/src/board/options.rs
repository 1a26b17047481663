//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use everwire_server::Origins;
use lexopt::{Arg, ValueExt};

/// What `--help` prints.
pub const HELP: &str = "\
The server of the live task board.

Usage: everwire-server [options]

  --host ADDRESS            listen on this IP address (127.0.0.1)
  --port PORT               listen on this port, 0 for any free one (8080)
  --db FILE                 keep tasks in this SQLite file (board.sqlite)
  --memory                  keep tasks in memory instead
  --www DIRECTORY           the page (www)
  --pkg DIRECTORY           the built npm package, served under /pkg (pkg)
  --token-lifetime SECONDS  how long a token lives (3600)
  --allow-origin ORIGIN     let pages of this origin in, * for all; may be repeated.
                            Without it: pages of the same host
  -h, --help                print this
";

/// Where the tasks live.
#[derive(Debug, PartialEq, Eq)]
pub enum Database {
    File(PathBuf),
    Memory,
}

/// What the command line asks for.
#[derive(Debug)]
pub struct Options {
    pub host: std::net::IpAddr,
    pub port: u16,
    pub database: Database,
    pub www: PathBuf,
    pub pkg: PathBuf,
    pub token_lifetime: Duration,
    pub origins: Origins,
}

/// A command line that was understood.
pub enum Command {
    Serve(Options),
    Help,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            host: std::net::Ipv4Addr::LOCALHOST.into(),
            port: 8080,
            database: Database::File("board.sqlite".into()),
            www: "www".into(),
            pkg: "pkg".into(),
            token_lifetime: Duration::from_secs(3600),
            origins: Origins::SameHost,
        }
    }
}

/// Reads the command line, or says what it did not understand.
pub fn parse(mut arguments: lexopt::Parser) -> Result<Command, lexopt::Error> {
    let mut options = Options::default();
    while let Some(argument) = arguments.next()? {
        match argument {
            Arg::Long("host") => options.host = arguments.value()?.parse()?,
            Arg::Long("port") => options.port = arguments.value()?.parse()?,
            Arg::Long("db") => options.database = Database::File(arguments.value()?.into()),
            Arg::Long("memory") => options.database = Database::Memory,
            Arg::Long("www") => options.www = arguments.value()?.into(),
            Arg::Long("pkg") => options.pkg = arguments.value()?.into(),
            Arg::Long("token-lifetime") => {
                options.token_lifetime =
                    Duration::from_secs(arguments.value()?.parse::<u32>()?.into());
            }
            Arg::Long("allow-origin") => {
                options.origins = with_origin(options.origins, arguments.value()?.string()?);
            }
            Arg::Short('h') | Arg::Long("help") => return Ok(Command::Help),
            Arg::Short(_) | Arg::Long(_) | Arg::Value(_) => return Err(argument.unexpected()),
        }
    }
    Ok(Command::Serve(options))
}

fn with_origin(origins: Origins, origin: String) -> Origins {
    match origins {
        _ if origin == "*" => Origins::Any,
        Origins::Any => Origins::Any,
        Origins::List(mut list) => {
            list.push(origin);
            Origins::List(list)
        }
        Origins::SameHost => Origins::List(vec![origin]),
    }
}
