//! How slow the network is.

use std::num::{NonZeroU64, NonZeroUsize};
use std::time::Duration;

/// A slow network.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Shape {
    /// Each way.
    pub(crate) latency: Duration,
    /// At most so much more.
    pub(crate) jitter: Duration,
    pub(crate) bytes_per_second: Option<NonZeroU64>,
    /// The most bytes a write.
    pub(crate) slice: Option<NonZeroUsize>,
}

impl Shape {
    /// How long the bytes that arrive now are on their way.
    pub(crate) fn delay(&self) -> Duration {
        self.latency + self.jitter.mul_f64(fastrand::f64())
    }

    /// How long so many bytes keep the line busy.
    pub(crate) fn pause_after(&self, bytes: usize) -> Option<Duration> {
        let rate = self.bytes_per_second?;
        Some(Duration::from_secs_f64(bytes as f64 / rate.get() as f64))
    }
}
