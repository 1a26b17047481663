//! The driver: runs the engine on what a page or a worker has. It holds no policy, no close code and no default.

mod browser;
mod clock;
mod driver;
mod frames;
mod page;
mod socket;
mod storage;
mod timer;

pub use driver::{Driver, Host};
