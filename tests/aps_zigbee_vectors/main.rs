//! What sticks and inverters said, read in place: it has to be understood as independent programs did.
//!
//! The captures are not part of the project; without them every test here is ignored.

#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

#[path = "../support/vectors.rs"]
mod captures;
mod energy;
mod masked;
mod payload;
mod radio;
mod znp;
