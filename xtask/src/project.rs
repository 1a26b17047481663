//! Where things are: the checkout, the build output and the tool cache.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

/// The folders every command works in.
pub struct Project {
    /// The checkout.
    pub root: PathBuf,
    /// Cargo's build output.
    pub target: PathBuf,
    /// What outlives a checkout: compiled tools and the Python environment.
    pub cache: PathBuf,
}

impl Project {
    /// Finds the folders from the environment that `cargo run` sets.
    ///
    /// # Errors
    /// When neither a cache folder nor a home folder is known.
    pub fn locate() -> Result<Self> {
        let manifest = env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = manifest
            .parent()
            .context("xtask has no parent folder")?
            .to_path_buf();
        let target = env::var_os("CARGO_TARGET_DIR")
            .map_or_else(|| root.join("target"), |folder| root.join(folder));
        Ok(Self {
            target,
            cache: cache_folder()?,
            root,
        })
    }

    /// Where `cargo install` puts the compiled tools.
    pub fn tools(&self) -> PathBuf {
        self.cache.join("tools")
    }

    /// The npm package that `cargo xtask build` makes.
    pub fn package(&self) -> PathBuf {
        self.root.join("pkg")
    }

    /// The command that runs `program` in the checkout, with the installed tools found before all others.
    pub fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        command
            .current_dir(&self.root)
            .env("PATH", self.search_path());
        // Build scripts watch some of these, and would run again whenever cargo is called from here.
        for (name, _) in env::vars_os() {
            if name.to_str().is_some_and(is_set_by_cargo_run) {
                command.env_remove(name);
            }
        }
        command
    }

    /// The file that `name` stands for on the search path of [`Project::command`].
    pub fn find(&self, name: &str) -> Option<PathBuf> {
        env::split_paths(&self.search_path())
            .map(|folder| folder.join(name))
            .find(|file| file.is_file())
    }

    fn search_path(&self) -> OsString {
        let ours = [
            self.tools().join("bin"),
            self.root.join("node_modules/.bin"),
        ];
        let inherited = env::var_os("PATH").unwrap_or_default();
        let folders = ours.into_iter().chain(env::split_paths(&inherited));
        env::join_paths(folders).unwrap_or(inherited)
    }
}

fn cache_folder() -> Result<PathBuf> {
    if let Some(folder) = env::var_os("EVERWIRE_CACHE") {
        return Ok(PathBuf::from(folder));
    }
    if let Some(folder) = env::var_os("XDG_CACHE_HOME") {
        return Ok(PathBuf::from(folder).join("everwire"));
    }
    let home = env::var_os("HOME").context("set EVERWIRE_CACHE to a folder for the tools")?;
    Ok(PathBuf::from(home).join(".cache/everwire"))
}

fn is_set_by_cargo_run(name: &str) -> bool {
    name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
}
