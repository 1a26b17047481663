//! The engine's behaviour in plain mode, as scripts: inputs, and the outputs they must give. `script.rs` has the language.
#![cfg(not(target_arch = "wasm32"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a script that cannot be read fails its test"
)]

mod render;
mod script;
mod words;

mod authentication;
mod close_codes;
mod frames;
mod heartbeat;
mod page;
mod queue;
mod rate;
mod reconnection;
mod reliable;
mod requests;
mod sockets;
mod token_life;
mod wake;
