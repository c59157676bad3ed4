//! The simulator as a command, and as a part of the demo.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::simulator::{Model, Place, Settings, Simulator, SimulatorArgs, Surroundings, run};
use crate::device::{Keys, ToolError};
use crate::simulation::{House, Simulate};

/// `wattbridge simulate victron`.
pub static SIMULATE: Simulate<SimulatorArgs> = Simulate::new("victron", |args, stop| {
    Box::pin(async move { Ok(run(args, stop).await?) })
});

/// What charges the battery of the demo.
const CHARGER: &str = "mppt-75-15";
/// The devices of the demo, and what they are called there.
const SHOWN: [(&str, &str); 2] = [(CHARGER, "Shed roof"), ("bmv-712", "Shed battery")];
/// The time of the day at which they begin, so that the battery is not full yet.
const MORNING: Duration = Duration::from_secs(10 * 3600);

/// Starts the simulated devices of the demo.
pub async fn demonstrate(house: House, stop: CancellationToken) -> Result<Vec<Keys>, ToolError> {
    let mut sections = Vec::new();
    for ((_, name), simulator) in SHOWN.iter().zip(start(&house).await?) {
        let keys = [
            ("port", simulator.address().to_owned()),
            ("name", (*name).to_owned()),
        ];
        sections.push(keys.map(|(key, value)| (key.to_owned(), value)).into());
        let stop = stop.clone();
        tokio::spawn(async move {
            stop.cancelled().await;
            simulator.stop().await;
        });
    }
    Ok(sections)
}

/// A solar charger and the monitor of its battery, in the shed of a house.
pub async fn start(house: &House) -> Result<Vec<Simulator>, ToolError> {
    let mut running = Vec::new();
    for model in SHOWN.iter().filter_map(|(model, _)| Model::named(model)) {
        let mut settings = Settings::new(model);
        settings.at = MORNING;
        settings.surroundings = Surroundings {
            sky: Some(house.sky()),
            charger: Model::named(CHARGER),
        };
        let place = Place::Tcp(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        running.push(Simulator::start(settings, place).await?);
    }
    Ok(running)
}
