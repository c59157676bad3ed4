//! The simulator as a command, and as a part of the demo.

use std::net::{Ipv4Addr, SocketAddr};

use tokio_util::sync::CancellationToken;

use super::simulator::{Model, Place, Settings, Simulator, SimulatorArgs, run};
use crate::adapters::simulation::Simulate;
use crate::adapters::{Keys, ToolError};

/// `wattbridge simulate victron`.
pub(super) static SIMULATE: Simulate<SimulatorArgs> = Simulate::new("victron", |args, stop| {
    Box::pin(async move { Ok(run(args, stop).await?) })
});

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
