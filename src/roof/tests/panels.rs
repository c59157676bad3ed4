//! What is a panel.

use crate::model::{Device, EnergyPart, Metric, Quantity};
use crate::roof::{panel_energy, panels_of};

/// An inverter with inputs of these numbers.
pub fn inverter(serial: &str, inputs: &'static [(&'static str, &'static str)]) -> Device {
    let mut device = Device::new("made_up", serial, format!("Inverter {serial}"), "Nobody");
    let sun = Metric::measurement("power", Quantity::Power).part(EnergyPart::Sun);
    device.metrics.push(sun);
    for (key, name) in inputs {
        let power = Metric::measurement(key, Quantity::Power).named(name);
        device.metrics.push(power);
    }
    device
}

/// An optimizer behind an inverter.
pub fn optimizer(serial: &str, inverter: &Device) -> Device {
    let mut device = Device::new("made_up", serial, format!("Optimizer {serial}"), "Nobody");
    device.via = Some(inverter.id.clone());
    device.metrics = vec![
        Metric::measurement("power", Quantity::Power).decimals(2),
        Metric::daily("energy_today", Quantity::Energy),
    ];
    device
}

#[test]
fn inputs_and_optimizers_are_panels() {
    let two = inverter(
        "216000000001",
        &[
            ("panel_2_power", "Panel 2 power"),
            ("panel_1_power", "South 1 power"),
        ],
    );
    let one = inverter("7", &[("panel_1_power", "Panel 1 power")]);
    let plain = inverter("99991234", &[]);
    let behind = optimizer("88885678", &plain);
    let panels = panels_of([&two, &one, &plain, &behind]);
    let told: Vec<_> = panels
        .iter()
        .map(|it| {
            (
                it.place.key.as_str(),
                it.name.as_str(),
                it.inverter_name.as_str(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("panel_1_power", "South 1", "Inverter 0001"),
            ("panel_2_power", "Inverter 0001 2", "Inverter 0001"),
            ("panel_1_power", "Inverter 7", "Inverter 7"),
            ("power", "Optimizer 5678", "Inverter 1234"),
        ]
    );
    assert_eq!(panels[3].inverter, plain.id);
}

#[test]
fn nothing_else_is_a_panel() {
    let plain = inverter("1", &[]);
    // A battery, a meter, an inverter behind a gateway, what has devices behind it.
    let mut battery = optimizer("2", &plain);
    battery.metrics.push(
        Metric::measurement("state_of_charge", Quantity::StateOfCharge)
            .part(EnergyPart::BatteryLevel),
    );
    let mut meter = optimizer("3", &plain);
    meter.metrics[0].part = Metric::measurement("power", Quantity::Power)
        .substitute_for(EnergyPart::Grid)
        .part;
    let mut behind = inverter("4", &[]);
    behind.via = Some(plain.id.clone());
    let gateway = optimizer("5", &plain);
    let sensor = optimizer("6", &gateway);
    let mut alone = optimizer("7", &plain);
    alone.via = None;
    let mut odd = optimizer("8", &plain);
    odd.metrics.clear();
    for key in [
        "panel_power",
        "panel_x_power",
        "panel_+1_power",
        "panel_1000_power",
        "panel_1_power_counted",
        "panel__power",
    ] {
        odd.metrics.push(Metric::measurement(key, Quantity::Power));
    }
    odd.metrics
        .push(Metric::measurement("panel_1_power", Quantity::Voltage));
    odd.metrics
        .push(Metric::figure("panel_2_power", Quantity::Power));
    let devices = [
        &plain, &battery, &meter, &behind, &gateway, &sensor, &alone, &odd,
    ];
    assert_eq!(panels_of(devices), []);
}

#[test]
fn the_energy_of_a_panel_is_its_best_counter() {
    let plain = inverter("1", &[]);
    let mut device = optimizer("2", &plain);
    assert_eq!(panel_energy(&device, "power"), Some("energy_today"));
    device.metrics.push(Metric::lifetime(
        "panel_1_energy_computed",
        Quantity::Energy,
    ));
    device
        .metrics
        .push(Metric::daily("panel_1_energy_today", Quantity::Energy));
    assert_eq!(
        panel_energy(&device, "panel_1_power"),
        Some("panel_1_energy_computed")
    );
    assert_eq!(panel_energy(&device, "panel_2_power"), None);
    assert_eq!(panel_energy(&device, "voltage"), None);
}
