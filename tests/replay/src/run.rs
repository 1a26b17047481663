//! The run, and the first step at which it comes out otherwise.

use anyhow::{Context, Result};
use everwire::trace::Traced;
use serde_json::Value;

use crate::Recording;
use crate::value::Object;
use crate::{begin, inputs};

/// Where a run came out otherwise than the recording.
#[derive(Debug, PartialEq, Eq)]
pub struct Divergence {
    /// The place of the step, from 0.
    pub step: usize,
    /// What the recording has there; `None` behind its end.
    pub recorded: Option<Value>,
    /// What came in the run; `None` if nothing did.
    pub found: Option<Value>,
}

/// Runs a recording, as far as it has its beginning.
///
/// # Errors
/// When a step cannot be read.
pub fn run(recording: &Recording) -> Result<Option<Divergence>> {
    let mut run = Run {
        connection: begin::connection(&recording.begin)?,
        recording,
        compared: 0,
        read: 0,
    };
    for (index, step) in recording.steps.iter().enumerate() {
        let taken = run.take(step).and_then(|()| run.compare());
        let divergence = taken.with_context(|| format!("step {index} is {step}"))?;
        if divergence.is_some() {
            return Ok(divergence);
        }
        if run.compared <= index {
            return Ok(Some(run.divergence(None)));
        }
    }
    if recording.drained {
        run.connection.poll_output();
    }
    run.compare()
}

struct Run<'a> {
    connection: Traced<()>,
    recording: &'a Recording,
    /// Steps of the run that were compared, and their bytes.
    compared: usize,
    read: usize,
}

impl Run<'_> {
    /// Lets the connection do what leads to this step.
    fn take(&mut self, step: &Value) -> Result<()> {
        let step = Object::of(step)?;
        if step.has("t") {
            // Whoever recorded had taken all outputs before, but for what a handler does.
            if !step.flag("within") {
                self.connection.poll_output();
            }
            return inputs::apply(&mut self.connection, step);
        }
        if step.has("out") || step.has("wait") {
            self.connection.poll_output();
        }
        Ok(())
    }

    /// Compares what the run has recorded of itself since the last time.
    fn compare(&mut self) -> Result<Option<Divergence>> {
        let own = self.connection.steps();
        let new = own.get(self.read..).unwrap_or_default();
        for line in new.lines() {
            let found: Value = serde_json::from_str(line)?;
            if self.recording.steps.get(self.compared) != Some(&found) {
                return Ok(Some(self.divergence(Some(found))));
            }
            self.compared += 1;
        }
        self.read = own.len();
        Ok(None)
    }

    fn divergence(&self, found: Option<Value>) -> Divergence {
        Divergence {
            step: self.compared,
            recorded: self.recording.steps.get(self.compared).cloned(),
            found,
        }
    }
}
