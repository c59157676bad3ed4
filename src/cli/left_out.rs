//! Commands that are known and not in this build: what is shipped runs for years, and plays nothing.

use anyhow::anyhow;
use clap::{Arg, Command};

use super::CliError;

/// What may be left out, and whether it is.
const OPTIONAL: [(&str, bool); 2] = [
    ("demo", !cfg!(feature = "demo")),
    ("simulate", !cfg!(feature = "simulate")),
];

fn names() -> impl Iterator<Item = &'static str> {
    OPTIONAL
        .into_iter()
        .filter(|(_, is_left_out)| *is_left_out)
        .map(|(name, _)| name)
}

/// A command for each of them that no help lists.
pub fn commands() -> impl Iterator<Item = Command> {
    names().map(|name| {
        let anything = Arg::new("anything").num_args(0..).allow_hyphen_values(true);
        let command = Command::new(name).hide(true).disable_help_flag(true);
        command.arg(anything.trailing_var_arg(true))
    })
}

/// Says where to have a command that is left out; nothing for any other.
pub fn run(command: &str) -> Option<Result<(), CliError>> {
    let name = names().find(|name| *name == command)?;
    let error = anyhow!(
        "`{name}` is not in this build, which is made to run and plays no devices; with the source at \
         hand, `cargo run -- {name}` has it"
    );
    Some(Err(error.into()))
}
