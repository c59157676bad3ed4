//! The simulator as a part of the demo.

use std::net::{Ipv4Addr, SocketAddr};

use tokio_util::sync::CancellationToken;

use super::{InverterSettings, SimulatedCapture};
use crate::device::{Keys, ToolError};
use crate::simulation::House;

/// What the inverter of the demo is called.
const NAME: &str = "Barn roof";
/// Seconds between its values. True ones take five minutes.
const INTERVAL: u32 = 10;

/// Starts the simulated inverter of the demo.
pub async fn demonstrate(house: House, stop: CancellationToken) -> Result<Vec<Keys>, ToolError> {
    let simulator = start(&house).await?;
    let keys = [
        ("capture", simulator.address().to_owned()),
        ("name", NAME.to_owned()),
    ];
    simulator.run_until(stop);
    Ok(vec![
        keys.map(|(key, value)| (key.to_owned(), value)).into(),
    ])
}

/// The inverter on the roof of a barn, under a tree.
pub async fn start(house: &House) -> Result<SimulatedCapture, ToolError> {
    let settings = InverterSettings {
        optimizers: 4,
        // The house has one already.
        has_meter: false,
        interval: INTERVAL,
        ..InverterSettings::new(house.clone())
    };
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    Ok(SimulatedCapture::start(settings, listen).await?)
}
