//! The history: against the examples beside the project, killed at any moment, in the way of nobody.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

mod disk;
mod kills;
mod vectors;
mod year;
