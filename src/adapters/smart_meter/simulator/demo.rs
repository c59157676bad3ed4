//! The simulator as a part of the demo.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::super::published;
use super::{Fixed, MODELS, MeterSettings, SimulatedMeters};
use crate::device::{Keys, ToolError};
use crate::simulation::{House, SimPlace};

/// Starts the simulated meter of the demo.
pub async fn demonstrate(house: House, stop: CancellationToken) -> Result<Vec<Keys>, ToolError> {
    let simulator = start(&house).await?;
    let address = simulator.address().to_owned();
    simulator.run_until(stop);
    let keys = [
        ("port", address),
        ("key", published::KEY.to_owned()),
        ("name", "Grid meter".to_owned()),
    ];
    Ok(vec![
        keys.map(|(key, value)| (key.to_owned(), value)).into(),
    ])
}

/// The meter of a house.
pub async fn start(house: &House) -> Result<SimulatedMeters, ToolError> {
    let settings = MeterSettings {
        meters: MODELS
            .first()
            .map(|model| Ok::<_, ToolError>((model, published::KEY.parse()?, None)))
            .transpose()?
            .into_iter()
            .collect(),
        interval: Duration::from_secs(2),
        house: house.clone(),
        fixed: Fixed::default(),
        faults: Vec::new(),
    };
    let place = SimPlace::Tcp(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
    Ok(SimulatedMeters::start(settings, place).await?)
}
