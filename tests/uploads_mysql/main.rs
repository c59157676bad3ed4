//! MySQL: each example of the specification, and a real MariaDB with se-logger's tables, into which frames of simulated
//! inverters go on the way that they go at home. Without MariaDB the tests that need it say so and are passed over.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

#[path = "../support/alone.rs"]
mod alone;
mod errors;
mod frames;
mod house;
mod migrate;
mod server;
mod vectors;
#[path = "../support/vectors.rs"]
mod vectors_in_place;
