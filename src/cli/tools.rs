//! Commands that an adapter brings along: `wattbridge aps-ecu history`.

use anyhow::anyhow;
use clap::{ArgMatches, Command};
use tokio_util::sync::CancellationToken;

use super::{CliError, runtime, stop};
use crate::adapters::{ADAPTERS, find};
use crate::device::Tool;

/// A command for each adapter that has tools.
pub fn commands() -> impl Iterator<Item = Command> {
    ADAPTERS
        .iter()
        .filter(|adapter| !adapter.tools().is_empty())
        .map(|adapter| {
            Command::new(adapter.kind().replace('_', "-"))
                .aliases(adapter.also_called())
                .about(format!("Commands for {}", adapter.title()))
                .subcommand_required(true)
                .arg_required_else_help(true)
                .subcommands(adapter.tools().iter().map(|tool| tool.command()))
        })
}

pub fn run(adapter: &str, matches: &ArgMatches) -> Result<(), CliError> {
    let tools = find(adapter).map_or(&[][..], |adapter| adapter.tools());
    let Some((name, matches)) = matches.subcommand() else {
        return Ok(());
    };
    let tool = tools.iter().find(|tool| tool.command().get_name() == name);
    tool.map_or(Ok(()), |tool| run_tool(*tool, matches))
}

/// Runs a tool until it is done or interrupted.
pub fn run_tool(tool: &dyn Tool, matches: &ArgMatches) -> Result<(), CliError> {
    runtime()?.block_on(async {
        let stop: CancellationToken = stop::on_signal();
        let done = tool.run(matches, stop.clone());
        done.await.map_err(|error| anyhow!("{error}").into())
    })
}
