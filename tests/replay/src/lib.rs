//! Runs a recording again: the same engine natively, with the recorded inputs, and compares what comes out of it step by
//! step. `docs/trace.md` describes the format.

mod begin;
mod frames;
mod inputs;
mod readable;
mod run;
mod value;

use anyhow::{Context, Result, ensure};
use everwire::trace::VERSION;
use serde_json::Value;

pub use readable::readable;
pub use run::{Divergence, run};
use value::Object;

/// A recording as it was read.
pub struct Recording {
    /// What the connection was made from.
    pub begin: Value,
    /// All that followed, from the first step on.
    pub steps: Vec<Value>,
    /// All outputs were taken when the recording was read.
    pub drained: bool,
    /// Steps that were dropped between those and the latest ones.
    pub lost: u64,
    /// The latest steps, if there was no room for all. They cannot be run.
    pub recent: Vec<Value>,
}

impl Recording {
    /// Reads what `wire.trace()` gave.
    ///
    /// # Errors
    /// When it is no recording, or one of another version.
    pub fn read(text: &str) -> Result<Self> {
        let whole: Value = serde_json::from_str(text).context("this is not JSON")?;
        let object = Object::of(&whole).context("this is no recording")?;
        let begin = object.value("begin")?.clone();
        let version = Object::of(&begin)?.number("version")?;
        ensure!(
            version == VERSION,
            "the recording has version {version} of the format, this program reads {VERSION}"
        );
        Ok(Self {
            begin,
            steps: object.list("steps")?.to_vec(),
            drained: object.flag("drained"),
            lost: object.number("lost")?,
            recent: object.list("recent")?.to_vec(),
        })
    }
}
