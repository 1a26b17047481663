//! Runs the README's commands as they are written there.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::bench::{Bench, Outcome};
use crate::process::Running;

/// The longest a page may take.
const PAGE_LIMIT: Duration = Duration::from_secs(10);

/// What is not run, and why.
const SKIPPED: [(&str, &str); 6] = [
    ("cargo xtask test", "because this is it"),
    (
        "cargo xtask delivery",
        "which takes many minutes: the delivery steps run a short one",
    ),
    (
        "cargo xtask memory",
        "which takes many minutes: the memory step runs a short one",
    ),
    (
        "cargo xtask mutations",
        "which writes docs/mutations.md anew",
    ),
    (
        "cargo xtask replay",
        "which needs a recording: the e2e step makes some and runs them",
    ),
    (
        "cargo xtask soak",
        "which the rust step does: it runs 20,000 schedules",
    ),
];

/// Runs every `cargo xtask` command that the README shows.
///
/// # Errors
/// When the README cannot be read, or names no such command.
pub fn run(bench: &Bench) -> Result<Outcome> {
    let readme =
        fs::read_to_string(bench.project.root.join("README.md")).context("reading README.md")?;
    let commands = commands(&readme);
    ensure!(
        !commands.is_empty(),
        "README.md shows no cargo xtask command"
    );
    let mut outcome = Outcome::passed(0);
    for line in commands {
        if let Some((_, why)) = SKIPPED.iter().find(|(start, _)| line.starts_with(start)) {
            outcome.tally.skipped += 1;
            outcome.notes.push(format!("skipped: {line}, {why}"));
            continue;
        }
        match attempt(bench, line) {
            Ok(()) => outcome.tally.passed += 1,
            Err(error) => {
                outcome.tally.failed += 1;
                outcome.notes.push(format!("{line}: {error:#}"));
            }
        }
    }
    Ok(outcome)
}

/// The commands of this project in the `sh` blocks and the code spans of a Markdown text, each once.
fn commands(markdown: &str) -> Vec<&str> {
    let mut block = None;
    let mut found = Vec::new();
    for line in markdown.lines() {
        match (line.strip_prefix("```"), block) {
            (Some(info), None) => block = Some(info.trim()),
            (Some(_), Some(_)) => block = None,
            (None, Some("sh")) => found.extend(line.split(" #").next()),
            (None, Some(_)) => {}
            // Every second piece between backticks is a code span.
            (None, None) => found.extend(line.split('`').skip(1).step_by(2)),
        }
    }
    let mut seen = BTreeSet::new();
    found
        .into_iter()
        .map(str::trim)
        .filter(|command| command.starts_with("cargo xtask ") && seen.insert(*command))
        .collect()
}

fn attempt(bench: &Bench, line: &str) -> Result<()> {
    let mut command = bench.project.command("sh");
    command.args(["-c", line]);
    if line.starts_with("cargo xtask demo") {
        return visit(command);
    }
    let finished = bench.watch(&mut command)?;
    ensure!(finished.success, "{}", bench.failure(&finished));
    Ok(())
}

/// Starts a server, opens the page whose address it prints, and stops it.
fn visit(mut command: Command) -> Result<()> {
    let (reader, writer) = std::io::pipe()?;
    command
        .stdin(Stdio::null())
        .stdout(writer.try_clone()?)
        .stderr(writer);
    let mut running = Running::start(&mut command)?;
    drop(command);
    let mut said = String::new();
    for line in BufReader::new(reader).lines() {
        let line = line?;
        if let Some(address) = address(&line) {
            let page = get(address)?;
            running.stop();
            ensure!(
                page.contains("<!doctype html>") || page.contains("<!DOCTYPE html>"),
                "no page:\n{page}"
            );
            return Ok(());
        }
        said.push_str(&line);
        said.push('\n');
    }
    bail!("it ended without printing an address:\n{said}");
}

/// The host and port in a line that has an `http://` address.
fn address(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once("http://")?;
    rest.split(['/', ' ']).next()
}

fn get(address: &str) -> Result<String> {
    let mut stream =
        TcpStream::connect(address).with_context(|| format!("connecting to {address}"))?;
    stream.set_read_timeout(Some(PAGE_LIMIT))?;
    write!(stream, "GET / HTTP/1.0\r\nHost: {address}\r\n\r\n")?;
    let mut response = String::new();
    stream.read_to_string(&mut response)?;
    ensure!(
        response.split_whitespace().nth(1) == Some("200"),
        "not a success:\n{response}"
    );
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_projects_commands_are_run_and_each_once() {
        let text = "Try `cargo xtask demo` or `npm i`.\n\
            ```sh\ncargo xtask demo   # opens\ncargo xtask size\nnpm i everwire\n```\n\
            cargo xtask no\n```ts\ncargo xtask no\n```\n";
        assert_eq!(commands(text), ["cargo xtask demo", "cargo xtask size"]);
    }

    #[test]
    fn the_address_is_host_and_port() {
        assert_eq!(
            address("at http://127.0.0.1:8080/ : open"),
            Some("127.0.0.1:8080")
        );
        assert_eq!(address("no address"), None);
    }
}
