//! A Zigbee stick with three inverters, one of which somebody else has.

use std::time::Duration;

use serde_json::{Value as Json, json};
use wattbridge::adapters::aps_zigbee::simulator::{
    SimulatedStick, StickSettings, USUAL_GATEWAY, ZigbeeList,
};
use wattbridge::simulation::SimPlace;

use crate::house::House;
use crate::support::ports::free_address;

/// Devices in Home Assistant: the stick and its inverters.
pub(crate) const COUNT: usize = 4;

/// Serial numbers of the inverters.
const YC600: &str = "408000123401";
const DS3: &str = "704000123402";
const QS1: &str = "801000123403";

/// Another gateway.
const OTHER: &str = "A1B2011B9780";

/// What is put into the limit of an inverter, in watts.
const LIMIT: i64 = 250;

/// A stick that starts fast, at a late morning that really is now.
pub(crate) async fn start() -> SimulatedStick {
    let list: ZigbeeList = "YC600,DS3,QS1".parse().unwrap();
    let settings = StickSettings {
        reset_takes: Duration::from_millis(60),
        start_takes: Duration::from_millis(1000),
        ..StickSettings::new(list.0, USUAL_GATEWAY.parse().ok())
    };
    let house = wattbridge::simulation::House::of_the_demo(&jiff::Zoned::now());
    let stick = SimulatedStick::start(settings, house, SimPlace::Tcp(free_address()));
    let stick = stick.await.unwrap();
    stick.take_away(YC600.parse().ok(), OTHER.parse().unwrap());
    stick
}

/// What to configure for it.
pub(crate) fn section(stick: &SimulatedStick) -> String {
    let truth = stick.truth();
    let address = |serial: &str| {
        let inverter = truth.inverter(serial.parse().unwrap()).unwrap();
        format!("{serial} = \"{}\"", inverter.address)
    };
    format!(
        "[[aps_zigbee]]\nport = \"{}\"\necu_id = \"{USUAL_GATEWAY}\"\nallow_control = true\n\
         interval = \"15s\"\ninverters = [\"{YC600}\", \"{DS3}\", \"{QS1}\"]\n\
         addresses = {{ {}, {} }}\n",
        stick.address(),
        address(DS3),
        address(QS1)
    )
}

fn id(number: &str) -> String {
    format!("aps_zigbee_{}", number.to_lowercase())
}

fn unique(number: &str, key: &str) -> String {
    format!("{}_{key}", id(number))
}

/// Waits until the stick and all that are paired with it are heard.
pub(crate) async fn until_online(house: &House) {
    let gateway = USUAL_GATEWAY.parse().ok();
    let truth = house.stick.truth();
    let paired = truth.inverters.iter().filter(|it| it.gateway == gateway);
    let paired: Vec<String> = paired.map(|it| it.serial.to_string()).collect();
    assert!(paired.len() >= 2, "{truth:?}");
    for number in paired.iter().map(String::as_str).chain([USUAL_GATEWAY]) {
        house.until_online_at(&id(number)).await;
    }
}

/// What a user reads of the stick and its inverters.
pub(crate) fn pages_are_right(house: &House) {
    let devices = house.home_assistant.devices();
    for (number, name, maker, parent) in [
        (
            USUAL_GATEWAY,
            "Zigbee stick D8A3",
            "Texas Instruments",
            "wattbridge",
        ),
        (YC600, "YC600 3401", "APsystems", "Zigbee stick D8A3"),
        (DS3, "DS3 3402", "APsystems", "Zigbee stick D8A3"),
        (QS1, "QS1 3403", "APsystems", "Zigbee stick D8A3"),
    ] {
        let is_it = |device: &&Json| device["serial_number"] == number;
        let device = devices.iter().find(is_it).unwrap();
        let expected = [
            ("name", name),
            ("manufacturer", maker),
            ("via_device", parent),
        ];
        for (key, expected) in expected {
            assert_eq!(device[key], expected, "{key} of {number}");
        }
    }
    // Who is not paired yet has no values, and says why and what to do.
    let status = house.state(&unique(YC600, "reason")).unwrap();
    assert!(
        status.contains("not paired") && status.contains("press Pair"),
        "{status}"
    );
    house.until_states(&[
        (unique(YC600, "power"), "unavailable"),
        (unique(USUAL_GATEWAY, "inverters_paired"), "2"),
    ]);
}

/// Switches on what can be set and is off by default.
pub(crate) fn switch_controls_on(house: &House) {
    house.switch_on(&unique(DS3, "set_power_limit"));
    house.switch_on(&unique(DS3, "power_limit"));
}

/// A limit is set, and the button for pairing is pressed, which takes a while.
pub(crate) async fn controls_begin(house: &House) {
    let limit = unique(DS3, "set_power_limit");
    house.call("number.set_value", &limit, &json!({ "value": LIMIT }));
    let topic = |what: &str| format!("wattbridge/{}/{what}", id(DS3));
    let near = |value: &Json| {
        value
            .as_f64()
            .is_some_and(|it| (it - LIMIT as f64).abs() < 2.0)
    };
    house
        .view
        .until_any_value(&topic("result/power_limit"), "value", near)
        .await;
    let truth = house.stick.truth();
    let kept = truth.inverter(DS3.parse().unwrap()).unwrap().limit.watts();
    assert!((kept.to_f64() - LIMIT as f64).abs() < 2.0, "{kept:?}");
    house.until_state(&limit, "250");

    house.call("button.press", &unique(YC600, "set_pair"), &json!({}));
    let retrying = |health: &Json| health == "retrying";
    let topic = format!("wattbridge/{}/state", id(YC600));
    house.view.until_value(&topic, "health", retrying).await;
}

/// It is paired by now, or soon.
pub(crate) async fn controls_end(house: &House) {
    house.until_online_at(&id(YC600)).await;
    let near = |value: &Json| {
        value
            .as_f64()
            .is_some_and(|it| (it - LIMIT as f64).abs() < 2.0)
    };
    let state = format!("wattbridge/{}/state", id(DS3));
    house.view.until_value(&state, "power_limit", near).await;
    let truth = house.stick.truth();
    let gateway = truth.inverter(YC600.parse().unwrap()).unwrap().gateway;
    assert_eq!(gateway, USUAL_GATEWAY.parse().ok());
    house.until_state(&unique(USUAL_GATEWAY, "inverters_paired"), "3");
}

/// Home Assistant takes what they have counted.
pub(crate) fn energy_counts(house: &House, said: &str) {
    for number in [USUAL_GATEWAY, YC600, DS3, QS1] {
        let entity = house.entity_id(&unique(number, "energy_total"));
        assert!(said.contains(&format!("{entity}: sum, kWh")), "{said}");
    }
}
