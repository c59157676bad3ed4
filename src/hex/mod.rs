//! Bytes as people write and read them.

mod digits;
mod dump;

pub use digits::{Hex, bytes};
pub use dump::Dump;
#[cfg(test)]
pub use dump::HEX;
