//! The size of what a page loads, and the gates that it must pass.

use anyhow::{Context, Result, ensure};

use crate::package::engine_folder;
use crate::project::Project;

/// Bytes of each entry after `gzip -9`, JavaScript and wasm together: a little above what they are. 20,000 for the
/// default entry is the goal.
const GZIP_LIMITS: [(&str, u64); 11] = [
    ("everwire", 26_600),
    ("everwire later", 34_700),
    ("everwire/reliable", 43_300),
    ("everwire/wasm", 26_050),
    ("everwire/wasm later", 34_400),
    ("everwire/websocket", 25_350),
    // Without the library that it stands on.
    ("everwire/msgpack", 350),
    ("everwire/debug", 950),
    ("everwire/react", 700),
    ("everwire/vue", 500),
    ("everwire/svelte", 500),
];

/// How many places of each engine may trap: each is a panic that the compiler could not rule out, and they may not become
/// more.
const TRAPPING_SITES_LIMITS: [(&str, usize); 3] = [("plain", 51), ("complete", 61), ("traced", 83)];

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
    println!("\n  entry                    raw      gzip    brotli  files");
    for entry in measure(project)? {
        println!(
            "  {:<20} {:>8}  {:>8}  {:>8}  {}",
            entry.name, entry.raw, entry.gzip, entry.brotli, entry.files
        );
    }
    for (engine, _) in TRAPPING_SITES_LIMITS {
        let sites = count_trapping_sites(project, engine)?;
        println!("  trapping sites in the {engine} engine: {sites}");
    }
    Ok(())
}

/// Fails when an entry is larger than its limit or an engine can trap in more places, and gives a sentence with the
/// figures of the default entry when not.
///
/// # Errors
/// When one of them is above its limit, or the package in `pkg/` cannot be measured.
pub fn gate(project: &Project) -> Result<String> {
    let entries = measure(project)?;
    let mut figures = Vec::new();
    for (name, limit) in GZIP_LIMITS {
        let entry = entries.iter().find(|entry| entry.name == name);
        let gzip = entry
            .with_context(|| format!("the package has no entry {name}"))?
            .gzip;
        ensure!(
            gzip <= limit,
            "{name} is {gzip} bytes gzip, the limit is {limit}"
        );
        figures.push(format!("{name} {gzip} of {limit}"));
    }
    for (engine, limit) in TRAPPING_SITES_LIMITS {
        let sites = count_trapping_sites(project, engine)?;
        ensure!(
            sites <= limit,
            "the {engine} engine can trap in {sites} places, the limit is {limit}"
        );
        figures.push(format!(
            "trapping sites of the {engine} engine {sites} of {limit}"
        ));
    }
    Ok(format!("bytes gzip: {}", figures.join(", ")))
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
fn count_trapping_sites(project: &Project, engine: &str) -> Result<usize> {
    let output = project
        .command("wasm-dis")
        .arg(engine_folder(project, engine).join("everwire_bg.wasm"))
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
