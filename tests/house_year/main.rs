//! A simulated year of a house, the history that is made of it, and the commands that show, bring in, correct and
//! save it.

#![cfg(feature = "simulate")]
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

mod commands;
#[cfg(feature = "demo")]
mod demo;
mod history;
mod house;
mod simulation;
