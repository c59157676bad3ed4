//! The simulator as a part of the demo.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::hand::SimulatedEcu;
use super::{EcuSettings, Model, Plant};
use crate::device::{Keys, ToolError};
use crate::simulation::House;

/// What the demo shows: name, model, serial number, inverters.
const SHOWN: &[(&str, Model, &str, &str)] = &[
    (
        "Solar roof",
        Model::EcuRPro,
        "216200000001",
        "2xDS3,1xQS1A,1xQT2",
    ),
    ("Garage", Model::EcuB, "216300000001", "1xYC600"),
];
/// How often the demo asks. The simulated ECU has new values as often.
const INTERVAL: Duration = Duration::from_secs(10);

/// Starts the simulated ECUs of the demo.
pub async fn demonstrate(house: House, stop: CancellationToken) -> Result<Vec<Keys>, ToolError> {
    let mut sections = Vec::new();
    for ((name, ..), simulator) in SHOWN.iter().zip(start(&house).await?) {
        let address = simulator.listens();
        simulator.run_until(stop.clone());
        let interval = humantime::format_duration(INTERVAL).to_string();
        let keys = [
            ("host", address.ip().to_string()),
            ("port", address.port().to_string()),
            ("name", (*name).to_owned()),
            ("night_interval", interval.clone()),
            ("interval", interval),
            // It is never night in the demo, whatever the hour.
            ("quiet", String::new()),
            ("phase_lock", "false".to_owned()),
        ];
        sections.push(keys.map(|(key, value)| (key.to_owned(), value)).into());
    }
    Ok(sections)
}

/// The ECUs of a house.
pub async fn start(house: &House) -> Result<Vec<SimulatedEcu>, ToolError> {
    let mut running = Vec::new();
    for (_, model, serial, inverters) in SHOWN {
        let plant = Plant::new(*model, serial.parse()?, &inverters.parse()?)?;
        let mut settings = EcuSettings::new(plant);
        settings.house = house.clone();
        settings.cycle = INTERVAL;
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        running.push(SimulatedEcu::start(settings, listen).await?);
    }
    Ok(running)
}
