//! Cables that are plugged in and out, and into other devices.

use std::fs;

use serde_json::Value as Json;
use wattbridge::adapters::victron::simulator::{SimulatedVictron, VictronSettings};

use super::audit::announcements;
use super::said::{differs, numbers};
use super::{House, id, model, still, tcp};

fn reason(state: &Json) -> &str {
    state["reason"].as_str().unwrap_or_default()
}

/// Whether a state has the values of this device.
fn is_of<'a>(device: &'a SimulatedVictron) -> impl Fn(&Json) -> bool + 'a {
    |state| differs(state, &numbers(device)).is_none()
}

#[tokio::test]
async fn a_port_of_its_own_section_is_left_to_that_section() {
    let Some(house) = House::with(&[]).await else {
        return;
    };
    let fixed = house.cable(1, still("bmv-712")).await;
    let found = house.cable(2, still("mppt-75-15")).await;
    let far = tcp(still("phoenix")).await;
    // Another name of the same port.
    let port = fs::canonicalize(house.path(1)).unwrap();
    house.home.write(&[
        "[[victron]]\nport = \"auto\"\nnames = { HQ000000015 = \"Roof\" }\n".to_owned(),
        format!(
            "[[victron]]\nport = \"{}\"\nname = \"House\"\narea = \"Cellar\"\n",
            port.display()
        ),
        format!("[[victron]]\nport = \"{}\"\n", far.address()),
    ]);
    let program = house.run();
    let mut ids = Vec::new();
    for (name, device, called) in [
        ("bmv-712", &fixed, "House"),
        ("mppt-75-15", &found, "Roof"),
        ("phoenix", &far, "Phoenix Inverter 12V 1200VA 230V 0071"),
    ] {
        let id = id(name);
        let is_told = |state: &Json| state["blocks"].as_u64() >= Some(20) && is_of(device)(state);
        let (state, _) = house.online(0, &id, is_told).await;
        // Two readers of one port would each get a part of what comes.
        assert_eq!(state["blocks_damaged"], 0, "{state}");
        for announced in announcements(&house.wire, 0, &id) {
            assert_eq!(announced["device"]["name"], called);
            let area = (called == "House").then_some("Cellar");
            assert_eq!(announced["device"]["suggested_area"].as_str(), area);
        }
        ids.push(id);
    }
    assert_eq!(
        program.count(&["found a VE.Direct cable"]),
        1,
        "{}",
        program.said()
    );
    assert_eq!(program.count(&["WARN"]), 0, "{}", program.said());
    house.close(program, &ids, &[&fixed, &found, &far]).await;
}

#[tokio::test]
async fn a_cable_may_come_late_and_go_and_come_again() {
    let Some(house) = House::open("").await else {
        return;
    };
    let program = house.run();
    program
        .until_said("no VE.Direct USB cable is plugged in")
        .await;
    assert!(program.said().contains("Plug one in"), "{}", program.said());
    let device = house.cable(3, still("mppt-75-15")).await;
    let id = id("mppt-75-15");
    let full = |state: &Json| state["energy_total"].is_number() && is_of(&device)(state);
    let (first, _) = house.online(0, &id, full).await;
    let other = house.cable(4, still("bmv-712")).await;
    let shunt = super::id("bmv-712");
    house.online(0, &shunt, is_of(&other)).await;

    for _ in 0..2 {
        let mark = house.wire.mark();
        device.unplug();
        house.wire.available(mark, &id, false).await;
        let gone = |state: &Json| {
            state["health"] == "unreachable" && reason(state).contains("not plugged in")
        };
        let (state, _) = house.wire.state("the reason", mark, &id, gone).await;
        assert!(reason(&state).contains("Plug it in"), "{state}");
        assert_eq!(state["problem"], "ON", "{state}");
        assert_eq!(state["energy_total"], first["energy_total"], "{state}");
        assert!(state["panel_power"].is_null(), "{state}");
        let mark = house.wire.mark();
        device.plug();
        house.wire.available(mark, &id, true).await;
        house.online(mark, &id, &full).await;
    }
    // Nothing of that concerned the other one.
    assert_eq!(house.wire.availability(&shunt), ["online"]);
    house.close(program, &[id, shunt], &[&device, &other]).await;
}

/// Plugs the devices at two cables into each other's, as a person would. Only their voltages tell
/// one from the other.
async fn exchange(house: &House, name: &str, serials: [&'static str; 2]) {
    const VOLTAGES: [&str; 2] = ["13110", "13220"];
    let settings = |at: usize| VictronSettings {
        serial: Some(serials[at].to_owned()),
        labels: vec![("V".to_owned(), Some(VOLTAGES[at].to_owned()))],
        ..still(name)
    };
    let cables = [
        house.cable(1, settings(0)).await,
        house.cable(2, settings(1)).await,
    ];
    let ids = serials.map(|serial| format!("victron_{}", serial.to_lowercase()));
    let program = house.run();
    let mut entities = Vec::new();
    for (id, cable) in ids.iter().zip(&cables) {
        house.online(0, id, is_of(cable)).await;
        house.announced(id).await;
        entities.push(super::audit::entities(
            announcements(&house.wire, 0, id).last().unwrap(),
        ));
    }
    let mark = house.wire.mark();
    for (cable, id) in cables.iter().zip(&ids) {
        cable.unplug();
        house.wire.available(mark, id, false).await;
    }
    let mark = house.wire.mark();
    for (cable, other) in cables.iter().zip([1, 0]) {
        cable.swap(model(name), serials[other]);
        cable.set_label("V", Some(VOLTAGES[other]));
        cable.plug();
    }
    // Once they are plugged in again, neither speaks for the other, and all entities are there.
    for ((id, cable), entities) in ids.iter().zip(cables.iter().rev()).zip(entities) {
        house.wire.available(mark, id, true).await;
        let is_all = |state: &Json| {
            entities
                .iter()
                .all(|key| !state[key].is_null() || key == "time_to_go")
        };
        house
            .online(mark, id, |state| is_of(cable)(state) && is_all(state))
            .await;
        house.announced(id).await;
        let last = announcements(&house.wire, 0, id).pop().unwrap();
        assert!(super::audit::entities(&last).is_superset(&entities), "{id}");
        let topic = format!("wattbridge/{id}/state");
        let after = house.wire.all().into_iter().skip(mark);
        let states = after.filter(|seen| seen.topic == topic);
        for state in states.map(|seen| seen.json()) {
            if state["health"] == "online" {
                assert!(is_of(cable)(&state), "{id}: {state}");
            }
        }
    }
    let cables: Vec<_> = cables.iter().collect();
    house.close(program, &ids, &cables).await;
}

#[tokio::test]
async fn two_chargers_that_exchange_their_cables_keep_their_ids() {
    let Some(house) = House::open("").await else {
        return;
    };
    exchange(&house, "mppt-75-15", ["HQ000000115", "HQ000000215"]).await;
}

#[tokio::test]
async fn two_shunts_that_exchange_their_cables_keep_their_ids() {
    let Some(house) = House::open("").await else {
        return;
    };
    exchange(&house, "smartshunt", ["HQ000000189", "HQ000000289"]).await;
}

#[tokio::test]
async fn another_device_at_a_fixed_port_takes_the_place_of_the_first() {
    let Some(house) = House::with(&[]).await else {
        return;
    };
    let device = tcp(still("mppt-75-15")).await;
    let section = format!("[[victron]]\nport = \"{}\"\n", device.address());
    house.home.write(&[section]);
    let program = house.run();
    let ids = [id("mppt-75-15"), id("bmv-700")];
    house.online(0, &ids[0], is_of(&device)).await;
    let mark = house.wire.mark();
    device.swap(model("bmv-700"), model("bmv-700").serial);
    house.online(mark, &ids[1], is_of(&device)).await;
    let away = |state: &Json| state["health"] == "unreachable";
    house.wire.state("the first", mark, &ids[0], away).await;
    // And back.
    let mark = house.wire.mark();
    device.swap(model("mppt-75-15"), model("mppt-75-15").serial);
    house.online(mark, &ids[0], is_of(&device)).await;
    house.wire.state("the second", mark, &ids[1], away).await;
    house.close(program, &ids, &[&device]).await;
}

#[tokio::test]
async fn a_plug_that_is_moved_to_another_shunt_is_noticed() {
    let Some(house) = House::open("").await else {
        return;
    };
    // Nothing in its text tells one from the other.
    let device = house.cable(1, still("smartshunt")).await;
    let ids = [id("smartshunt"), "victron_hq000000777".to_owned()];
    let program = house.run();
    house.online(0, &ids[0], is_of(&device)).await;
    device.set_faults(&super::rules(&["silence"]));
    let silent = |state: &Json| state["health"] == "silent";
    let (_, mark) = house.wire.state("silence", 0, &ids[0], silent).await;
    device.swap(model("smartshunt"), "HQ000000777");
    device.set_label("V", Some("13770"));
    device.set_faults(&[]);
    house.online(mark, &ids[1], is_of(&device)).await;
    for state in house.wire.states(&ids[0]) {
        assert_ne!(state["battery_voltage"], 13.77, "{state}");
    }
    house.close(program, &ids, &[&device]).await;
}
