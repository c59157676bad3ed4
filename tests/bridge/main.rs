//! The program as people run it: a real process with a file, simulated ECUs on real sockets, a real
//! Mosquitto, and somebody on the broker who sees everything.
//!
//! The interval of the ECU sections here is 300 ms, which is allowed on this host only and brings
//! every other waiting time in proportion.

// What goes wrong in here shall fail the test, also outside of its own function.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod announced;
mod app;
mod between;
mod broker_away;
#[path = "../support/vectors.rs"]
mod captures;
mod clock_steps;
mod commands;
mod counters;
mod decoding;
#[cfg(feature = "demo")]
mod demo;
mod doubts;
mod ending;
mod first_start;
mod gateway;
mod history;
mod home;
mod jsonl;
mod kills;
mod meter;
mod night;
mod outage;
mod outside;
mod power_cuts;
mod process;
mod recordings;
mod refused_files;
mod restarts;
mod secrets;
mod service;
mod several;
mod several_bridges;
mod store_full;
mod sums;
#[path = "../support/mod.rs"]
mod support;
mod text;
mod victron;
mod wire;

use std::time::Duration;

/// Only reached when something is broken.
const DEADLINE: Duration = Duration::from_secs(120);
