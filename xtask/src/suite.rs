//! The steps of the proof, those that fail fast first.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::browsers::{self, Engine};
use crate::process::{self, View};
use crate::project::Project;
use crate::server::{self, TestServer};
use crate::setup::Need;
use crate::tally::{self, Runner, Tally};
use crate::{package, python, readme, size};

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
    pub run: fn(&Project, View) -> Result<Outcome>,
}

/// What a step found.
pub struct Outcome {
    /// The tests it counted.
    pub tally: Tally,
    /// What a reader has to know: figures, reasons for skipping.
    pub notes: Vec<String>,
}

/// The longest a step may take, compiling included.
const LIMIT: Duration = Duration::from_secs(15 * 60);

/// What the browser tests start with, and no other test has.
const WASM_GATE: &str = "#![cfg(target_arch = \"wasm32\")]";

const BROWSER_NEEDS: [Need; 2] = [Need::Toolchain, Need::WasmTools];
const CHROMIUM: Need = Need::Browser(Engine::Chromium);

/// Every step, in the order they run.
pub const STEPS: &[Step] = &[
    Step {
        name: "format",
        about: "rustfmt would change nothing",
        usual: "1 s",
        needs: &[Need::Toolchain],
        run: |project, view| once(view, cargo(project, &["fmt", "--all", "--check"])),
    },
    Step {
        name: "lint",
        about: "clippy has no objection to any target",
        usual: "10 s",
        needs: &[Need::Toolchain],
        run: |project, view| {
            once(
                view,
                cargo(
                    project,
                    &[
                        "clippy",
                        "--workspace",
                        "--all-targets",
                        "--",
                        "-D",
                        "warnings",
                    ],
                ),
            )
        },
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
        usual: "1 min",
        needs: &[Need::Toolchain],
        run: |project, view| {
            counted(
                view,
                Runner::Cargo,
                cargo(project, &["test", "--workspace", "--no-fail-fast"]),
            )
        },
    },
    Step {
        name: "docs",
        about: "the documentation has no broken link",
        usual: "10 s",
        needs: &[Need::Toolchain],
        run: |project, view| {
            let mut command = cargo(project, &["doc", "--workspace", "--no-deps"]);
            command.env("RUSTDOCFLAGS", "-D warnings");
            once(view, command)
        },
    },
    Step {
        name: "package",
        about: "the npm package can be made and is small enough",
        usual: "1 min",
        needs: &[Need::Toolchain, Need::NodeTools, Need::WasmTools],
        run: make_package,
    },
    Step {
        name: "npm",
        about: "types and behaviour of the npm package",
        usual: "20 s",
        needs: &[Need::NodeTools],
        run: |project, view| {
            let mut command = project.command("npm");
            command.arg("test").current_dir(project.root.join("npm"));
            counted(view, Runner::Node, command)
        },
    },
    Step {
        name: "browser-chromium",
        about: "the driver in Chromium against the real server",
        usual: "20 s",
        needs: &[BROWSER_NEEDS[0], BROWSER_NEEDS[1], CHROMIUM],
        run: |project, view| {
            in_browser(project, view, Engine::Chromium, "WASM_BINDGEN_USE_BROWSER")
        },
    },
    Step {
        name: "browser-worker",
        about: "the same tests in a dedicated worker",
        usual: "15 s",
        needs: &[BROWSER_NEEDS[0], BROWSER_NEEDS[1], CHROMIUM],
        run: |project, view| {
            in_browser(
                project,
                view,
                Engine::Chromium,
                "WASM_BINDGEN_USE_DEDICATED_WORKER",
            )
        },
    },
    Step {
        name: "browser-firefox",
        about: "the same tests in Firefox",
        usual: "20 s",
        needs: &[
            BROWSER_NEEDS[0],
            BROWSER_NEEDS[1],
            Need::Browser(Engine::Firefox),
        ],
        run: |project, view| in_browser(project, view, Engine::Firefox, "WASM_BINDGEN_USE_BROWSER"),
    },
    Step {
        name: "browser-webkit",
        about: "the same tests in WebKit",
        usual: "20 s",
        needs: &[
            BROWSER_NEEDS[0],
            BROWSER_NEEDS[1],
            Need::Browser(Engine::Webkit),
        ],
        run: |project, view| in_browser(project, view, Engine::Webkit, "WASM_BINDGEN_USE_BROWSER"),
    },
    Step {
        name: "fastapi",
        about: "the FastAPI server does what its clients expect",
        usual: "5 s",
        needs: &[Need::Python],
        run: |project, view| {
            let mut command = project.command(python::interpreter(project));
            command
                .args(["-m", "pytest", "-q"])
                .current_dir(project.root.join("server/fastapi"));
            counted(view, Runner::Pytest, command)
        },
    },
    Step {
        name: "e2e",
        about: "the board in a real browser on both servers",
        usual: "1 min",
        needs: &[Need::NodeTools, Need::Python, CHROMIUM],
        run: end_to_end,
    },
    Step {
        name: "readme",
        about: "the commands of the README work as written",
        usual: "1 min",
        needs: &[],
        run: readme::run,
    },
];

/// Runs a command that is one test by itself.
fn once(view: View, mut command: Command) -> Result<Outcome> {
    let finished = process::watch("running", &mut command, view, LIMIT)?;
    ensure!(finished.success, "failed:\n{}", finished.tail());
    Ok(Outcome::passed(1))
}

/// Runs a command that counts its tests. One that ends badly without a failed test, or runs none at all, has failed.
fn counted(view: View, runner: Runner, mut command: Command) -> Result<Outcome> {
    let finished = process::watch("running", &mut command, view, LIMIT)?;
    let mut tally = tally::count(runner, &finished.output);
    let mut notes = Vec::new();
    if !finished.success {
        tally.failed = tally.failed.max(1);
        notes.push(format!("failed:\n{}", finished.tail()));
    } else {
        ensure!(tally.passed > 0, "no test ran:\n{}", finished.tail());
    }
    if tally.skipped > 0 {
        notes.push(format!(
            "{} marked in their source as not to be run by default",
            tally.skipped
        ));
    }
    Ok(Outcome { tally, notes })
}

fn lint_wasm(project: &Project, view: View) -> Result<Outcome> {
    let check = |package: &str, targets: &[&str]| {
        let mut command = cargo(
            project,
            &["clippy", "--target", "wasm32-unknown-unknown", "--package"],
        );
        command
            .arg(package)
            .args(targets)
            .args(["--", "-D", "warnings"]);
        once(view, command)
    };
    check("everwire", &["--lib", "--tests"])?;
    check("everwire-js", &["--lib"])?;
    Ok(Outcome::passed(2))
}

fn make_package(project: &Project, _view: View) -> Result<Outcome> {
    package::build(project)?;
    size::report(project)?;
    let mut outcome = Outcome::passed(2);
    outcome.notes.push(size::gate(project)?);
    Ok(outcome)
}

fn in_browser(project: &Project, view: View, engine: Engine, mode: &str) -> Result<Outcome> {
    let server = TestServer::start(project)?;
    let mut command = browsers::wasm_test_command(project, engine)?;
    command
        .arg("--")
        .args(
            wasm_tests(project)?
                .iter()
                .flat_map(|name| ["--test", name]),
        )
        .env(mode, "1")
        .env("EVERWIRE_TEST_SERVER", &server.url)
        // Seconds. The defaults of 20 and 5 are too short for a browser's first start on a busy machine.
        .env("WASM_BINDGEN_TEST_TIMEOUT", "120")
        .env("WASM_BINDGEN_TEST_DRIVER_TIMEOUT", "30");
    counted(view, Runner::Cargo, command)
}

/// The integration tests that are written for wasm: files in `tests/`, and folders with a `main.rs`.
fn wasm_tests(project: &Project) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(project.root.join("tests")).context("reading tests/")? {
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

fn end_to_end(project: &Project, view: View) -> Result<Outcome> {
    let server = server::build(project)?;
    if !project.package().join("package.json").is_file() {
        package::build(project)?;
    }
    let chromium = browsers::chromium(project).context("chromium is missing")?;
    let mut command = project.command("node");
    command
        .arg("--test")
        .args(end_to_end_tests(project)?)
        .env("EVERWIRE_SERVER_BIN", server)
        .env("EVERWIRE_PYTHON", python::interpreter(project))
        .env("CHROME_BIN", chromium);
    counted(view, Runner::Node, command)
}

/// The test files, by name: Node 20 and 22 disagree on what a folder means.
fn end_to_end_tests(project: &Project) -> Result<Vec<PathBuf>> {
    let folder = project.root.join("tests/e2e");
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

fn cargo(project: &Project, arguments: &[&str]) -> Command {
    let mut command = project.command("cargo");
    command.args(arguments).env("CARGO_TERM_COLOR", "never");
    command
}

impl Outcome {
    /// `number` tests passed and nothing else is to be said.
    pub fn passed(number: u64) -> Self {
        let tally = Tally {
            passed: number,
            ..Tally::default()
        };
        Self {
            tally,
            notes: Vec::new(),
        }
    }
}
