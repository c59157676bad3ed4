use std::sync::Arc;

use std::collections::BTreeMap;

use super::*;
use crate::bridge::Hub;
use crate::model::{DeviceState, Health, Quantity};

fn known(devices: Vec<Device>) -> Vec<Known> {
    let (hub, _commands) = Hub::new();
    for device in devices {
        let state = DeviceState {
            device: device.id.clone(),
            at: None,
            values: Vec::new().into_iter().collect(),
            health: Health::ONLINE,
            held: BTreeMap::new(),
            era: 0,
        };
        hub.put_device(Arc::new(device), Arc::new(state));
    }
    hub.view().snapshot()
}

fn device(adapter: &'static str, serial: &str, metrics: Vec<Metric>) -> Device {
    let mut device = Device::new(adapter, serial, format!("The {serial}"), "maker");
    device.metrics = metrics;
    device
}

fn energy(key: &'static str, part: EnergyPart) -> Metric {
    Metric::lifetime(key, Quantity::Energy).part(part)
}

fn power(key: &'static str, part: EnergyPart) -> Metric {
    Metric::measurement(key, Quantity::Power).part(part)
}

fn entries<'t>(places: &'t [ToldPlace], name: &str) -> Vec<(&'t str, &'t str)> {
    let place = places.iter().find(|it| it.place == name).unwrap();
    let entries = place.entries.iter();
    entries
        .map(|it| (it.device.as_str(), it.key.as_str()))
        .collect()
}

#[test]
fn each_counter_has_its_place_and_nothing_counts_twice() {
    let ecu = device(
        "aps_ecu",
        "ecu",
        vec![
            power("power", EnergyPart::Sun),
            energy("energy_total", EnergyPart::SunEnergy),
            Metric::daily("energy_today", Quantity::Energy).part(EnergyPart::SunEnergy),
        ],
    );
    let inverter = |serial: &str| {
        let metrics = vec![energy("energy_computed", EnergyPart::SunEnergy)];
        let mut inverter = device("aps_ecu", serial, metrics);
        inverter.via = Some(ecu.id.clone());
        inverter
    };
    let meter = device(
        "smart_meter",
        "meter",
        vec![
            energy("energy_import", EnergyPart::GridImport),
            energy("energy_export", EnergyPart::GridExport),
            power("power_net", EnergyPart::Grid),
        ],
    );
    let battery = device(
        "victron",
        "bmv",
        vec![
            energy("energy_charged", EnergyPart::BatteryIn),
            energy("energy_discharged", EnergyPart::BatteryOut),
        ],
    );
    let devices = known(vec![
        ecu.clone(),
        inverter("a"),
        inverter("b"),
        meter.clone(),
        battery,
    ]);
    let key = WebKey::passing();
    let places = told(&devices, &FlowSettings::default(), &key, Language::En);
    assert_eq!(entries(&places, "solar"), [("The ecu", "energy_total")]);
    assert_eq!(
        entries(&places, "grid_import"),
        [("The meter", "energy_import")]
    );
    assert_eq!(
        entries(&places, "grid_export"),
        [("The meter", "energy_export")]
    );
    assert_eq!(entries(&places, "power"), [("The meter", "power_net")]);
    assert_eq!(
        entries(&places, "battery_in"),
        [("The bmv", "energy_charged")]
    );
    assert_eq!(
        entries(&places, "battery_out"),
        [("The bmv", "energy_discharged")]
    );
    assert_eq!(places[0].entries[0].power.as_deref(), Some("power"));
    let mut same = places[0].entries[0].same_unique_ids.clone();
    same.sort();
    let mut all = ["a", "b"]
        .map(|it| unique_id(&inverter(it), &inverter(it).metrics[0]))
        .to_vec();
    all.push(unique_id(&ecu, &ecu.metrics[2]));
    all.sort();
    assert_eq!(same, all);
    // The other way round.
    let one = inverter("a");
    let above = same_energy(&one, &one.metrics[0], &devices);
    assert_eq!(above, [1, 2].map(|it| unique_id(&ecu, &ecu.metrics[it])));
    let [not] = places[0].not.as_slice() else {
        panic!("{places:?}")
    };
    assert_eq!(
        (not.reference.as_str(), not.refs.len()),
        (key.reference(&ecu.id).as_str(), 2)
    );
    // Two meters: who of them it is, the user knows.
    let mut other = meter.clone();
    other.id = DeviceId::new("smart_meter", "other");
    let places = told(
        &known(vec![meter, other]),
        &FlowSettings::default(),
        &key,
        Language::En,
    );
    assert_eq!(entries(&places, "grid_import").len(), 2);
    assert!(places[1].entries[0].remark.contains("choose"));
    assert!(
        told(
            &known(Vec::new()),
            &FlowSettings::default(),
            &key,
            Language::En
        )
        .iter()
        .all(|place| place.entries.is_empty())
    );
}

#[test]
fn a_total_is_not_put_beside_its_tariffs() {
    let mut metrics = vec![energy("energy_import", EnergyPart::GridImport)];
    for key in ["energy_import_t1", "energy_import_t2"] {
        metrics.push(Metric::lifetime(key, Quantity::Energy).share_of("energy_import"));
    }
    let meter = device("smart_meter", "meter", metrics);
    let devices = known(vec![meter.clone()]);
    let key = WebKey::passing();
    let places = told(&devices, &FlowSettings::default(), &key, Language::En);
    let place = places.iter().find(|it| it.place == "grid_import").unwrap();
    let [entry] = place.entries.as_slice() else {
        panic!("{place:?}")
    };
    let tariffs = [1, 2].map(|it| unique_id(&meter, &meter.metrics[it]));
    assert_eq!(entry.same_unique_ids, tariffs);
    assert!(entry.remark.starts_with("Or the tariffs"), "{entry:?}");
}

#[test]
fn every_gas_and_water_meter_has_its_place() {
    let of = |key: &'static str, quantity, serial: &str| {
        device("smart_meter", serial, vec![Metric::lifetime(key, quantity)])
    };
    let daily = device(
        "text",
        "pump",
        vec![Metric::daily("water_today", Quantity::Water)],
    );
    let devices = known(vec![
        of("gas", Quantity::Gas, "old"),
        of("gas", Quantity::Gas, "new"),
        of("water", Quantity::Water, "tap"),
        of("heat", Quantity::Heat, "far"),
        daily,
    ]);
    let key = WebKey::passing();
    let places = told(&devices, &FlowSettings::default(), &key, Language::De);
    let mut gas = entries(&places, "gas");
    gas.sort_unstable();
    assert_eq!(gas, [("The new", "gas"), ("The old", "gas")]);
    assert_eq!(entries(&places, "water"), [("The tap", "water")]);
    let water = places.iter().find(|it| it.place == "water").unwrap();
    assert_eq!(water.entries[0].name, "Wasser");
}
