//! Every kind of device at a cable of its own, found without being told of.

use serde_json::{Value as Json, json};
use wattbridge::adapters::victron::simulator::{MODELS, SimulatedVictron};

use super::audit::{announcements, entities};
use super::said::{NUMBERS, differs, numbers};
use super::{House, cable_id, id, still};

/// What the text of a model does not say, but HEX.
pub(super) const OF_HEX: &[(&str, &str)] = &[("multi-rs", "ac_output_apparent_power")];

/// How each model is called; the end of its serial number comes after.
const NAMES: &[(&str, &str)] = &[
    ("bmv-712", "BMV-712 Smart"),
    ("mppt-75-15", "SmartSolar MPPT 75/15"),
    ("mppt-150-70", "SmartSolar MPPT 150/70 rev2"),
    ("mppt-100-50-old", "BlueSolar MPPT 100/50 rev2"),
    ("mppt-blue-100-30", "BlueSolar MPPT 100/30"),
    ("bmv-700", "BMV-700"),
    ("bmv-602", "BMV-602S"),
    ("smartshunt", "SmartShunt 500A/50mV"),
    ("energy-meter", "SmartShunt 500A/50mV"),
    ("phoenix", "Phoenix Inverter 12V 1200VA 230V"),
    ("blue-smart-ip22", "Blue Smart IP22 Charger 24/8"),
    ("orion-xs", "Orion XS 12V/12V-50A"),
    ("multi-rs", "Multi RS Solar 48V 6000VA 230V"),
    ("unknown", "Product 0xA0FA"),
];

/// The ids of all models at the cables from 1 on.
fn ids() -> Vec<String> {
    let number = |at: usize| u32::try_from(at).unwrap() + 1;
    let models = MODELS.iter().enumerate();
    let ids = models.map(|(at, model)| match model.name {
        // It never tells a serial number.
        "bmv-602" => cable_id(number(at)),
        name => id(name),
    });
    ids.collect()
}

async fn all(house: &House) -> Vec<SimulatedVictron> {
    let mut devices = Vec::new();
    for (number, model) in (1..).zip(MODELS) {
        devices.push(house.cable(number, still(model.name)).await);
    }
    devices
}

fn told(state: &Json, device: &SimulatedVictron) -> bool {
    let answers = state["hex_answers"].as_u64() >= Some(6);
    let hears = device.model().name != "bmv-602";
    differs(state, &numbers(device)).is_none() && (answers || !hears)
}

#[tokio::test]
async fn every_cable_is_found_and_every_device_says_the_truth_of_itself() {
    let Some(house) = House::open("").await else {
        return;
    };
    let (devices, ids) = (all(&house).await, ids());
    let program = house.run();
    for (device, id) in devices.iter().zip(&ids) {
        let (state, _) = house.online(0, id, |state| told(state, device)).await;
        assert_eq!(state["problem"], "OFF", "{id}: {state}");
        assert_eq!(state["blocks_damaged"], 0, "{id}: {state}");
        let model = device.model();
        let announced = announcements(&house.wire, 0, id);
        let announced = announced.last().unwrap();
        let about = &announced["device"];
        let (_, name) = NAMES.iter().find(|(key, _)| *key == model.name).unwrap();
        let serial = id.strip_prefix("victron_").unwrap().to_uppercase();
        assert_eq!(
            about["name"],
            format!("{name} {}", &serial[serial.len() - 4..])
        );
        assert_eq!(
            (&about["model"], &about["serial_number"]),
            (&json!(name), &json!(serial))
        );
        assert_eq!(about["manufacturer"], "Victron Energy");
        assert_eq!(about["via_device"], house.wire.own_device(0).await);
        // What the device does not send is not announced.
        let entities = entities(announced);
        for (label, key, ..) in NUMBERS {
            let says = device
                .text()
                .iter()
                .any(|(it, value)| it == label && (value != "---" || *label != "T"));
            if !says && !OF_HEX.contains(&(model.name, key)) {
                assert!(!entities.contains(*key), "{id}: {key}");
            }
        }
        assert!(
            !entities.iter().any(|key| key.starts_with("set_")),
            "{entities:?}"
        );
    }
    let devices: Vec<_> = devices.iter().collect();
    house.close(program, &ids, &devices).await;
}

#[tokio::test]
async fn entities_have_the_classes_that_home_assistant_takes_them_by() {
    let Some(house) = House::open("").await else {
        return;
    };
    let chargers = ["mppt-75-15", "mppt-150-70", "phoenix", "multi-rs"];
    let mut devices = Vec::new();
    for (number, name) in (1..).zip(chargers) {
        devices.push(house.cable(number, still(name)).await);
    }
    let shunt = house.cable(9, still("smartshunt")).await;
    // The middle of the battery is measured.
    shunt.set_register(0xeef8, &[1]);
    let program = house.run();
    let component = async |name: &str, key: &str| {
        let topic = format!("homeassistant/device/{}/config", id(name));
        let has = |seen: &crate::wire::Seen| {
            seen.topic == topic && seen.json()["components"][key].is_object()
        };
        let (seen, _) = house.wire.until(key, 0, has).await;
        seen.json()["components"][key].clone()
    };
    let expect = async |name: &str, key: &str, expected: [Json; 3]| {
        let it = component(name, key).await;
        let classes = ["device_class", "state_class", "unit_of_measurement"];
        let found = classes.map(|class| it[class].clone());
        assert_eq!(found, expected, "{name} {key}");
    };
    let energy = |class: Json| [json!("energy"), class, json!("kWh")];
    for name in ["mppt-75-15", "mppt-150-70", "multi-rs"] {
        expect(name, "energy_total", energy(json!("total_increasing"))).await;
        expect(name, "energy_today", energy(json!("total_increasing"))).await;
        expect(name, "energy_yesterday", energy(Json::Null)).await;
        expect(
            name,
            "power_max_today",
            [json!("power"), Json::Null, json!("W")],
        )
        .await;
        for key in ["state", "error"] {
            let it = component(name, key).await;
            assert_eq!(it["device_class"], "enum", "{name} {key}");
            assert!(
                it["options"].as_array().unwrap().len() > 2,
                "{name} {key}: {it}"
            );
            assert!(it["state_class"].is_null() && it["unit_of_measurement"].is_null());
        }
    }
    let mode = component("phoenix", "mode").await;
    assert!(
        mode["options"].as_array().unwrap().contains(&json!("eco")),
        "{mode}"
    );
    let measurement = |class: &str, unit: &str| [json!(class), json!("measurement"), json!(unit)];
    expect("smartshunt", "state_of_charge", measurement("battery", "%")).await;
    expect("smartshunt", "battery_voltage", measurement("voltage", "V")).await;
    expect(
        "phoenix",
        "ac_output_apparent_power",
        measurement("apparent_power", "VA"),
    )
    .await;
    let deviation = [Json::Null, json!("measurement"), json!("%")];
    expect("smartshunt", "mid_point_deviation", deviation).await;
    for key in ["energy_charged", "energy_discharged"] {
        expect("smartshunt", key, energy(json!("total_increasing"))).await;
    }
    let ids: Vec<_> = chargers
        .iter()
        .chain(&["smartshunt"])
        .map(|name| id(name))
        .collect();
    let devices: Vec<_> = devices.iter().chain([&shunt]).collect();
    house.close(program, &ids, &devices).await;
}
