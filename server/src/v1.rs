//! The JSON of everwire.v1 as a server reads and writes it: for the hub, for tests, and for other transports.

mod decode;
mod encode;

pub use decode::{Malformed, decode};
pub use encode::encode;
