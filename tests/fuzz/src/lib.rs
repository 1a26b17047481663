//! What the fuzzers in `fuzz/` run, as functions of bytes: they panic if an invariant breaks. The corpora that the
//! fuzzers found are replayed by this crate's tests.
#![allow(
    clippy::panic,
    clippy::expect_used,
    reason = "a broken invariant is told by a panic"
)]

mod batch;
mod bytes;
mod client;
mod plain;
mod promises;
mod server;
mod sockets;
mod store;
mod values;
mod wire;

pub use batch::batch;
pub use bytes::random;
pub use client::client;
#[cfg(feature = "trace")]
pub use client::traced_client;
pub use plain::plain;
pub use server::server;
pub use wire::wire;
