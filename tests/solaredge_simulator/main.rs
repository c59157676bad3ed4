//! A simulated inverter, and whether all that it says arrives, whatever happens on the way.

#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod disorder;
mod live;
mod program;

/// The key of the inverter, where it encrypts.
const KEY: &str = "00112233445566778899AABBCCDDEEFF";
