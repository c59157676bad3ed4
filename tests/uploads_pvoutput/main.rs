//! Statuses for PVOutput, over a real socket, to a stand-in for it that refuses what it refuses.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

mod days;
mod errors;
mod house;
#[allow(dead_code, reason = "each test program uses a part of it")]
#[path = "../support/pvoutput.rs"]
mod stand_in;
mod vectors;

#[path = "../support/vectors.rs"]
mod captures;
