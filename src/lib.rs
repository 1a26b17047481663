#![doc = include_str!("../README.md")]
//!
//! # Invariants
//!
//! Each is held by a test or a lint.
//!
//! 1. [`proto`] names no browser binding, clock, thread, hash map or random source: time and a seed come in.
//! 2. `proto` does no IO and calls no user code. It returns owned values.
//! 3. [`web`] holds no policy: no close code, no retry decision, no default.
//! 4. One timer is armed at a time; deadlines are compared with the clock, never trusted to the timer.
//! 5. No user callback runs while anything is borrowed: a handler may call `send` or `close`.
//! 6. Payloads are opaque to the engine. Those of JavaScript users never enter wasm memory.
//! 7. No panic can be reached: a panic in wasm kills the page's instance.
//! 8. Every queue, table, retry and frame has a bound, and refusal hands the message back.

#![cfg_attr(not(any(test, feature = "client")), no_std)]

extern crate alloc;

#[cfg(feature = "client")]
mod client;
mod compiled;
mod config;
mod error;
pub mod proto;
#[cfg(feature = "trace")]
pub mod trace;
#[cfg(feature = "web")]
pub mod web;

#[cfg(feature = "client")]
pub use client::*;
pub use config::*;
pub use error::ErrorCode;
