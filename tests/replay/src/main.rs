//! `cargo xtask replay FILE`: runs a recording again and shows where it comes out otherwise.

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use everwire_replay::{Divergence, Recording, readable, run};

const USAGE: &str = "cargo xtask replay [--steps] FILE";
/// Steps that are shown before and after the one that comes out otherwise.
const NEIGHBOURS: usize = 6;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match replay(&arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn replay(arguments: &[String]) -> Result<ExitCode> {
    let (options, files): (Vec<&String>, Vec<&String>) = arguments
        .iter()
        .partition(|argument| argument.starts_with("--"));
    let [file] = files.as_slice() else {
        bail!("which file?\n\n{USAGE}");
    };
    if let Some(unknown) = options.iter().find(|option| **option != "--steps") {
        bail!("there is no option {unknown}\n\n{USAGE}");
    }
    let text = std::fs::read_to_string(file).with_context(|| format!("reading {file}"))?;
    let recording = Recording::read(&text)?;
    if !options.is_empty() {
        print_steps(&recording);
    }
    let engine = recording.begin.get("engine").and_then(|it| it.as_str());
    let ours = env!("CARGO_PKG_VERSION");
    if let Some(theirs) = engine.filter(|engine| *engine != ours) {
        println!("recorded with version {theirs}, run with {ours}: it may come out otherwise");
    }
    let steps = recording.steps.len();
    if recording.lost > 0 || !recording.recent.is_empty() {
        println!(
            "the recording was full: the first {steps} steps are run, {} are lost, and the last {} can be read with --steps",
            recording.lost,
            recording.recent.len()
        );
    }
    Ok(match run(&recording)? {
        None => {
            println!("{steps} steps, no divergence");
            ExitCode::SUCCESS
        }
        Some(divergence) => {
            show(&recording, &divergence);
            ExitCode::FAILURE
        }
    })
}

fn print_steps(recording: &Recording) {
    println!("{:#}", recording.begin);
    for (index, step) in recording.steps.iter().enumerate() {
        println!("{index:>6} {}", readable(step));
    }
    let first = recording.steps.len() as u64 + recording.lost;
    for (index, step) in (first..).zip(&recording.recent) {
        println!("{index:>6} {}", readable(step));
    }
}

fn show(recording: &Recording, divergence: &Divergence) {
    let at = divergence.step;
    let line = |mark, index, step| println!("{mark} {index:>6} {}", readable(step));
    println!("step {at} diverges (- recorded, + found):");
    let before = recording.steps.iter().enumerate().take(at);
    for (index, step) in before.skip(at.saturating_sub(NEIGHBOURS)) {
        line(' ', index, step);
    }
    match &divergence.recorded {
        Some(step) => line('-', at, step),
        None => println!("- {at:>6} the recording ends"),
    }
    match &divergence.found {
        Some(step) => line('+', at, step),
        None => println!("+ {at:>6} nothing more comes"),
    }
    let after = recording.steps.iter().enumerate().skip(at + 1);
    for (index, step) in after.take(NEIGHBOURS) {
        line(' ', index, step);
    }
}
