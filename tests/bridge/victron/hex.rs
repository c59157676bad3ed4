//! Devices whose text stays away, for a while or for ever.

use serde_json::Value as Json;
use wattbridge::adapters::victron::simulator::{Pace, SimulatedVictron, VictronSettings};

use super::said::{differs, numbers};
use super::{House, faulty, id, still};

/// A number in a register.
fn register(device: &SimulatedVictron, register: u16, divide: f64) -> f64 {
    let bytes = device.register(register).unwrap();
    let number = bytes
        .iter()
        .rev()
        .fold(0_u32, |sum, byte| sum << 8 | u32::from(*byte));
    f64::from(number) / divide
}

#[tokio::test]
async fn old_chargers_that_fall_silent_while_they_are_asked_are_never_missed() {
    let Some(house) = House::open("").await else {
        return;
    };
    let old = still("mppt-100-50-old");
    let settings = VictronSettings {
        pace: Pace {
            // As real ones do: several seconds.
            text_returns: 40,
            ..old.pace
        },
        ..old
    };
    let device = house.cable(1, settings).await;
    let id = id("mppt-100-50-old");
    let program = house.run();
    let total = register(&device, 0xeddd, 100.0);
    let told = |state: &Json| {
        state["energy_total"] == total && differs(state, &numbers(&device)).is_none()
    };
    let (state, mark) = house.online(0, &id, told).await;
    let blocks = state["blocks"].as_u64().unwrap();
    // Text is back, though it was asked before.
    let goes_on = |state: &Json| state["blocks"].as_u64() > Some(blocks + 20);
    let (state, _) = house.online(mark, &id, goes_on).await;
    assert!(told(&state), "{state}");
    let begun = house.wire.states(&id);
    // It is announced a moment before its counters have been saved.
    let begun = begun
        .into_iter()
        .skip_while(|it| it["health"] == "starting");
    for state in begun {
        assert_eq!(
            (&state["health"], &state["problem"]),
            (&"online".into(), &"OFF".into()),
            "{state}"
        );
    }
    assert_eq!(house.wire.availability(&id), ["online"]);
    house.close(program, &[id], &[&device]).await;
}

#[tokio::test]
async fn devices_that_speak_hex_only_tell_their_values_all_the_same() {
    // As long as people wait by default: that text stays away must be noticed first.
    let sections = ["[[victron]]\n".to_owned()];
    let Some(house) = House::with(&sections).await else {
        return;
    };
    let mute = |name: &str| faulty(name, &["text-stops"]);
    let devices = [
        house.cable(1, mute("mppt-75-15")).await,
        house.cable(2, mute("bmv-712")).await,
        house.cable(3, mute("blue-smart-ip22")).await,
        house.cable(4, mute("phoenix")).await,
        house.cable(5, mute("orion-xs")).await,
    ];
    let ids = [
        "mppt-75-15",
        "bmv-712",
        "blue-smart-ip22",
        "phoenix",
        "orion-xs",
    ]
    .map(id);
    let program = house.run();
    let rows: [&[(&str, u16, f64)]; 5] = [
        &[
            ("battery_voltage", 0xedd5, 100.0),
            ("panel_voltage", 0xedbb, 100.0),
            ("energy_total", 0xeddd, 100.0),
            ("energy_today", 0xedd3, 100.0),
            ("energy_yesterday", 0xedd1, 100.0),
        ],
        &[
            ("battery_voltage", 0xed8d, 100.0),
            ("energy_discharged", 0x0310, 100.0),
            ("energy_charged", 0x0311, 100.0),
        ],
        &[("battery_voltage", 0xed8d, 100.0)],
        &[
            ("ac_output_voltage", 0x2200, 100.0),
            ("battery_voltage", 0xed8d, 100.0),
        ],
        &[
            ("input_voltage", 0xedbb, 100.0),
            ("battery_voltage", 0xed8d, 100.0),
        ],
    ];
    for ((id, device), rows) in ids.iter().zip(&devices).zip(rows) {
        let right = |state: &Json| {
            let mut rows = rows.iter();
            let is = |(key, number, divide): &(&str, u16, f64)| {
                state[*key].as_f64() == Some(register(device, *number, *divide))
            };
            state["protocol"] == "HEX only" && rows.all(is)
        };
        let (state, _) = house.online(0, id, right).await;
        assert_eq!(
            (&state["problem"], &state["blocks"]),
            (&"OFF".into(), &0.into()),
            "{state}"
        );
        assert_eq!(house.wire.availability(id), ["online"]);
    }
    let devices: Vec<_> = devices.iter().collect();
    house.close(program, &ids, &devices).await;
}
