//! The task board, on top of the hub.

mod api;
mod counts;
mod error;
mod faults;
mod files;
mod live;
pub mod options;
pub mod serve;
mod service;
mod sessions;
mod socket;
mod store;
mod task;
mod tokens;
