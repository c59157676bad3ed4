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
    let serials = truth
        .inverters
        .iter()
        .map(|it| format!("\"{}\"", it.serial));
    let mut keys = vec![
        ("port".to_owned(), simulator.address().to_owned()),
        ("name".to_owned(), NAME.to_owned()),
        ("ecu_id".to_owned(), USUAL_GATEWAY.to_owned()),
        ("interval".to_owned(), INTERVAL.to_owned()),
    ];
    let serials = format!("[{}]", serials.collect::<Vec<_>>().join(", "));
    keys.push(("inverters".to_owned(), serials));
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

#[cfg(test)]
mod tests {
    use jiff::Zoned;

    use super::*;

    #[tokio::test]
    async fn the_section_of_the_demo_says_who_has_which_address() {
        let begin: Zoned = "2026-12-24T22:17:03[Europe/Vienna]".parse().unwrap();
        let house = House::of_the_demo(&begin);
        let stop = CancellationToken::new();
        let [keys] = &demonstrate(house, stop.clone()).await.unwrap()[..] else {
            panic!("one stick")
        };
        let of = |name: &str| {
            keys.iter()
                .find(|(key, _)| key == name)
                .map(|(_, it)| &**it)
        };
        let list = r#"["408000123401", "704000123402", "801000123403"]"#;
        assert_eq!(of("inverters"), Some(list));
        assert!(of("addresses.704000123402").unwrap().starts_with("0x"));
        assert!(of("port").unwrap().starts_with("tcp://127.0.0.1:"));
        stop.cancel();
    }

    #[tokio::test]
    async fn the_sun_shines_on_the_garage_whenever_it_is_looked_at() {
        let begin: Zoned = "2026-12-24T22:17:03[Europe/Vienna]".parse().unwrap();
        let house = House::of_the_demo(&begin);
        let simulator = start(&house).await.unwrap();
        let truth = simulator.truth();
        assert!(
            truth
                .inverters
                .iter()
                .all(|it| it.is_awake && it.gateway.is_some())
        );
        // They have been awake since the morning.
        assert!(
            truth
                .inverters
                .iter()
                .all(|it| it.of_this_run[0] > 100_000_000)
        );
        assert!(simulator.look(|stick| stick.mesh.power(house.now())) > 500.0);
    }
}
