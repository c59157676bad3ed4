//! Everything that goes wrong on a wire: nothing of it may become a value.

use serde_json::Value as Json;
use wattbridge::adapters::victron::simulator::SimulatedVictron;

use super::audit::{announcements, entities};
use super::families::OF_HEX;
use super::said::{NUMBERS, invented, numbers};
use super::{House, cable_id, faulty, id, still};

/// What happens to a line: the device, and the faults.
type Trouble = (&'static str, &'static [&'static str]);

/// Runs a device at each line for so many blocks, and looks at every value that was told. Time
/// stands still, so that each has one right value. Returns the last states.
async fn endure(troubles: &[Trouble], blocks: u64) -> Vec<Json> {
    let Some(house) = House::open("").await else {
        return Vec::new();
    };
    let mut lines: Vec<(String, SimulatedVictron)> = Vec::new();
    for (number, (name, faults)) in (1..).zip(troubles) {
        let mut settings = faulty(name, faults);
        // Each is another one, also where they are alike.
        settings.serial = Some(format!("HQ1234500{number:02}"));
        let id = match *name {
            "bmv-602" => cable_id(number),
            _ => format!("victron_hq1234500{number:02}"),
        };
        lines.push((id, house.cable(number, settings).await));
    }
    let program = house.run();
    let mut last = Vec::new();
    for (id, _) in &lines {
        let is_long = |state: &Json| {
            let count = |key: &str| state[key].as_u64().unwrap_or_default();
            let asked = state["health"] != "starting";
            asked && count("blocks") + count("blocks_damaged") >= blocks
        };
        last.push(house.wire.state("many blocks", 0, id, is_long).await.0);
    }
    for (id, device) in &lines {
        let truth = numbers(device);
        for state in house.wire.states(id) {
            assert_eq!(invented(&state, &truth), None, "{id}: {state}\n{truth:?}");
        }
    }
    // What was wrong has brought no entity that a sound device does not have.
    for (id, device) in &lines {
        let known = known(device);
        for announced in announcements(&house.wire, 0, id) {
            let numbers = NUMBERS.iter().map(|(_, key, ..)| *key);
            for key in numbers.filter(|key| entities(&announced).contains(*key)) {
                let is_hex = OF_HEX.contains(&(device.model().name, key));
                assert!(is_hex || known.contains(&key), "{id}: {key}");
            }
        }
    }
    let ids: Vec<_> = lines.iter().map(|(id, _)| id.clone()).collect();
    let devices: Vec<_> = lines.iter().map(|(_, device)| device).collect();
    house.close(program, &ids, &devices).await;
    last
}

fn known(device: &SimulatedVictron) -> Vec<&'static str> {
    numbers(device).iter().map(|(key, _)| *key).collect()
}

#[tokio::test]
async fn damaged_blocks_are_counted_and_never_believed() {
    let troubles: &[Trouble] = &[
        ("mppt-75-15", &["digit-lost@every=2"]),
        ("bmv-712", &["digit-lost@every=3"]),
        ("mppt-150-70", &["byte-lost@every=3"]),
        ("smartshunt", &["bit-turned@every=3"]),
        ("phoenix", &["lines-merged@every=2"]),
        ("blue-smart-ip22", &["wrong-checksum@every=2"]),
        ("orion-xs", &["noise=40@every=2"]),
        ("multi-rs", &["noise-inside=20@every=2"]),
        ("bmv-602", &["digit-lost@every=3", "lines-merged@every=5"]),
        (
            "mppt-100-50-old",
            &["hex-damaged@every=2", "byte-lost@every=4"],
        ),
    ];
    for ((name, faults), state) in troubles.iter().zip(endure(troubles, 90).await) {
        assert_eq!(state["health"], "online", "{name} {faults:?}: {state}");
        assert!(
            state["blocks"].as_u64() >= Some(15),
            "{name} {faults:?}: {state}"
        );
        // What comes between two blocks damages none of them.
        let least = if faults[0].starts_with("noise=") {
            1
        } else {
            15
        };
        assert!(
            state["blocks_damaged"].as_u64() >= Some(least),
            "{name} {faults:?}: {state}"
        );
    }
}

#[tokio::test]
async fn frames_between_and_inside_lines_cost_no_block() {
    let troubles: &[Trouble] = &[
        ("mppt-75-15", &["hex-inside"]),
        (
            "mppt-100-50-old",
            &["hex-inside@every=2", "hex-glued@every=3"],
        ),
        ("blue-smart-ip22", &["hex-between"]),
        ("mppt-150-70", &["hex-glued"]),
        ("multi-rs", &["hex-unended"]),
        ("bmv-712", &["hex-inside", "hex-between"]),
    ];
    for ((name, faults), state) in troubles.iter().zip(endure(troubles, 60).await) {
        assert_eq!(state["health"], "online", "{name} {faults:?}: {state}");
        assert_eq!(state["blocks_damaged"], 0, "{name} {faults:?}: {state}");
    }
}

#[tokio::test]
async fn strange_values_are_no_values() {
    let troubles: &[Trouble] = &[
        ("bmv-712", &["dashes@every=3"]),
        ("mppt-75-15", &["dashes@every=4"]),
        ("mppt-75-15", &["unknown-labels"]),
        ("smartshunt", &["long-block=40"]),
        ("phoenix", &["malformed@every=2"]),
        ("bmv-700", &["malformed@every=3"]),
        ("mppt-75-15", &["not-available"]),
        ("mppt-100-50-old", &["short-product", "restart@every=20"]),
    ];
    let states = endure(troubles, 90).await;
    for ((name, faults), state) in troubles.iter().zip(&states) {
        assert_eq!(state["health"], "online", "{name} {faults:?}: {state}");
    }
    // What nobody knows is shown as it is.
    if let [_, _, labels, long, ..] = states.as_slice() {
        assert_eq!(
            labels["other_values"], "NEW#=42, XQ7=---, Zz=a b c",
            "{labels}"
        );
        assert!(
            long["other_values"].as_str().unwrap().contains("X20=20"),
            "{long}"
        );
    }
}

#[tokio::test]
async fn counters_that_are_0_for_a_moment_are_held() {
    let Some(house) = House::open("").await else {
        return;
    };
    let shunt = house.cable(1, still("bmv-712")).await;
    let charger = house.cable(2, still("mppt-75-15")).await;
    let ids = [id("bmv-712"), id("mppt-75-15")];
    let program = house.run();
    let full = |state: &Json| state["hex_answers"].as_u64() >= Some(8);
    house.online(0, &ids[0], full).await;
    house
        .online(0, &ids[1], |state| state["energy_total"].is_number())
        .await;
    for device in [&shunt, &charger] {
        device.set_faults(&super::rules(&[
            "zero-counters@every=7",
            "zero-answer@every=2",
        ]));
    }
    let mark = house.wire.mark();
    let begun = shunt.blocks();
    let is_held = |state: &Json| {
        let guard = state["counter_guard"].as_str().unwrap_or_default();
        shunt.blocks() > begun + 60 && guard.contains("held")
    };
    for id in &ids {
        house.online(mark, id, is_held).await;
    }
    let counters: [&[&str]; 2] = [
        &[
            "energy_charged",
            "energy_discharged",
            "charge_cycles",
            "charge_drawn",
        ],
        &["energy_total", "energy_resettable", "energy_today"],
    ];
    for ((id, device), keys) in ids.iter().zip([&shunt, &charger]).zip(counters) {
        let mut truth = numbers(device);
        truth.retain(|(key, _)| keys.contains(key));
        assert!(truth.len() >= 2, "{truth:?}");
        for state in house.wire.states(id) {
            assert_eq!(invented(&state, &truth), None, "{id}: {state}\n{truth:?}");
        }
    }
    house.close(program, &ids, &[&shunt, &charger]).await;
}

#[tokio::test]
async fn whoever_complains_of_questions_is_left_alone_and_still_read() {
    let Some(house) = House::open("").await else {
        return;
    };
    let device = house
        .cable(1, faulty("mppt-75-15", &["error-storm=5@every=2"]))
        .await;
    let id = id("mppt-75-15");
    let program = house.run();
    program.until_said("it is asked nothing for a while").await;
    assert!(
        program.said().contains("its text is read as before"),
        "{}",
        program.said()
    );
    let mark = house.wire.mark();
    let asked = device.requests();
    let begun = device.blocks();
    let (state, _) = house
        .online(mark, &id, |_| device.blocks() > begun + 60)
        .await;
    assert_eq!(invented(&state, &numbers(&device)), None, "{state}");
    assert_eq!(device.requests(), asked);
    assert_eq!(
        program.count(&["it is asked nothing"]),
        1,
        "{}",
        program.said()
    );
    house.close(program, &[id], &[&device]).await;
}

#[tokio::test]
async fn answers_that_come_late_or_broken_or_never_are_no_harm() {
    let troubles: &[Trouble] = &[
        ("mppt-75-15", &["truncated@every=2"]),
        ("bmv-712", &["unanswered@every=3"]),
        ("phoenix", &["late=300@every=2"]),
        (
            "blue-smart-ip22",
            &["late=900@every=4", "truncated@every=5"],
        ),
        ("orion-xs", &["deaf"]),
        ("mppt-150-70", &["zero-answer@every=1000"]),
    ];
    for ((name, faults), state) in troubles.iter().zip(endure(troubles, 100).await) {
        assert_eq!(state["health"], "online", "{name} {faults:?}: {state}");
    }
}

#[tokio::test]
async fn silence_and_noise_are_told_apart_and_end() {
    let Some(house) = House::open("").await else {
        return;
    };
    let silent = house.cable(1, faulty("bmv-712", &[])).await;
    let noisy = house.cable(2, faulty("mppt-75-15", &[])).await;
    let ids = [id("bmv-712"), id("mppt-75-15")];
    let program = house.run();
    for id in &ids {
        house.online(0, id, |_| true).await;
    }
    silent.set_faults(&super::rules(&["silence"]));
    noisy.set_faults(&super::rules(&["wrong-checksum"]));
    for (id, health, words) in [
        (&ids[0], "silent", "says nothing"),
        (&ids[1], "garbled", "no block of them is whole"),
    ] {
        let is_so = |state: &Json| state["health"] == health;
        let (state, mark) = house.wire.state(health, 0, id, is_so).await;
        assert!(state["reason"].as_str().unwrap().contains(words), "{state}");
        assert_eq!(state["problem"], "ON", "{state}");
        house
            .wire
            .available(mark.saturating_sub(3), id, false)
            .await;
    }
    let mark = house.wire.mark();
    silent.set_faults(&[]);
    noisy.set_faults(&[]);
    for (id, device) in ids.iter().zip([&silent, &noisy]) {
        let (state, _) = house.online(mark, id, |_| true).await;
        assert_eq!(invented(&state, &numbers(device)), None, "{state}");
    }
    house.close(program, &ids, &[&silent, &noisy]).await;
}
