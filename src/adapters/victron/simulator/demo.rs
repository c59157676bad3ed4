//! The simulator as a part of the demo.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{Model, SimulatedVictron, VictronSettings};
use crate::device::{Keys, ToolError};
use crate::simulation::{House, SimPlace};

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
        simulator.run_until(stop.clone());
    }
    Ok(sections)
}

/// A solar charger and the monitor of its battery, in the shed of a house.
pub async fn start(house: &House) -> Result<Vec<SimulatedVictron>, ToolError> {
    let mut running = Vec::new();
    for model in SHOWN.iter().filter_map(|(model, _)| Model::named(model)) {
        let mut settings = VictronSettings::new(model);
        settings.house = house.clone();
        settings.at = Some(MORNING);
        settings.charger = Model::named(CHARGER);
        let place = SimPlace::Tcp(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        running.push(SimulatedVictron::start(settings, place).await?);
    }
    Ok(running)
}
