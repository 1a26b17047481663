//! The browser driver, in a page and in a worker: against the board's server, and on a socket that a test plays.
#![cfg(target_arch = "wasm32")]
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on panics"
)]

mod real_server;
mod recorder;
mod scripted_socket;
