//! A simulated year of a house, and the history that is made of it.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

mod house;
mod simulation;
