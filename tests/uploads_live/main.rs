//! Outputs that tell others the latest values: Domoticz and the JSON of RPI-ECU with each example of the specification
//! on a real Mosquitto, the real program between a meter and a listener as strict as Domoticz, and what evcc reads.

// What goes wrong in here shall fail the test, also outside of its own function.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod devices;
mod domoticz;
mod ecu_json;
mod evcc;
#[allow(dead_code, reason = "only a part of it is used here")]
#[path = "../bridge/home.rs"]
mod home;
mod listener;
#[allow(dead_code, reason = "only a part of it is used here")]
#[path = "../bridge/process.rs"]
mod process;
mod program;
#[path = "../support/mod.rs"]
mod support;
#[path = "../support/vectors.rs"]
mod vectors;
mod web_server;
#[allow(dead_code, reason = "only a part of it is used here")]
#[path = "../bridge/wire.rs"]
mod wire;

use std::time::Duration;

/// Only reached when something is broken.
const DEADLINE: Duration = Duration::from_secs(120);
