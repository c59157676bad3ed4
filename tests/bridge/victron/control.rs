//! What can be set, and what happens on the device then.

use serde_json::{Value as Json, json};
use wattbridge::adapters::victron::simulator::SimulatedVictron;

use super::audit::{announcements, entities};
use super::{House, id, still};
use crate::wire::Seen;

const ALLOWED: &str = "allow_control = true";

/// What comes of a command.
pub(super) async fn command(house: &House, id: &str, key: &str, word: &str) -> Json {
    let mark = house.wire.mark();
    let topic = format!("wattbridge/{id}/cmd/{key}");
    house.wire.say(&topic, word, false).await;
    let topic = format!("wattbridge/{id}/result/{key}");
    let is_result = |seen: &Seen| seen.topic == topic;
    house.wire.until(&topic, mark, is_result).await.0.json()
}

/// Waits until a device can be set in these ways.
pub(super) async fn until_settable(house: &House, id: &str, keys: &[&str]) -> Json {
    let topic = format!("homeassistant/device/{id}/config");
    let has_all = |seen: &Seen| {
        let there = entities(&seen.json());
        let mut keys = keys.iter();
        seen.topic == topic && keys.all(|key| there.contains(&format!("set_{key}")))
    };
    house.wire.until("controls", 0, has_all).await.0.json()
}

fn byte(device: &SimulatedVictron, register: u16) -> u8 {
    device.register(register).unwrap()[0]
}

#[tokio::test]
async fn without_leave_nothing_can_be_set() {
    let Some(house) = House::open("").await else {
        return;
    };
    let devices = [
        house.cable(1, still("mppt-75-15")).await,
        house.cable(2, still("bmv-712")).await,
    ];
    let ids = ["mppt-75-15", "bmv-712"].map(id);
    let program = house.run();
    house
        .online(0, &ids[0], |state| state["load_control"] == "on")
        .await;
    house
        .online(0, &ids[1], |state| state["relay"] == "OFF")
        .await;
    for (id, key, word) in [
        (&ids[0], "load_output", "OFF"),
        (&ids[0], "charge_current_limit", "5"),
        (&ids[0], "mode", "off"),
        (&ids[1], "relay", "ON"),
    ] {
        let topic = format!("wattbridge/{id}/cmd/{key}");
        house.wire.say(&topic, word, false).await;
    }
    // Other values are read after that.
    let mark = house.wire.mark();
    for (id, device) in ids.iter().zip(&devices) {
        let asked = device.blocks();
        house
            .online(mark, id, |_| device.blocks() > asked + 20)
            .await;
        assert_eq!(device.writes(), [], "{id}");
        for announced in announcements(&house.wire, 0, id) {
            let keys = entities(&announced);
            assert!(!keys.iter().any(|key| key.starts_with("set_")), "{keys:?}");
        }
    }
    for seen in house.wire.all() {
        let is_result = seen.topic.contains("/result/");
        assert!(!is_result || seen.json()["ok"] == false, "{seen:?}");
    }
    house
        .close(program, &ids, &devices.iter().collect::<Vec<_>>())
        .await;
}

#[tokio::test]
async fn with_leave_load_mode_and_limit_of_a_charger_are_set() {
    let Some(house) = House::open(ALLOWED).await else {
        return;
    };
    let device = house.cable(1, still("mppt-75-15")).await;
    let id = id("mppt-75-15");
    let program = house.run();
    let keys = [
        "mode",
        "load_output",
        "load_control",
        "charge_current_limit",
        "lift_charge_current_limit",
    ];
    let announced = until_settable(&house, &id, &keys).await;
    let components = &announced["components"];
    assert_eq!(
        components["set_mode"]["options"],
        json!(["charger on", "off"])
    );
    assert_eq!(components["set_charge_current_limit"]["max"], 15);
    assert_eq!(components["set_charge_current_limit"]["step"], 0.1);
    house
        .online(0, &id, |state| state["load_control"] == "on")
        .await;

    // Command, register, its byte, and what the state says then.
    for (key, word, register, value, tells, says) in [
        ("load_output", "OFF", 0xedab, 0, "load_output", json!("OFF")),
        // As it was before.
        ("load_output", "ON", 0xedab, 4, "load_control", json!("on")),
        (
            "load_control",
            "automatic",
            0xedab,
            1,
            "load_control",
            json!("automatic"),
        ),
        ("load_output", "OFF", 0xedab, 0, "load_output", json!("OFF")),
        (
            "load_output",
            "ON",
            0xedab,
            1,
            "load_control",
            json!("automatic"),
        ),
        (
            "load_control",
            "off",
            0xedab,
            0,
            "load_output",
            json!("OFF"),
        ),
        ("mode", "off", 0x0200, 4, "mode", json!("off")),
        ("mode", "charger on", 0x0200, 1, "mode", json!("charger on")),
        (
            "charge_current_limit",
            "5.5",
            0x2015,
            55,
            "charge_current_limit",
            json!(5.5),
        ),
        (
            "charge_current_limit",
            "0",
            0x2015,
            0,
            "charge_current_limit",
            json!(0),
        ),
    ] {
        let mark = house.wire.mark();
        let result = command(&house, &id, key, word).await;
        assert_eq!(
            (&result["ok"], &result["error"]),
            (&json!(true), &Json::Null),
            "{key} {word}: {result}"
        );
        let confirmed = word
            .parse::<f64>()
            .map_or(json!(word), |number| json!(number));
        assert_eq!(
            result["value"].as_f64(),
            confirmed.as_f64(),
            "{key} {word}: {result}"
        );
        assert_eq!(
            result["value"].as_str(),
            confirmed.as_str(),
            "{key} {word}: {result}"
        );
        assert_eq!(byte(&device, register), value, "{key} {word}");
        let follows = |state: &Json| {
            state[tells].as_f64() == says.as_f64() && state[tells].as_str() == says.as_str()
        };
        house.online(mark, &id, follows).await;
    }
    assert_eq!(byte(&device, 0x200e), 5);
    // What makes no sense does not reach the device.
    let writes = device.writes();
    for (key, word) in [
        ("charge_current_limit", "15.1"),
        ("charge_current_limit", "-1"),
        ("charge_current_limit", "much"),
        ("mode", "inverter on"),
        ("load_control", "user setting 1"),
        ("load_output", "perhaps"),
    ] {
        let result = command(&house, &id, key, word).await;
        assert_eq!(result["ok"], false, "{key} {word}: {result}");
        assert!(result["error"].as_str().unwrap().len() > 10, "{result}");
    }
    assert_eq!(device.writes(), writes);
    house.close(program, &[id], &[&device]).await;
}

#[tokio::test]
async fn with_leave_old_chargers_inverters_and_relays_are_switched() {
    let Some(house) = House::open(ALLOWED).await else {
        return;
    };
    let old = house.cable(1, still("mppt-100-50-old")).await;
    let inverter = house.cable(2, still("phoenix")).await;
    let shunt = house.cable(3, still("bmv-712")).await;
    let own = house.cable(4, still("bmv-700")).await;
    let ids = ["mppt-100-50-old", "phoenix", "bmv-712", "bmv-700"].map(id);
    let program = house.run();
    until_settable(&house, &ids[0], &["mode"]).await;
    until_settable(&house, &ids[1], &["mode"]).await;
    until_settable(&house, &ids[2], &["relay"]).await;
    house
        .online(0, &ids[3], |state| state["hex_answers"].as_u64() >= Some(8))
        .await;
    // Its relay minds itself.
    for announced in announcements(&house.wire, 0, &ids[3]) {
        assert!(!entities(&announced).contains("set_relay"), "{announced}");
    }
    for (id, device, key, word, register, value) in [
        (&ids[0], &old, "mode", "off", 0x0200, 4),
        (&ids[0], &old, "mode", "charger on", 0x0200, 1),
        (&ids[1], &inverter, "mode", "eco", 0x0200, 5),
        (&ids[1], &inverter, "mode", "off", 0x0200, 4),
        (&ids[1], &inverter, "mode", "inverter on", 0x0200, 2),
        (&ids[2], &shunt, "relay", "ON", 0x034e, 1),
        (&ids[2], &shunt, "relay", "OFF", 0x034e, 0),
    ] {
        let mark = house.wire.mark();
        let result = command(&house, id, key, word).await;
        assert_eq!(
            (&result["ok"], &result["value"]),
            (&json!(true), &json!(word)),
            "{id} {result}"
        );
        assert_eq!(byte(device, register), value, "{id} {key} {word}");
        house.online(mark, id, |state| state[key] == word).await;
    }
    // Somebody gives the relay back to its alarms.
    shunt.set_register(0x034f, &[0]);
    let result = command(&house, &ids[2], "relay", "ON").await;
    assert_eq!(result["ok"], false, "{result}");
    assert!(
        result["error"].as_str().unwrap().contains("VictronConnect"),
        "{result}"
    );
    assert_eq!(byte(&shunt, 0x034e), 0);
    // Nobody is there to be switched.
    let mark = house.wire.mark();
    inverter.unplug();
    house.wire.available(mark, &ids[1], false).await;
    let result = command(&house, &ids[1], "mode", "off").await;
    assert_eq!(result["ok"], false, "{result}");
    assert!(
        result["error"].as_str().unwrap().contains("try again"),
        "{result}"
    );
    house
        .close(program, &ids, &[&old, &inverter, &shunt, &own])
        .await;
}

#[tokio::test]
async fn a_device_that_cannot_hear_has_no_controls() {
    let Some(house) = House::open(ALLOWED).await else {
        return;
    };
    let device = house.cable(1, super::faulty("mppt-75-15", &["deaf"])).await;
    let id = id("mppt-75-15");
    let program = house.run();
    house
        .online(0, &id, |state| state["protocol"] == "text only")
        .await;
    for announced in announcements(&house.wire, 0, &id) {
        let keys = entities(&announced);
        assert!(!keys.iter().any(|key| key.starts_with("set_")), "{keys:?}");
    }
    house.close(program, &[id], &[&device]).await;
}
