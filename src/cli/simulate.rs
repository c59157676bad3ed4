//! `wattbridge simulate`: devices that are not there.

use clap::{ArgMatches, Command};

use super::CliError;
use super::logging::{self, LogSettings};
use super::tools::run_tool;
use crate::adapters::{ADAPTERS, find};
use crate::device::Adapter;

const EXAMPLES: &str = "\
Examples:
  wattbridge simulate aps-ecu          an ECU with inverters on 127.0.0.1:8899
  wattbridge simulate aps-ecu --listen 127.0.0.1:9000 --speed 60";

pub fn command() -> Command {
    let simulators = ADAPTERS.iter().filter_map(|adapter| {
        let simulator = adapter.simulator()?;
        let name = adapter.kind().replace('_', "-");
        Some(
            simulator
                .command()
                .name(name)
                .aliases(adapter.also_called()),
        )
    });
    Command::new("simulate")
        .about("Plays a device that speaks its real protocol, faults included")
        .after_help(EXAMPLES)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands(simulators)
}

pub fn run(matches: &ArgMatches) -> Result<(), CliError> {
    let Some((adapter, matches)) = matches.subcommand() else {
        return Ok(());
    };
    logging::start(&LogSettings::default());
    let simulator = find(adapter).and_then(Adapter::simulator);
    simulator.map_or(Ok(()), |simulator| run_tool(simulator, matches))
}
