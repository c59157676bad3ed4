//! Commands for these inverters alone.
//!
//! | Command | Module |
//! |---|---|
//! | `pair`: brings an inverter into the network of a stick | `pair` |
//! | `console`: shows what a stick says, and tells it what is typed | `console` |
//!
//! `pairing_trace` knows what a pairing leaves behind that is interrupted. Both take their settings by `stick_args`, and reset a stick by `reset_pulse` where a line is wired to it.

mod console;
mod pair;
mod pairing_trace;
mod reset_pulse;
mod stick_args;
#[cfg(feature = "simulate")]
#[cfg(test)]
mod tests;

use crate::device::Tool;

/// All of them.
pub static TOOLS: &[&dyn Tool] = &[&pair::PairTool, &console::ConsoleTool];

#[cfg(test)]
mod command_lines {
    use super::*;

    #[test]
    fn each_command_says_what_it_does() {
        for (tool, words) in TOOLS
            .iter()
            .zip(["Brings an inverter", "Shows what a stick says"])
        {
            let command = tool.command();
            let about = command.get_about().unwrap().to_string();
            assert!(about.starts_with(words), "{about}");
            assert_eq!(command.get_long_about().map(ToString::to_string), None);
        }
    }
}
