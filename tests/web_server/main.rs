//! The web server on real sockets: who may what, how much, and what is told.

// What goes wrong in here shall fail the test, also outside of its own function.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod access;
mod bounds;
mod http;
mod login;
mod metrics;
mod namespace;
mod news;
mod program;
mod restore;
mod settings;
mod silence;
mod site;
mod uploads;

use std::time::Duration;

/// Only reached when something is broken.
const DEADLINE: Duration = Duration::from_secs(60);
