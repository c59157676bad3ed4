//! The simulator as a part of the demo.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::super::published;
use super::{Fixed, MODELS, MeterSettings, Model, SimulatedMeters};
use crate::device::{Keys, ToolError};
use crate::simulation::{House, SimPlace};

/// How often a meter without a pace of its own sends, so that there is more to see.
const USUAL_PACE: Duration = Duration::from_secs(2);

/// Starts the simulated meter of the demo.
pub async fn demonstrate(house: House, stop: CancellationToken) -> Result<Vec<Keys>, ToolError> {
    let simulator = start(&house).await?;
    let address = simulator.address().to_owned();
    simulator.run_until(stop);
    let mut keys = vec![("port", address), ("name", "Grid meter".to_owned())];
    if model(&house).is_some_and(Model::is_encrypted) {
        keys.push(("key", published::KEY.to_owned()));
    }
    let keys = keys.into_iter();
    Ok(vec![
        keys.map(|(key, value)| (key.to_owned(), value)).collect(),
    ])
}

/// The kind of meter that a house has.
fn model(house: &House) -> Option<&'static Model> {
    house.meter().and_then(Model::named).or(MODELS.first())
}

/// The meter of a house.
pub async fn start(house: &House) -> Result<SimulatedMeters, ToolError> {
    let model = model(house);
    let p1 = model.filter(|model| model.p1().is_some());
    let settings = MeterSettings {
        meters: model
            .map(|model| Ok::<_, ToolError>((model, published::KEY.parse()?, None)))
            .transpose()?
            .into_iter()
            .collect(),
        interval: p1.map_or(USUAL_PACE, Model::pace),
        house: house.clone(),
        fixed: Fixed::default(),
        faults: Vec::new(),
    };
    let place = SimPlace::Tcp(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
    Ok(SimulatedMeters::start(settings, place).await?)
}
