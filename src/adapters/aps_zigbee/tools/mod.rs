//! Commands for these inverters alone.
//!
//! | Command | Module |
//! |---|---|
//! | `pair`: brings an inverter into the network of a stick | `pair` |
//! | `console`: shows what a stick says, and tells it what is typed | `console` |
//!
//! Both take their settings by `stick_args`.

mod console;
mod pair;
mod stick_args;
#[cfg(feature = "simulate")]
#[cfg(test)]
mod tests;

use crate::device::Tool;

/// All of them.
pub static TOOLS: &[&dyn Tool] = &[&pair::PairTool, &console::ConsoleTool];
