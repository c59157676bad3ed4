//! A limit of the charge current is kept up only while somebody is there who could lift it.
//!
//! This takes the half minute after which a limit is told again, in real time.

use serde_json::json;
use wattbridge::adapters::victron::simulator::SimulatedVictron;

use super::control::{command, until_settable};
use super::{House, id, still};

const LIMIT: u16 = 0x2015;

/// How often the charger was told its limit.
fn told(device: &SimulatedVictron) -> usize {
    let writes = device.writes();
    let limits = writes.iter().filter(|written| written.register == LIMIT);
    limits.count()
}

/// A charger with a limit.
async fn limited() -> Option<(House, SimulatedVictron, crate::process::Process, String)> {
    let house = House::open("allow_control = true").await?;
    let device = house.cable(1, still("mppt-75-15")).await;
    let id = id("mppt-75-15");
    let program = house.run();
    until_settable(&house, &id, &["charge_current_limit"]).await;
    let result = command(&house, &id, "charge_current_limit", "5.5").await;
    assert_eq!(
        (&result["ok"], &result["value"]),
        (&json!(true), &json!(5.5)),
        "{result}"
    );
    assert_eq!(told(&device), 1);
    Some((house, device, program, id))
}

#[tokio::test]
async fn a_limit_is_told_again_only_while_somebody_could_lift_it() {
    let Some((without_broker, unheard, mut alone, _)) = limited().await else {
        return;
    };
    let mut without_broker = without_broker;
    without_broker.broker.stop();
    alone.until_said("connection").await;

    let (without_owner, forgotten, left, left_id) = limited().await.unwrap();
    without_owner
        .wire
        .say("homeassistant/status", "offline", false)
        .await;

    let (lifted_house, lifted, free, free_id) = limited().await.unwrap();
    let result = command(
        &lifted_house,
        &free_id,
        "lift_charge_current_limit",
        "PRESS",
    )
    .await;
    assert_eq!(result["ok"], true, "{result}");

    // This one comes last, so that the others have had their time when it is told again.
    let (house, kept, program, id) = limited().await.unwrap();
    let again = |_: &serde_json::Value| told(&kept) > 1;
    house.online(house.wire.mark(), &id, again).await;
    let last = kept.writes();
    let spaced = last[2].at - last[1].at;
    assert!((25..35).contains(&spaced.as_secs()), "{last:?}");
    assert_eq!(
        last[2..].iter().map(|it| it.register).collect::<Vec<_>>(),
        [0x200e, LIMIT]
    );
    for (name, device) in [
        ("no broker", &unheard),
        ("no Home Assistant", &forgotten),
        ("lifted", &lifted),
    ] {
        assert_eq!(told(device), 1, "{name}: {:?}", device.writes());
        super::audit::harmless(device);
    }
    alone.kill().await;
    without_owner.close(left, &[left_id], &[&forgotten]).await;
    lifted_house.close(free, &[free_id], &[&lifted]).await;
    house.close(program, &[id], &[&kept]).await;
}
