//! The steps of the proof, those that fail fast first.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};

use crate::bench::{Bench, Outcome};
use crate::browsers::{self, Engine};
use crate::server::{self, TestServer};
use crate::setup::Need;
use crate::tally::Runner;
use crate::{delivery, python, readme, size};

/// A part of the proof.
pub struct Step {
    /// What it is called on the command line.
    pub name: &'static str,
    /// What it shows.
    pub about: &'static str,
    /// How long it takes on two cores once everything is installed and compiled.
    pub usual: &'static str,
    /// What has to be on the machine.
    pub needs: &'static [Need],
    /// Runs it.
    pub run: fn(&Bench) -> Result<Outcome>,
}

/// What the browser tests start with, and no other test has.
const WASM_GATE: &str = "#![cfg(target_arch = \"wasm32\")]";

const CHROMIUM: Need = Need::Browser(Engine::Chromium);
const FIREFOX: Need = Need::Browser(Engine::Firefox);
const WEBKIT: Need = Need::Browser(Engine::Webkit);

/// Every step, in the order they run.
pub const STEPS: &[Step] = &[
    Step {
        name: "format",
        about: "rustfmt would change nothing",
        usual: "1 s",
        needs: &[Need::Toolchain],
        run: |bench| bench.once(bench.cargo("fmt --all --check")),
    },
    Step {
        name: "lint",
        about: "clippy has no objection to any target",
        usual: "10 s",
        needs: &[Need::Toolchain],
        run: |bench| bench.once(bench.cargo("clippy --workspace --all-targets -- -D warnings")),
    },
    Step {
        name: "lint-wasm",
        about: "clippy has no objection to the crate and the package on wasm",
        usual: "10 s",
        needs: &[Need::Toolchain],
        run: lint_wasm,
    },
    Step {
        name: "rust",
        about: "unit, scenario, property, simulation, architecture and server tests",
        usual: "2 min",
        needs: &[Need::Toolchain],
        run: |bench| {
            bench.counted(
                Runner::Cargo,
                bench.cargo("test --workspace --no-fail-fast"),
            )
        },
    },
    Step {
        name: "docs",
        about: "the documentation has no broken link",
        usual: "10 s",
        needs: &[Need::Toolchain],
        run: |bench| {
            let mut command = bench.cargo("doc --workspace --no-deps");
            command.env("RUSTDOCFLAGS", "-D warnings");
            bench.once(command)
        },
    },
    Step {
        name: "package",
        about: "the npm package can be made and is small enough",
        usual: "30 s",
        needs: &[],
        run: make_package,
    },
    Step {
        name: "npm",
        about: "types and behaviour of the npm package",
        usual: "20 s",
        needs: &[],
        run: |bench| {
            bench.package()?;
            let mut command = bench.project.command("npm");
            command
                .arg("test")
                .current_dir(bench.project.root.join("npm"));
            bench.counted(Runner::Node, command)
        },
    },
    Step {
        name: "frameworks",
        about: "the examples with React, Vue and Svelte in Chromium: one socket, live messages, an end",
        usual: "30 s",
        needs: &[CHROMIUM],
        run: frameworks,
    },
    Step {
        name: "package-web",
        about: "the packed tarball: its linters, and the projects of five bundlers and of none in Chromium",
        usual: "1 min",
        needs: &[Need::Toolchain, CHROMIUM],
        run: |bench| installed(bench, &["published", "quickstart", "web"]),
    },
    Step {
        name: "package-runtimes",
        about: "the tarball in Node 20 and 22, Deno and Bun",
        usual: "10 s",
        needs: &[Need::Toolchain],
        run: |bench| installed(bench, &["runtimes"]),
    },
    Step {
        name: "package-next",
        about: "the tarball in a client component of Next.js",
        usual: "30 s",
        needs: &[Need::Toolchain, CHROMIUM],
        run: |bench| installed(bench, &["next"]),
    },
    Step {
        name: "websocket",
        about: "the WebSocket class beside the platform's, and under libraries with their servers",
        usual: "30 s",
        needs: &[CHROMIUM],
        run: websocket,
    },
    Step {
        name: "browser-chromium",
        about: "the driver in Chromium against the real server",
        usual: "30 s",
        needs: &[Need::Toolchain, Need::WasmTools, CHROMIUM],
        run: |bench| in_browser(bench, Engine::Chromium, "WASM_BINDGEN_USE_BROWSER"),
    },
    Step {
        name: "browser-worker",
        about: "the same tests in a dedicated worker",
        usual: "15 s",
        needs: &[Need::Toolchain, Need::WasmTools, CHROMIUM],
        run: |bench| in_browser(bench, Engine::Chromium, "WASM_BINDGEN_USE_DEDICATED_WORKER"),
    },
    Step {
        name: "browser-firefox",
        about: "the same tests in Firefox",
        usual: "30 s",
        needs: &[Need::Toolchain, Need::WasmTools, FIREFOX],
        run: |bench| in_browser(bench, Engine::Firefox, "WASM_BINDGEN_USE_BROWSER"),
    },
    Step {
        name: "browser-webkit",
        about: "the same tests in WebKit",
        usual: "30 s",
        needs: &[Need::Toolchain, Need::WasmTools, WEBKIT],
        run: |bench| in_browser(bench, Engine::Webkit, "WASM_BINDGEN_USE_BROWSER"),
    },
    Step {
        name: "fastapi",
        about: "the FastAPI server does what its clients expect",
        usual: "40 s",
        needs: &[Need::Python],
        run: |bench| {
            let mut command = bench.project.command(python::interpreter(bench.project));
            command
                .args(["-m", "pytest", "-q"])
                .current_dir(bench.project.root.join("server/fastapi"));
            bench.counted(Runner::Pytest, command)
        },
    },
    Step {
        name: "e2e",
        about: "the board in a real browser on both servers",
        usual: "2 min",
        needs: &[Need::Python, CHROMIUM],
        run: end_to_end,
    },
    Step {
        name: "delivery-counts",
        about: "the delivery test's own counting, which sees losses where there are no guarantees",
        usual: "20 s",
        needs: &[Need::Toolchain, CHROMIUM],
        run: delivery_counts,
    },
    Step {
        name: "delivery-chromium",
        about: "every message once and in order through faults, reloads and kills, in Chromium",
        usual: "1 min",
        needs: &[Need::Toolchain, CHROMIUM],
        run: |bench| delivery(bench, Engine::Chromium, "rust"),
    },
    Step {
        name: "delivery-firefox",
        about: "the same in Firefox",
        usual: "2 min",
        needs: &[Need::Toolchain, FIREFOX],
        run: |bench| delivery(bench, Engine::Firefox, "rust"),
    },
    Step {
        name: "delivery-webkit",
        about: "the same in WebKit",
        usual: "1 min",
        needs: &[Need::Toolchain, WEBKIT],
        run: |bench| delivery(bench, Engine::Webkit, "rust"),
    },
    Step {
        name: "delivery-fastapi",
        about: "the same in Chromium against FastAPI",
        usual: "1 min",
        needs: &[Need::Toolchain, Need::Python, CHROMIUM],
        run: |bench| delivery(bench, Engine::Chromium, "fastapi"),
    },
    Step {
        name: "delivery-garbage",
        about: "frames that nobody should write end what they end and lose nothing, in three engines",
        usual: "1 min",
        needs: &[Need::Toolchain, CHROMIUM, FIREFOX, WEBKIT],
        run: garbage,
    },
    Step {
        name: "memory",
        about: "heap, wasm memory, sockets and timers do not grow with messages and reconnects",
        usual: "30 s",
        needs: &[Need::Toolchain, CHROMIUM],
        run: |bench| {
            bench.package()?;
            let mut command = delivery::script(bench.project, Engine::Chromium, "memory.mjs")?;
            command.args("--delivery reliable --messages 40000 --reconnects 400".split(' '));
            bench.counted(Runner::Node, command)
        },
    },
    Step {
        name: "readme",
        about: "the commands of the README work as written",
        usual: "1 min",
        needs: &[],
        run: readme::run,
    },
];

fn lint_wasm(bench: &Bench) -> Result<Outcome> {
    for targets in [
        "--package everwire --lib --tests",
        "--package everwire-js --lib",
        "--package everwire-js --lib --no-default-features",
        "--package everwire-js --lib --features trace",
    ] {
        let arguments = format!("clippy --target wasm32-unknown-unknown {targets} -- -D warnings");
        bench.once(bench.cargo(&arguments))?;
    }
    Ok(Outcome::passed(4))
}

fn make_package(bench: &Bench) -> Result<Outcome> {
    bench.package()?;
    let mut outcome = Outcome::passed(2);
    outcome.notes.push(size::gate(bench.project)?);
    Ok(outcome)
}

fn frameworks(bench: &Bench) -> Result<Outcome> {
    bench.package()?;
    let chromium = browsers::chromium(bench.project).context("chromium is missing")?;
    let mut command = bench.project.command("node");
    command
        .arg("--test")
        .args(node_tests(bench, "npm/examples")?)
        .env("CHROME_BIN", chromium);
    bench.counted(Runner::Node, command)
}

/// Runs test files on projects that have the tarball of the package installed.
fn installed(bench: &Bench, files: &[&str]) -> Result<Outcome> {
    bench.package()?;
    let server = server::build(bench.project)?;
    let mut command = bench.project.command("node");
    command
        // One after the other: they share the folder of installed tools.
        .args(["--test", "--test-concurrency=1"])
        .args(
            files
                .iter()
                .map(|file| format!("tests/package/{file}.test.mjs")),
        )
        .env("EVERWIRE_SERVER_BIN", server)
        .env("EVERWIRE_TARGET", &bench.project.target);
    if let Some(chromium) = browsers::chromium(bench.project) {
        command.env("CHROME_BIN", chromium);
    }
    bench.counted(Runner::Node, command)
}

fn in_browser(bench: &Bench, engine: Engine, mode: &str) -> Result<Outcome> {
    let tests = wasm_tests(bench)?;
    let server = TestServer::start(bench.project)?;
    let mut command = browsers::wasm_test_command(bench.project, engine)?;
    command
        .arg("--")
        .args(tests.iter().flat_map(|name| ["--test", name]))
        .env(mode, "1")
        .env("EVERWIRE_TEST_SERVER", &server.url)
        // Seconds. The defaults of 20 and 5 are too short for a browser's first start on a busy machine.
        .env("WASM_BINDGEN_TEST_TIMEOUT", "120")
        .env("WASM_BINDGEN_TEST_DRIVER_TIMEOUT", "30");
    bench.counted(Runner::Cargo, command)
}

/// The integration tests that are written for wasm: files in `tests/`, and folders with a `main.rs`.
fn wasm_tests(bench: &Bench) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(bench.project.root.join("tests")).context("reading tests/")? {
        let path = entry?.path();
        let main = path.join("main.rs");
        let source = if main.is_file() { &main } else { &path };
        let is_rust = source
            .extension()
            .is_some_and(|extension| extension == "rs");
        if is_rust && fs::read_to_string(source)?.contains(WASM_GATE) {
            names.extend(
                path.file_stem()
                    .map(|name| name.to_string_lossy().into_owned()),
            );
        }
    }
    ensure!(!names.is_empty(), "tests/ has no test with {WASM_GATE}");
    names.sort();
    Ok(names)
}

fn end_to_end(bench: &Bench) -> Result<Outcome> {
    bench.package()?;
    let server = server::build(bench.project)?;
    let chromium = browsers::chromium(bench.project).context("chromium is missing")?;
    let mut command = bench.project.command("node");
    command
        .arg("--test")
        .args(node_tests(bench, "tests/e2e")?)
        .env("EVERWIRE_SERVER_BIN", server)
        .env("EVERWIRE_PYTHON", python::interpreter(bench.project))
        .env("CHROME_BIN", chromium);
    bench.counted(Runner::Node, command)
}

fn websocket(bench: &Bench) -> Result<Outcome> {
    bench.package()?;
    let chromium = browsers::chromium(bench.project).context("chromium is missing")?;
    let mut command = bench.project.command("node");
    command
        .arg("--test")
        .args(node_tests(bench, "tests/websocket")?)
        .env("CHROME_BIN", chromium);
    bench.counted(Runner::Node, command)
}

fn delivery_counts(bench: &Bench) -> Result<Outcome> {
    let mut counting = bench.project.command("node");
    counting
        .arg("--test")
        .args(node_tests(bench, "tests/delivery")?);
    let mut outcome = bench.counted(Runner::Node, counting)?;
    bench.package()?;
    let mut trial = delivery::trial(bench.project, Engine::Chromium)?;
    trial.args("--delivery plain --mix cuts --cuts 8 --messages 1000 --expect-loss".split(' '));
    outcome += bench.counted(Runner::Node, trial)?;
    Ok(outcome)
}

fn delivery(bench: &Bench, engine: Engine, server: &str) -> Result<Outcome> {
    bench.package()?;
    let mut trial = delivery::trial(bench.project, engine)?;
    trial.args(["--messages", "5000", "--cuts", "30", "--server", server]);
    bench.counted(Runner::Node, trial)
}

fn garbage(bench: &Bench) -> Result<Outcome> {
    bench.package()?;
    let mut outcome = Outcome::passed(0);
    for engine in Engine::ALL {
        let mut trial = delivery::trial(bench.project, engine)?;
        trial.args("--mix garbage --messages 1000 --cuts 25".split(' '));
        outcome += bench.counted(Runner::Node, trial)?;
    }
    Ok(outcome)
}

/// The test files of a folder, by name: Node 20 and 22 disagree on what a folder means.
fn node_tests(bench: &Bench, folder: &str) -> Result<Vec<PathBuf>> {
    let folder = bench.project.root.join(folder);
    let entries = fs::read_dir(&folder).with_context(|| format!("reading {}", folder.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.to_string_lossy().ends_with(".test.mjs") {
            files.push(path);
        }
    }
    ensure!(!files.is_empty(), "{} has no *.test.mjs", folder.display());
    files.sort();
    Ok(files)
}
