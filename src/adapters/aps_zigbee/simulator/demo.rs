//! The simulator as a part of the demo.

use std::net::{Ipv4Addr, SocketAddr};

use tokio_util::sync::CancellationToken;

use super::hand::SimulatedStick;
use super::kinds::ZigbeeList;
use super::settings::{StickSettings, USUAL_GATEWAY};
use crate::device::{Keys, ToolError};
use crate::simulation::{House, SimPlace};

/// What the stick of the demo is called.
const NAME: &str = "Garage roof";
/// The inverters there.
const SHOWN: &str = "YC600,DS3,QS1";
/// How often the demo asks them.
const INTERVAL: &str = "15s";

/// Starts the simulated stick of the demo.
pub async fn demonstrate(house: House, stop: CancellationToken) -> Result<Vec<Keys>, ToolError> {
    let simulator = start(&house).await?;
    let truth = simulator.truth();
    let serials = truth.inverters.iter().map(|it| it.serial.to_string());
    let mut keys = vec![
        ("port".to_owned(), simulator.address().to_owned()),
        ("name".to_owned(), NAME.to_owned()),
        ("ecu_id".to_owned(), USUAL_GATEWAY.to_owned()),
        ("interval".to_owned(), INTERVAL.to_owned()),
    ];
    keys.push((
        "inverters".to_owned(),
        serials.collect::<Vec<_>>().join(","),
    ));
    keys.extend(truth.inverters.iter().map(|it| {
        let key = format!("addresses.{}", it.serial);
        (key, it.address.to_string())
    }));
    simulator.run_until(stop);
    Ok(vec![keys])
}

/// The stick, and three inverters on the roof of a garage.
///
/// # Errors
/// There is no free port.
pub async fn start(house: &House) -> Result<SimulatedStick, ToolError> {
    let list: ZigbeeList = SHOWN.parse()?;
    let settings = StickSettings::new(list.0, USUAL_GATEWAY.parse().ok());
    let place = SimPlace::Tcp(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
    Ok(SimulatedStick::start(settings, house.clone(), place).await?)
}
