//! The simulator as a command.

use clap::{Args, FromArgMatches};
use tokio_util::sync::CancellationToken;

use super::simulator::{SimulatorArgs, run};
use crate::adapters::{Task, Tool, ToolError};

/// `wattbridge simulate victron`.
#[derive(Debug)]
pub(super) struct Simulate;

impl Tool for Simulate {
    fn command(&self) -> clap::Command {
        SimulatorArgs::augment_args(clap::Command::new("victron"))
    }

    fn run(
        &self,
        matches: &clap::ArgMatches,
        stop: CancellationToken,
    ) -> Task<Result<(), ToolError>> {
        let args = SimulatorArgs::from_arg_matches(matches);
        Box::pin(async move { Ok(run(args?, stop).await?) })
    }
}
