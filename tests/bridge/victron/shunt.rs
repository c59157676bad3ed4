//! Battery monitors: who they are where nobody can ask them, and what they measure.

use serde_json::Value as Json;

use super::audit::{announcements, entities};
use super::said::{differs, numbers};
use super::{House, cable_id, faulty, id, still};
use crate::wire::Seen;

#[tokio::test]
async fn a_shunt_that_cannot_be_asked_is_known_by_its_cable_for_ever() {
    let Some(house) = House::open("").await else {
        return;
    };
    let device = house.cable(7, faulty("smartshunt", &["deaf"])).await;
    let known = cable_id(7);
    let listened = |state: &Json| {
        state["protocol"] == "text only" && differs(state, &numbers(&device)).is_none()
    };
    let heard = |state: &Json| {
        state["protocol"] == "text and HEX" && differs(state, &numbers(&device)).is_none()
    };
    let topic = format!("homeassistant/device/{known}/config");
    let mut entities_before = None;
    // Over a restart, and also when it hears us at last, and tells its serial number.
    for round in 0..3 {
        if round == 2 {
            device.set_faults(&[]);
        }
        let mark = house.wire.mark();
        let mut program = house.run();
        let wanted: &dyn Fn(&Json) -> bool = if round == 2 { &heard } else { &listened };
        house.online(mark, &known, wanted).await;
        let serial = if round == 2 {
            "HQ000000089"
        } else {
            "VE000007"
        };
        // What the broker has kept is not announced again.
        if round != 1 {
            let wanted = |seen: &Seen| {
                seen.topic == topic && seen.json()["device"]["serial_number"] == serial
            };
            house.wire.until(serial, mark, wanted).await;
        }
        for announced in announcements(&house.wire, mark, &known) {
            let now = entities(&announced);
            let before = entities_before.get_or_insert_with(|| now.clone());
            assert!(now.is_superset(before), "round {round}: {now:?} {before:?}");
        }
        if round == 2 {
            house
                .close(program, std::slice::from_ref(&known), &[&device])
                .await;
        } else {
            assert!(program.end().await.success());
        }
    }
}

#[tokio::test]
async fn what_the_auxiliary_input_measures_comes_and_goes_with_its_use() {
    let Some(house) = House::open("").await else {
        return;
    };
    let device = house.cable(1, still("bmv-712")).await;
    let id = id("bmv-712");
    let program = house.run();
    let groups: [&[&str]; 3] = [
        &["starter_voltage"],
        &["mid_point_voltage", "mid_point_deviation"],
        &["battery_temperature"],
    ];
    let topic = format!("homeassistant/device/{id}/config");
    for aux in [0_u8, 1, 2, 0] {
        let mark = house.wire.mark();
        device.set_register(0xeef8, &[aux]);
        let is_so = |announced: &Json| {
            let entities = entities(announced);
            let mut groups = groups.iter().enumerate();
            groups.all(|(number, keys)| {
                let has = |key: &&str| entities.contains(*key) == (number == usize::from(aux));
                keys.iter().all(has)
            })
        };
        let wanted = |seen: &Seen| seen.topic == topic && is_so(&seen.json());
        house
            .wire
            .until(&format!("input {aux}"), mark, wanted)
            .await;
        let told = |state: &Json| differs(state, &numbers(&device)).is_none();
        house.online(mark, &id, told).await;
    }
    // What is taken back is taken back by name, or Home Assistant would keep it.
    let announced = house.wire.on(&topic);
    let taken_back = announced.iter().any(|seen| {
        let it = &seen.json()["components"]["starter_voltage"];
        it["platform"] == "sensor" && it["unique_id"].is_null()
    });
    assert!(taken_back, "{announced:?}");
    house.close(program, &[id], &[&device]).await;
}

#[tokio::test]
async fn a_shunt_that_becomes_an_energy_meter_has_no_state_of_charge_any_more() {
    let Some(house) = House::open("").await else {
        return;
    };
    let device = house.cable(1, still("smartshunt")).await;
    let id = id("smartshunt");
    let program = house.run();
    let of_battery = [
        "state_of_charge",
        "time_to_go",
        "consumed_charge",
        "energy_charged",
        "charge_cycles",
    ];
    let of_meter = ["energy_produced", "energy_consumed"];
    let topic = format!("homeassistant/device/{id}/config");
    for (mode, word) in [
        (0_i16, "battery monitor"),
        (-9, "solar charger"),
        (0, "battery monitor"),
    ] {
        let mark = house.wire.mark();
        device.set_register(0xeeb8, &mode.to_le_bytes());
        let is_so = |announced: &Json| {
            let entities = entities(announced);
            let all = |keys: &[&str], there: bool| {
                keys.iter().all(|key| entities.contains(*key) == there)
            };
            all(&of_battery, mode == 0) && all(&of_meter, mode != 0)
        };
        let wanted = |seen: &Seen| seen.topic == topic && is_so(&seen.json());
        house.wire.until(word, mark, wanted).await;
        let told = |state: &Json| {
            state["monitor_mode"] == word && differs(state, &numbers(&device)).is_none()
        };
        let (state, _) = house.online(mark, &id, told).await;
        assert_eq!(state["energy_produced"].is_number(), mode != 0, "{state}");
    }
    house.close(program, &[id], &[&device]).await;
}
