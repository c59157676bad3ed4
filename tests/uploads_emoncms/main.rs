//! emoncms: each example of the specification, and a stand-in over a real socket that does what the real one did,
//! also when the line is cut.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

#[path = "../support/alone.rs"]
mod alone;
mod driver;
#[path = "../support/outbox.rs"]
mod house;
mod migrate;
mod outages;
mod outbox;
#[allow(dead_code, reason = "each test program uses a part of it")]
#[path = "../support/emoncms.rs"]
mod stand_in;
mod traits;
mod vectors;
#[path = "../support/vectors.rs"]
mod vectors_in_place;
