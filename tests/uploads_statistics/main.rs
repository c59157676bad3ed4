//! Home Assistant's long-term statistics: each example of the specification, a stand-in with the errors that the real one
//! gives, and a real Home Assistant.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests are tests too"
)]

#[path = "../support/alone.rs"]
mod alone;
mod driver;
mod errors;
mod front;
#[path = "../home_assistant_core/harness.rs"]
#[allow(dead_code, reason = "each test program uses a part of it")]
mod harness;
#[path = "../support/outbox.rs"]
mod house;
mod outbox;
mod real;
mod stand_in;
#[path = "../support/mod.rs"]
mod support;
mod vectors;
#[path = "../support/vectors.rs"]
mod vectors_in_place;
