//! Victron devices over VE.Direct: battery monitors, solar chargers, inverters, chargers and
//! converters.
//!
//! A device sends blocks of text by itself, and answers questions in a second protocol of hex digits
//! on the same wire. [`wire`] has the bytes of both, without I/O.

#[cfg(target_os = "linux")]
#[allow(dead_code, reason = "becomes a command with the adapter")]
mod simulated;
#[cfg(target_os = "linux")]
pub mod simulator;
pub mod wire;
