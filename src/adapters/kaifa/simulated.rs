//! The simulator as a command, and as a part of the demo.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use clap::{Args, FromArgMatches};
use jiff::tz::TimeZone;
use tokio_util::sync::CancellationToken;

use super::published;
use super::simulator::{Fixed, MODELS, Place, Settings, Simulator, SimulatorArgs, run};
use crate::adapters::{Keys, Task, Tool, ToolError};

/// `wattbridge simulate kaifa`.
#[derive(Debug)]
pub(super) struct Simulate;

impl Tool for Simulate {
    fn command(&self) -> clap::Command {
        SimulatorArgs::augment_args(clap::Command::new("kaifa"))
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

/// Starts the simulated meter of the demo.
pub(super) async fn demonstrate(stop: CancellationToken) -> Result<Vec<Keys>, ToolError> {
    let settings = Settings {
        meters: MODELS
            .first()
            .map(|model| Ok::<_, ToolError>((model, published::KEY.parse()?, None)))
            .transpose()?
            .into_iter()
            .collect(),
        interval: Duration::from_secs(2),
        zone: TimeZone::system(),
        fixed: Fixed::default(),
        faults: Vec::new(),
    };
    let place = Place::Tcp(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
    let simulator = Simulator::start(settings, place).await?;
    let address = simulator.address().to_owned();
    tokio::spawn(async move {
        stop.cancelled().await;
        simulator.stop().await;
    });
    let keys = [
        ("port", address),
        ("key", published::KEY.to_owned()),
        ("name", "Grid meter".to_owned()),
    ];
    Ok(vec![
        keys.map(|(key, value)| (key.to_owned(), value)).into(),
    ])
}
