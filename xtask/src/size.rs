//! The size of what a page loads, and the gate that it must pass.

use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};

use crate::project::Project;

/// Bytes of the default entry after `gzip -9`, JavaScript and wasm together: small enough to be no reason against
/// the package, with what the whole engine takes today. The goal is 20,000.
const GZIP_LIMIT: u64 = 43_500;

/// How many places of the module may trap: each is a panic that the compiler could not rule out, and they may not
/// become more.
const TRAPPING_SITES_LIMIT: usize = 61;

/// What a page loads for one entry of the package, in bytes.
struct Entry {
    name: String,
    raw: u64,
    gzip: u64,
    brotli: u64,
    files: String,
}

/// Prints the size of every entry and the number of places where the wasm can trap.
///
/// # Errors
/// When the package in `pkg/` cannot be measured.
pub fn report(project: &Project) -> Result<()> {
    println!("\n  entry                raw      gzip    brotli  files");
    for entry in measure(project)? {
        println!(
            "  {:<16} {:>8}  {:>8}  {:>8}  {}",
            entry.name, entry.raw, entry.gzip, entry.brotli, entry.files
        );
    }
    println!(
        "  trapping sites in the wasm: {}",
        count_trapping_sites(project)?
    );
    Ok(())
}

/// Fails when the default entry is larger than its limit or the module can trap in more places, and gives a sentence
/// with the figures when not.
///
/// # Errors
/// When one of them is above its limit, or the package in `pkg/` cannot be measured.
pub fn gate(project: &Project) -> Result<String> {
    let entries = measure(project)?;
    let default = entries
        .iter()
        .find(|entry| entry.name == "everwire")
        .context("the package has no default entry")?;
    if default.gzip > GZIP_LIMIT {
        bail!(
            "the default entry is {} bytes gzip, the limit is {GZIP_LIMIT}",
            default.gzip
        );
    }
    let sites = count_trapping_sites(project)?;
    if sites > TRAPPING_SITES_LIMIT {
        bail!("the wasm can trap in {sites} places, the limit is {TRAPPING_SITES_LIMIT}");
    }
    Ok(format!(
        "the default entry is {} bytes gzip, of {GZIP_LIMIT} allowed; the wasm can trap in {sites} places, of {TRAPPING_SITES_LIMIT} allowed",
        default.gzip
    ))
}

fn measure(project: &Project) -> Result<Vec<Entry>> {
    let output = project
        .command("node")
        .arg("xtask/size.mjs")
        .arg(project.package())
        .output()
        .context("starting node")?;
    ensure!(
        output.status.success(),
        "cannot measure pkg/ (cargo xtask build makes it): {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let table = String::from_utf8(output.stdout)?;
    table
        .lines()
        .map(|line| parse(line).with_context(|| format!("unreadable: {line}")))
        .collect()
}

fn parse(line: &str) -> Option<Entry> {
    let mut fields = line.split('\t');
    Some(Entry {
        name: fields.next()?.replacen('.', "everwire", 1),
        raw: fields.next()?.parse().ok()?,
        gzip: fields.next()?.parse().ok()?,
        brotli: fields.next()?.parse().ok()?,
        files: fields.next()?.to_owned(),
    })
}

/// How often the module says `unreachable`: each is a panic that the compiler could not rule out.
fn count_trapping_sites(project: &Project) -> Result<usize> {
    let output = project
        .command("wasm-dis")
        .arg(engine_module(project))
        .output()
        .context("starting wasm-dis")?;
    ensure!(
        output.status.success(),
        "wasm-dis: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout)?;
    Ok(text
        .lines()
        .filter(|line| line.trim() == "(unreachable)")
        .count())
}

fn engine_module(project: &Project) -> PathBuf {
    project.target.join("pkg-wasm/everwire_bg.wasm")
}
