//! Counting what was done.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

/// What the proxy has seen and done since it started.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// TCP connections accepted.
    pub accepted: u64,
    /// WebSocket connections opened through to the server.
    pub opened: u64,
    /// Connections that found no server behind the proxy.
    pub unreachable: u64,
    /// Data frames that clients wrote.
    pub frames_to_server: u64,
    /// Data frames that servers wrote.
    pub frames_to_client: u64,
    /// How often each fault met a connection.
    pub faults: BTreeMap<&'static str, u64>,
}

/// Counts that many tasks add to.
#[derive(Debug, Default)]
pub(crate) struct Counter(Mutex<Counts>);

impl Counter {
    pub(crate) fn add(&self, change: impl FnOnce(&mut Counts)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(crate) fn fault(&self, name: &'static str) {
        self.add(|counts| *counts.faults.entry(name).or_default() += 1);
    }

    pub(crate) fn now(&self) -> Counts {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
