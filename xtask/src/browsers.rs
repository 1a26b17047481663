//! The three browser engines, their drivers, and how a WebDriver starts each without a screen.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use std::{env, fs};

use anyhow::{Context, Result, bail};
use nix::unistd::Uid;

use crate::project::Project;
use crate::{cargo_tools, process};

const DOWNLOAD_LIMIT: Duration = Duration::from_secs(20 * 60);

/// Where Debian keeps WebKitGTK's test browser; the middle part is the machine's architecture.
const MINI_BROWSER: [&str; 2] = [
    "/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser",
    "/usr/lib/aarch64-linux-gnu/webkit2gtk-4.1/MiniBrowser",
];

/// Keeps a fresh Chromium from talking to the network on its own.
const CHROMIUM_ARGUMENTS: [&str; 8] = [
    "--headless=new",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--disable-gpu",
    "--disable-dev-shm-usage",
];

/// A browser engine.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// Chromium, or a Chrome that is there.
    Chromium,
    /// Firefox.
    Firefox,
    /// WebKitGTK, which needs a virtual screen.
    Webkit,
}

impl Engine {
    /// All three.
    pub const ALL: [Self; 3] = [Self::Chromium, Self::Firefox, Self::Webkit];

    /// What it is called on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Chromium => "chromium",
            Self::Firefox => "firefox",
            Self::Webkit => "webkit",
        }
    }

    fn debian_packages(self) -> &'static [&'static str] {
        match self {
            Self::Chromium => &["chromium", "chromium-driver"],
            Self::Firefox => &["firefox-esr"],
            Self::Webkit => &["webkit2gtk-driver", "xvfb", "xauth"],
        }
    }

    fn is_there(self, project: &Project) -> bool {
        match self {
            Self::Chromium => chromium(project).is_some() && chromedriver(project).is_some(),
            Self::Firefox => firefox(project).is_some(),
            Self::Webkit => {
                mini_browser().is_some()
                    && project.find("WebKitWebDriver").is_some()
                    && project.find("xvfb-run").is_some()
            }
        }
    }
}

/// Installs `engine` and its driver unless they are there.
///
/// # Errors
/// When they are missing and cannot be installed; the message says what to install by hand.
pub fn ensure(project: &Project, engine: Engine) -> Result<()> {
    if !engine.is_there(project) {
        apt_install(project, engine.debian_packages())?;
        if !engine.is_there(project) {
            bail!(
                "{} are installed but not found",
                engine.debian_packages().join(", ")
            );
        }
    }
    if engine == Engine::Firefox {
        cargo_tools::ensure_geckodriver(project)?;
    }
    Ok(())
}

/// The Chromium or Chrome to use: `$CHROME_BIN`, or what the search path has.
pub fn chromium(project: &Project) -> Option<PathBuf> {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    env::var_os("CHROME_BIN")
        .map(PathBuf::from)
        .or_else(|| names.iter().find_map(|name| project.find(name)))
}

/// The command that runs the wasm tests named by `tests` in `engine`: wasm-pack, told which driver to use.
///
/// # Errors
/// When the browser is missing or its options cannot be written.
pub fn wasm_test_command(project: &Project, engine: Engine) -> Result<Command> {
    let (driver, capabilities) = driver(project, engine)?;
    let mut command = match engine {
        Engine::Chromium => wasm_pack(project, "--chrome", "--chromedriver", &driver),
        Engine::Firefox => wasm_pack(project, "--firefox", "--geckodriver", &driver),
        Engine::Webkit => under_virtual_screen(
            project,
            &wasm_pack(project, "--safari", "--safaridriver", &driver),
        ),
    };
    command.env("WASM_BINDGEN_TEST_WEBDRIVER_JSON", capabilities);
    Ok(command)
}

/// The WebDriver of `engine`, and the file with the capabilities that start it without a screen.
///
/// # Errors
/// When one is missing or the file cannot be written.
pub fn driver(project: &Project, engine: Engine) -> Result<(PathBuf, PathBuf)> {
    let driver = match engine {
        Engine::Chromium => chromedriver(project).context("chromedriver is missing")?,
        Engine::Firefox => project
            .find("geckodriver")
            .context("geckodriver is missing")?,
        Engine::Webkit => project
            .find("WebKitWebDriver")
            .context("WebKitWebDriver is missing")?,
    };
    Ok((driver, write_capabilities(project, engine)?))
}

/// Installs Debian packages, or says which ones to install.
///
/// # Errors
/// When this machine has no apt, or no right to use it, or apt fails.
pub fn apt_install(project: &Project, packages: &[&str]) -> Result<()> {
    let by_hand = format!("install by hand: {}", packages.join(" "));
    if project.find("apt-get").is_none() {
        bail!("there is no apt-get here; {by_hand}");
    }
    let root = Uid::effective().is_root();
    let may_sudo = || {
        let mut sudo = project.command("sudo");
        sudo.args(["-n", "true"])
            .output()
            .is_ok_and(|output| output.status.success())
    };
    if !root && !may_sudo() {
        bail!(
            "run this, then try again: sudo apt-get install {}",
            packages.join(" ")
        );
    }
    let apt = |arguments: &[&str]| {
        let mut command = project.command(if root { "apt-get" } else { "sudo" });
        if !root {
            command.args(["-n", "apt-get"]);
        }
        command
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive");
        command
    };
    process::run(
        "apt-get update",
        "5 s",
        &mut apt(&["update", "-q"]),
        DOWNLOAD_LIMIT,
    )?;
    let arguments = [&["install", "-qy", "--no-install-recommends"], packages].concat();
    let label = format!("apt-get install {}", packages.join(" "));
    process::run(&label, "1 min", &mut apt(&arguments), DOWNLOAD_LIMIT).context(by_hand)?;
    Ok(())
}

fn chromedriver(project: &Project) -> Option<PathBuf> {
    env::var_os("CHROMEDRIVER")
        .map(PathBuf::from)
        .or_else(|| project.find("chromedriver"))
}

fn firefox(project: &Project) -> Option<PathBuf> {
    ["firefox-esr", "firefox"]
        .iter()
        .find_map(|name| project.find(name))
}

fn mini_browser() -> Option<&'static str> {
    MINI_BROWSER
        .into_iter()
        .find(|file| Path::new(file).is_file())
}

fn wasm_pack(project: &Project, browser: &str, option: &str, driver: &Path) -> Command {
    let mut command = project.command("wasm-pack");
    command
        .args([
            "test",
            "--mode",
            "no-install",
            "--headless",
            browser,
            option,
        ])
        .arg(driver);
    command
}

fn under_virtual_screen(project: &Project, inner: &Command) -> Command {
    let mut command = project.command("xvfb-run");
    command
        .arg("-a")
        .arg(inner.get_program())
        .args(inner.get_args());
    command
}

/// Writes the WebDriver capabilities of `engine` and gives the file.
fn write_capabilities(project: &Project, engine: Engine) -> Result<PathBuf> {
    let text = match engine {
        Engine::Chromium => {
            let binary = chromium(project).context("chromium is missing")?;
            let mut arguments = CHROMIUM_ARGUMENTS.to_vec();
            if Uid::effective().is_root() {
                arguments.push("--no-sandbox");
            }
            capabilities("goog:chromeOptions", &binary, &arguments)
        }
        Engine::Firefox => {
            let binary = firefox(project).context("firefox is missing")?;
            capabilities("moz:firefoxOptions", &binary, &["-headless"])
        }
        Engine::Webkit => {
            let binary = Path::new(mini_browser().context("MiniBrowser is missing")?);
            capabilities("webkitgtk:browserOptions", binary, &["--automation"])
        }
    };
    let folder = project.target.join("webdriver");
    fs::create_dir_all(&folder)?;
    let file = folder.join(format!("{}.json", engine.name()));
    fs::write(&file, text).with_context(|| format!("writing {}", file.display()))?;
    Ok(file)
}

fn capabilities(key: &str, binary: &Path, arguments: &[&str]) -> String {
    // Debug writes a string as JSON does, for the plain paths and options there are.
    format!("{{{key:?}: {{\"binary\": {binary:?}, \"args\": {arguments:?}}}}}\n")
}
