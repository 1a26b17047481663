//! A proxy between a browser and a WebSocket server that makes faults, below HTTP and WebSocket and between frames.
//!
//! It passes everything until it is told otherwise through [`control`]: one [`Fault`] at a time, or the next of a
//! seeded [`Schedule`](schedule::Schedule). It counts what it did. No extension is negotiated through it, so that
//! frames can be read.

pub mod control;
mod counts;
mod fault;
mod frame;
mod handshake;
mod lane;
mod link;
mod proxy;
pub mod schedule;
mod shape;

pub use counts::Counts;
pub use fault::{Ending, Fault, Garbage, Toward};
pub use proxy::Proxy;
