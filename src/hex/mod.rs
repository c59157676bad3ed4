//! Bytes as people read them.

mod dump;

pub use dump::Dump;
#[cfg(test)]
pub use dump::HEX;
