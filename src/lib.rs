//! A WebSocket that stays up, for the browser.

mod config;
mod error;
pub mod proto;
#[cfg(target_arch = "wasm32")]
pub mod web;

pub use config::*;
pub use error::ErrorCode;
