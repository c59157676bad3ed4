//! The house of these tests: an ECU with six inverters and sixteen panels, a meter, a solar charger and the
//! monitor of its battery, each with the metrics that its adapter gives such devices.

use std::sync::Arc;

use wattbridge::adapters::ADAPTERS;
use wattbridge::model::{Device, Metric};

/// The metrics of an adapter with these keys, in their order.
fn metrics(kind: &str, table: usize, keys: &[&str]) -> Vec<Metric> {
    let adapter = ADAPTERS.iter().find(|it| it.kind() == kind).unwrap();
    let table = adapter.tables()[table];
    let of = |key: &&str| {
        let metric = table.iter().find(|metric| metric.key == **key);
        metric
            .unwrap_or_else(|| panic!("{kind} has no {key}"))
            .clone()
    };
    keys.iter().map(of).collect()
}

/// Parents before their children.
pub fn devices() -> Vec<Arc<Device>> {
    let mut devices = Vec::new();
    let mut ecu = Device::new("aps_ecu", "216200000001", "Roof", "APsystems");
    ecu.metrics = metrics(
        "aps_ecu",
        0,
        &["power", "energy_today", "energy_total", "inverters_online"],
    );
    ecu.rated_power = Some(6_000);
    let gateway = ecu.id.clone();
    devices.push(ecu);
    for (serial, panels) in [
        ("704000000001", 2),
        ("704000000002", 2),
        ("704000000003", 2),
        ("704000000004", 2),
        ("801000000001", 4),
        ("801000000002", 4),
    ] {
        let mut inverter =
            Device::new("aps_ecu", serial, format!("Inverter {serial}"), "APsystems");
        let mut keys = vec!["power", "energy_computed"];
        let powers = [
            "panel_1_power",
            "panel_2_power",
            "panel_3_power",
            "panel_4_power",
        ];
        keys.extend(powers.iter().take(panels));
        inverter.metrics = metrics("aps_ecu", 1, &keys);
        inverter.rated_power = Some(370 * panels as u32);
        inverter.via = Some(gateway.clone());
        devices.push(inverter);
    }
    let mut meter = Device::new("smart_meter", "1KFM0200654321", "Meter", "Kaifa");
    meter.metrics = metrics(
        "smart_meter",
        0,
        &[
            "energy_import",
            "energy_export",
            "power_net",
            "power_import",
            "power_export",
            "voltage_l1",
            "voltage_l2",
            "voltage_l3",
            "current_l1",
            "current_l2",
            "current_l3",
        ],
    );
    devices.push(meter);
    let mut charger = Device::new("victron", "HQ2000000015", "Charger", "Victron Energy");
    charger.metrics = metrics(
        "victron",
        0,
        &[
            "panel_power",
            "energy_total",
            "energy_today",
            "battery_voltage",
        ],
    );
    charger.rated_power = Some(2_000);
    devices.push(charger);
    let mut monitor = Device::new("victron", "HQ2000000012", "Battery", "Victron Energy");
    monitor.metrics = metrics(
        "victron",
        0,
        &[
            "state_of_charge",
            "battery_power",
            "battery_voltage",
            "battery_current",
            "energy_charged",
            "energy_discharged",
        ],
    );
    devices.push(monitor);
    devices.into_iter().map(Arc::new).collect()
}
