//! What the commands need, installed when it is missing. Each check is fast when all is there.

use anyhow::Result;

use crate::browsers::{self, Engine};
use crate::project::Project;
use crate::{cargo_tools, node_tools, python};

/// Something that has to be on the machine.
#[derive(Clone, Copy)]
pub enum Need {
    /// rustfmt, clippy and the standard library for wasm.
    Toolchain,
    /// wasm-pack and wasm-bindgen.
    WasmTools,
    /// The packages of `package-lock.json`.
    NodeTools,
    /// The virtual environment of the FastAPI server.
    Python,
    /// A browser engine with its driver.
    Browser(Engine),
}

/// Installs what is missing of `needs`.
///
/// # Errors
/// When something cannot be installed; the message says what to install by hand.
pub fn ensure(project: &Project, needs: &[Need]) -> Result<()> {
    for need in needs {
        match need {
            Need::Toolchain => cargo_tools::ensure_toolchain(project)?,
            Need::WasmTools => cargo_tools::ensure_wasm_tools(project)?,
            Need::NodeTools => node_tools::ensure(project)?,
            Need::Python => python::ensure(project)?,
            Need::Browser(engine) => browsers::ensure(project, *engine)?,
        }
    }
    Ok(())
}

/// Installs what is missing for any command.
///
/// # Errors
/// As [`ensure`].
pub fn everything(project: &Project) -> Result<()> {
    let needs = [
        Need::Toolchain,
        Need::NodeTools,
        Need::Python,
        Need::Browser(Engine::Chromium),
        Need::Browser(Engine::Firefox),
        Need::Browser(Engine::Webkit),
        Need::WasmTools,
    ];
    ensure(project, &needs)?;
    println!("everything is installed");
    Ok(())
}
