//! The commands for SolarEdge inverters, as people call them: on captures of others, and on captures that
//! are made here, with invented serial numbers and keys.

// What goes wrong in here shall fail the test, also outside of its own function.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod captured;
#[cfg(all(feature = "simulate", target_os = "linux"))]
mod line;
mod made;
mod migrate;
#[path = "../support/vectors.rs"]
mod vectors;

use std::path::Path;
use std::process::{Command, Output, Stdio};

/// The program at work, in UTC.
pub(crate) fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wattbridge"));
    command.args(args).env("TZ", "UTC").stdin(Stdio::null());
    command
}

/// What a command did.
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) said: String,
}

impl Done {
    pub(crate) fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            said: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// All that it said anywhere.
    pub(crate) fn all(&self) -> String {
        format!("{}\n{}", self.out, self.said)
    }
}

/// `wattbridge solaredge ...`, on files.
pub(crate) fn tool(name: &str, args: &[&str], files: &[&Path]) -> Done {
    let mut command = command(&["solaredge", name]);
    command.args(args).args(files);
    Done::of(command.output().unwrap())
}
