//! Nights, new days, and yields that are set to 0.

use serde_json::Value as Json;
use wattbridge::adapters::victron::simulator::SimulatedVictron;

use super::said::{differs, numbers};
use super::{House, id, still};

fn hundredths(device: &SimulatedVictron, register: u16) -> f64 {
    let bytes = device.register(register).unwrap();
    let number = bytes
        .iter()
        .rev()
        .fold(0_u32, |sum, byte| sum << 8 | u32::from(*byte));
    f64::from(number) / 100.0
}

#[tokio::test]
async fn a_charger_that_lives_on_its_panels_sleeps_at_night() {
    let Some(house) = House::open("").await else {
        return;
    };
    let device = house.cable(1, still("mppt-blue-100-30")).await;
    // The last light of the day: a cable that is pulled at noon is no night.
    device.set_label("PPV", Some("8"));
    let id = id("mppt-blue-100-30");
    let program = house.run();
    let full = |state: &Json| state["energy_total"].is_number() && state["panel_power"] == 8;
    let (day, mark) = house.online(0, &id, full).await;

    device.night(true);
    let asleep = |state: &Json| state["health"] == "asleep";
    let (night, mark) = house.wire.state("sleep", mark, &id, asleep).await;
    assert_eq!(night["problem"], "OFF", "{night}");
    assert_eq!(
        (&night["panel_power"], &night["battery_power"]),
        (&0.into(), &0.into()),
        "{night}"
    );
    assert_eq!(night["state"], "off", "{night}");
    assert!(night["battery_voltage"].is_null(), "{night}");
    for key in [
        "energy_total",
        "energy_resettable",
        "energy_today",
        "energy_yesterday",
    ] {
        assert_eq!(night[key], day[key], "{key}: {night}");
    }

    device.night(false);
    let (morning, _) = house.online(mark, &id, full).await;
    assert_eq!(morning["panel_power"], day["panel_power"], "{morning}");
    // Its sensors stay readable all night.
    assert_eq!(house.wire.availability(&id), ["online"]);
    assert_eq!(program.count(&["WARN"]), 0, "{}", program.said());
    house.close(program, &[id], &[&device]).await;
}

#[tokio::test]
async fn a_day_begins_when_the_charger_says_so() {
    let Some(house) = House::open("").await else {
        return;
    };
    let device = house.cable(1, still("mppt-75-15")).await;
    let id = id("mppt-75-15");
    let mut program = house.run();
    let total = hundredths(&device, 0xeddd);
    let is_told = |state: &Json| {
        state["energy_total"] == total && differs(state, &numbers(&device)).is_none()
    };
    let (before, mark) = house.online(0, &id, is_told).await;
    assert!(before["energy_today"].as_f64() > Some(0.0), "{before}");

    // It is the middle of the day, but the charger was without power, and thinks otherwise.
    device.next_day();
    let (after, mark) = house.online(mark, &id, is_told).await;
    assert_eq!(after["energy_today"], 0, "{after}");
    assert_eq!(after["energy_yesterday"], before["energy_today"], "{after}");

    // The same while nobody was there.
    assert!(program.end().await.success());
    device.next_day();
    let program = house.run();
    let (after, _) = house.online(mark, &id, is_told).await;
    assert_eq!(after["energy_today"], 0, "{after}");
    house.close(program, &[id], &[&device]).await;
}

#[tokio::test]
async fn a_yield_that_people_set_to_0_leaves_the_total_alone() {
    let Some(house) = House::open("").await else {
        return;
    };
    let settings = still("mppt-75-15");
    // A hundredth of a kilowatt-hour every half second.
    settings.house.set_speed(360.0);
    let device = house.cable(1, settings).await;
    let id = id("mppt-75-15");
    let program = house.run();
    let is_full = |state: &Json| state["energy_total"].as_f64() > Some(1000.0);
    let (before, mark) = house.online(0, &id, is_full).await;
    device.reset_yield();
    let is_reset = |state: &Json| state["energy_resettable"].as_f64() < Some(1.0);
    let (after, mark) = house.online(mark, &id, is_reset).await;
    assert!(
        after["energy_today"].as_f64() >= before["energy_today"].as_f64(),
        "{after}"
    );
    let counts = |state: &Json| {
        let energy = |key: &str| state[key].as_f64();
        energy("energy_today") > after["energy_today"].as_f64()
            && energy("energy_resettable") > after["energy_resettable"].as_f64()
    };
    let (state, _) = house.online(mark, &id, counts).await;
    assert!(
        state["energy_total"].as_f64() >= before["energy_total"].as_f64(),
        "{state}"
    );
    house.close(program, &[id], &[&device]).await;
}
