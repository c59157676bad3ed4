//! The text protocol: blocks of labelled values that a device sends by itself.
//!
//! A block is a row of lines and one raw byte that makes the sum of all its bytes 0 modulo 256:
//!
//! | Bytes | Meaning |
//! |---|---|
//! | `\r\n` | begins a line; it stands before the line, not behind it |
//! | 1 to 8 | label, printable ASCII |
//! | `\t` | |
//! | 0 to 32 | value, printable ASCII |
//! | `\r\n` `Checksum` `\t` | begins the last line |
//! | 1 | the checksum, any byte: `:`, `\r` and `\n` too |
//!
//! Frames of the [HEX protocol](super::hex) may stand between blocks and in the middle of a line.
//! They do not count into the sum.

mod block;
mod decoder;
mod encode;
#[cfg(test)]
mod tests;

pub use block::{Block, Event, Reason, Refused};
pub use decoder::{Decoder, MAX_FIELDS, MAX_LABEL, MAX_VALUE};
pub use encode::{EncodeError, encode_block};
