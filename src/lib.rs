//! A WebSocket that stays up, for the browser.

mod config;
mod error;
pub mod proto;

pub use config::*;
pub use error::ErrorCode;
