//! A simulated Zigbee stick with its inverters, read by the real program, with a real Mosquitto between it and
//! somebody who sees everything.
//!
//! The stick starts faster than a real one does; all else takes the time that it takes.

// What goes wrong in here shall fail the test, also outside of its own function.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod away;
mod control;
mod firmware;
#[path = "../bridge/home.rs"]
#[allow(dead_code, reason = "the other test uses the rest")]
mod home;
mod kills;
mod pairing;
#[path = "../bridge/process.rs"]
#[allow(dead_code, reason = "the other test uses the rest")]
mod process;
mod site;
#[path = "../support/mod.rs"]
mod support;
mod values;
#[path = "../bridge/wire.rs"]
#[allow(dead_code, reason = "the other test uses the rest")]
mod wire;

use std::time::Duration;

/// Only reached when something is broken. Three rounds of pairing take a while.
const DEADLINE: Duration = Duration::from_secs(300);
