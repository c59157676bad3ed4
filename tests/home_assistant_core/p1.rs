//! Meters with a P1 port: what is behind them are devices of their own, and Home Assistant counts gas, water and both
//! tariffs.

use std::time::Instant;

use serde_json::{Value as Json, json};
use wattbridge::adapters::smart_meter::simulator::{BehindSample, SimulatedMeters};
use wattbridge::simulation::SimPlace;
use wattbridge::simulation::year::Supply;

use crate::harness::Harness;
use crate::languages::agree;
use crate::meters::{KEY, id, section, simulate};
use crate::plant::{Pace, Program};
use crate::support::mosquitto::{Mosquitto, Setup};
use crate::support::ports::free_address;
use crate::view::{DEADLINE, Heard, View};

/// The Netherlands with heat, water, gas and a charger; Flanders with peaks, gas and water; Luxembourg, encrypted and
/// with two gas meters; a heat meter alone; and what had neither checksum nor clock.
const MODELS: [&str; 5] = ["dsmr5-four", "fluvius", "smarty", "warmtelink", "dsmr22"];

/// The bridge; three meters with what is behind them; a heat meter; and another with gas.
const DEVICES: usize = 1 + (1 + 4) + (1 + 2) + (1 + 2) + 1 + (1 + 1);

/// The readings of all that is behind meters, in the order of [`MODELS`].
fn readings(meters: &[SimulatedMeters]) -> Vec<BehindSample> {
    let all = meters.iter().flat_map(|meter| meter.p1_samples());
    all.flatten().flat_map(|sample| sample.behind).collect()
}

fn behind(sample: &BehindSample) -> (String, &'static str, f64) {
    let key = match sample.supply {
        Supply::Gas => "gas",
        Supply::Water => "water",
        Supply::Heat => "heat",
        Supply::Electricity => "energy",
    };
    let id = format!("smart_meter_{}", sample.number.to_lowercase());
    #[expect(
        clippy::cast_precision_loss,
        reason = "a simulated meter has counted little"
    )]
    let count = sample.count as f64 / 1000.0;
    (id, key, count)
}

fn grid(import: &Json, export: &Json, price: f64) -> Json {
    json!({
        "type": "grid", "stat_energy_from": import, "stat_energy_to": export,
        "stat_cost": null, "entity_energy_price": null, "number_energy_price": price,
        "stat_compensation": null, "entity_energy_price_export": null,
        "number_energy_price_export": null, "cost_adjustment_day": 0,
    })
}

fn supply(kind: &str, counter: &Json) -> Json {
    json!({
        "type": kind, "stat_energy_from": counter,
        "stat_cost": null, "entity_energy_price": null, "number_energy_price": null,
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn home_assistant_counts_gas_water_and_tariffs() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let Some(home_assistant) = Harness::find() else {
        return;
    };
    let mut meters = Vec::new();
    for model in MODELS {
        meters.push(simulate(model, Some(2_000), SimPlace::Tcp(free_address())).await);
    }
    let more = format!("key = \"{KEY}\"\ntime_zone = \"Europe/Vienna\"\n");
    let sections: Vec<String> = meters.iter().map(|meter| section(meter, &more)).collect();
    let nothing_plugged = tempfile::tempdir().unwrap();
    let mut program = Program::new(broker.port(), &[], nothing_plugged.path());
    program.configure(Pace::Unlimited, &sections);
    let view = View::open(broker.port());
    home_assistant.start(broker.port());
    program.start();
    // By topic: several have the same four digits at the end, and so the same name.
    let is_config = |topic: &&String| topic.ends_with("/config");
    let all = |heard: &Heard| heard.keys().filter(is_config).count() == DEVICES;
    view.until("all devices", all).await;
    agree(&home_assistant, &view, "with what is behind meters");

    // Each has the value of its meter, and is behind it.
    let registry = home_assistant.devices();
    let found = readings(&meters);
    assert_eq!(found.len(), 10);
    for sample in &found {
        let (id, key, _) = behind(sample);
        let device = registry
            .iter()
            .find(|it| it["identifiers"][0][1] == id.as_str());
        let device = device.unwrap_or_else(|| panic!("no {id}"));
        assert_eq!(device["serial_number"], sample.number.as_str(), "{device}");
        let entities = device["entities"].as_array().unwrap();
        let unique = format!("{id}_{key}");
        let entity = entities
            .iter()
            .find(|it| it["unique_id"] == unique.as_str());
        let entity = entity.unwrap_or_else(|| panic!("no {unique}"))["entity_id"].clone();
        let begun = Instant::now();
        loop {
            // The meter may read it anew between the two looks.
            let now = readings(&meters).into_iter();
            let now: Vec<f64> = now
                .map(|it| behind(&it))
                .filter(|it| it.0 == id)
                .map(|it| it.2)
                .collect();
            let states = home_assistant.states();
            let state = states.iter().find(|it| it["entity_id"] == entity).unwrap();
            let shown: Option<f64> = state["state"].as_str().and_then(|it| it.parse().ok());
            // Heat has two decimals.
            if shown.is_some_and(|shown| now.iter().any(|count| (count - shown).abs() < 0.01)) {
                let (class, unit) = match key {
                    "gas" => ("gas", "m³"),
                    "water" => ("water", "m³"),
                    "heat" => ("energy", "GJ"),
                    _ => ("energy", "kWh"),
                };
                assert_eq!(state["device_class"], class, "{state}");
                assert_eq!(state["unit"], unit, "{state}");
                assert_eq!(state["state_class"], "total_increasing", "{state}");
                break;
            }
            assert!(begun.elapsed() < DEADLINE, "{unique}: {now:?}, {state}");
        }
    }

    // The dashboard takes them: both tariffs with a price each, gas, heat and water.
    let entity = |unique: &str| {
        let mut all = registry
            .iter()
            .flat_map(|it| it["entities"].as_array().unwrap());
        let found = all.find(|it| it["unique_id"] == unique);
        found.unwrap_or_else(|| panic!("no {unique}"))["entity_id"].clone()
    };
    let tariff = |model: &str, tariff: u8, price: f64| {
        let register = |way: &str| entity(&format!("{}_energy_{way}_t{tariff}", id(model)));
        grid(&register("import"), &register("export"), price)
    };
    let mut sources = vec![
        tariff("dsmr5-four", 1, 0.22),
        tariff("dsmr5-four", 2, 0.28),
        tariff("fluvius", 1, 0.31),
        tariff("fluvius", 2, 0.25),
    ];
    let mut counters = Vec::new();
    for sample in &found {
        let (id, key, _) = behind(sample);
        let counter = entity(&format!("{id}_{key}"));
        let (kind, unit) = match sample.supply {
            Supply::Gas => ("gas", "m³"),
            Supply::Water => ("water", "m³"),
            // Those who heat from afar put it there.
            Supply::Heat => ("gas", "GJ"),
            Supply::Electricity => continue,
        };
        sources.push(supply(kind, &counter));
        counters.push(format!("{}: sum, {unit}", counter.as_str().unwrap()));
    }
    let charger = found
        .iter()
        .find(|it| it.supply == Supply::Electricity)
        .unwrap();
    let (id_of_charger, ..) = behind(charger);
    let consumption = json!([{ "stat_consumption": entity(&format!("{id_of_charger}_energy")) }]);
    let preferences =
        |sources: &[Json]| json!({ "energy_sources": sources, "device_consumption": consumption });
    let (said, is_content) = home_assistant.energy(&preferences(&sources));
    assert!(is_content, "{said}");
    for counter in &counters {
        assert!(said.contains(counter), "{counter} is not in: {said}");
    }

    // It does look: water is no gas.
    let water = found.iter().find(|it| it.supply == Supply::Water).unwrap();
    let (id_of_water, ..) = behind(water);
    let wrong = supply("gas", &entity(&format!("{id_of_water}_water")));
    let (said, is_content) = home_assistant.energy(&preferences(&[wrong]));
    assert!(!is_content, "{said}");
    agree(&home_assistant, &view, "at the end");
}
