//! The server's half of everwire.v1, driven by hand: what the golden vectors cannot say. They run in the server's tests.

#![cfg(not(target_arch = "wasm32"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking"
)]

mod bounds;
mod hostile;
mod house;
mod openings;
mod stores;
