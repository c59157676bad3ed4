//! Packets from where they really come: interfaces of the kernel, files, pipes, servers and a proxy.

#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]
#![allow(
    clippy::print_stderr,
    reason = "who runs the tests is to know what was left out"
)]

mod arrived;
#[cfg(target_os = "linux")]
mod interfaces;
mod pipes;
mod proxies;
#[cfg(target_os = "linux")]
mod scene;

use std::time::Duration;

use wattbridge::links::{Parity, SerialSettings};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);
/// What a capture has no use for.
const NO_SETTINGS: SerialSettings = SerialSettings::new(9600, Parity::None);
