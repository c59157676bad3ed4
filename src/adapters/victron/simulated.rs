//! The simulator as a command, and as a part of the demo.

use std::net::{Ipv4Addr, SocketAddr};

use clap::{Args, FromArgMatches};
use tokio_util::sync::CancellationToken;

use super::simulator::{Model, Place, Settings, Simulator, SimulatorArgs, run};
use crate::adapters::{Keys, Task, Tool, ToolError};

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

/// The devices of the demo, and what they are called there.
const DEMO: [(&str, &str); 2] = [("mppt-75-15", "Shed roof"), ("bmv-712", "Shed battery")];

/// Starts the simulated devices of the demo.
pub(super) async fn demonstrate(stop: CancellationToken) -> Result<Vec<Keys>, ToolError> {
    let mut all = Vec::new();
    for (model, name) in DEMO {
        let Some(model) = Model::named(model) else {
            continue;
        };
        let place = Place::Tcp(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        let simulator = Simulator::start(Settings::new(model), place).await?;
        let keys = [
            ("port", simulator.address().to_owned()),
            ("name", name.to_owned()),
        ];
        all.push(keys.map(|(key, value)| (key.to_owned(), value)).into());
        let stop = stop.clone();
        tokio::spawn(async move {
            stop.cancelled().await;
            simulator.stop().await;
        });
    }
    Ok(all)
}
