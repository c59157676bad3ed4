//! What a device says in text, compared with what the program says of it.

use serde_json::Value as Json;
use wattbridge::adapters::victron::simulator::SimulatedVictron;

/// Label, key, how many of the unit on the wire make one of ours, decimals of ours.
#[rustfmt::skip]
pub(super) const NUMBERS: &[(&str, &str, f64, i32)] = &[
    ("V", "battery_voltage", 1000.0, 2), ("VS", "starter_voltage", 1000.0, 2),
    ("VM", "mid_point_voltage", 1000.0, 2), ("DM", "mid_point_deviation", 10.0, 1),
    ("VPV", "panel_voltage", 1000.0, 2), ("PPV", "panel_power", 1.0, 0),
    ("I", "battery_current", 1000.0, 2), ("IL", "load_current", 1000.0, 2),
    ("T", "battery_temperature", 1.0, 1), ("CE", "consumed_charge", 1000.0, 1),
    ("SOC", "state_of_charge", 10.0, 1), ("TTG", "time_to_go", 1.0, 0),
    ("H1", "deepest_discharge", 1000.0, 1), ("H2", "last_discharge", 1000.0, 1),
    ("H3", "average_discharge", 1000.0, 1), ("H4", "charge_cycles", 1.0, 0),
    ("H5", "full_discharges", 1.0, 0), ("H6", "charge_drawn", -1000.0, 1),
    ("H7", "battery_voltage_min", 1000.0, 2), ("H8", "battery_voltage_max", 1000.0, 2),
    ("H10", "synchronisations", 1.0, 0), ("H11", "low_voltage_alarms", 1.0, 0),
    ("H12", "high_voltage_alarms", 1.0, 0), ("H13", "low_starter_voltage_alarms", 1.0, 0),
    ("H14", "high_starter_voltage_alarms", 1.0, 0), ("H15", "starter_voltage_min", 1000.0, 2),
    ("H16", "starter_voltage_max", 1000.0, 2), ("H17", "energy_discharged", 100.0, 2),
    ("H18", "energy_charged", 100.0, 2), ("H19", "energy_resettable", 100.0, 2),
    ("H20", "energy_today", 100.0, 2), ("H21", "power_max_today", 1.0, 0),
    ("H22", "energy_yesterday", 100.0, 2), ("H23", "power_max_yesterday", 1.0, 0),
    ("HSDS", "day_number", 1.0, 0), ("AC_OUT_V", "ac_output_voltage", 100.0, 2),
    ("AC_OUT_I", "ac_output_current", 10.0, 1), ("AC_OUT_S", "ac_output_apparent_power", 1.0, 0),
    ("DC_IN_V", "input_voltage", 100.0, 2), ("DC_IN_I", "input_current", 10.0, 1),
    ("DC_IN_P", "input_power", 1.0, 0),
];

/// A number that a device says now: its key, and the value with the error of rounding. `None` is
/// for a value that the device does not know.
pub(super) type Said = (&'static str, Option<(f64, f64)>);

/// The numbers in the text of a device.
pub(super) fn numbers(device: &SimulatedVictron) -> Vec<Said> {
    let text = device.text();
    let is_meter = text
        .iter()
        .any(|(label, value)| label == "MON" && value != "0");
    let number = |(label, value): &(String, String)| {
        let row = NUMBERS.iter().find(|(name, ..)| name == label);
        let (_, key, factor, decimals) = row?;
        let key = match *key {
            "energy_discharged" if is_meter => "energy_produced",
            "energy_charged" if is_meter => "energy_consumed",
            key if is_meter => key.strip_prefix("battery_").unwrap_or(key),
            key => key,
        };
        let never = key == "time_to_go" && value == "-1";
        let number = value.parse::<f64>().ok().filter(|_| !never);
        // HEX has another resolution than text, and is what is known before the first block.
        let error = 10_f64.powi(-decimals) + 1e-9;
        Some((key, number.map(|number| (number / factor, error))))
    };
    text.iter().filter_map(number).collect()
}

/// The first key whose value is not what the device says.
pub(super) fn differs(state: &Json, said: &[Said]) -> Option<&'static str> {
    let wrong = said.iter().find(|(key, number)| !is(&state[*key], *number));
    wrong.map(|(key, _)| *key)
}

/// The first key whose value is neither what the device says, nor unknown.
pub(super) fn invented(state: &Json, said: &[Said]) -> Option<&'static str> {
    let mut known = said.iter().filter(|(key, _)| !state[*key].is_null());
    let wrong = known.find(|(key, number)| !is(&state[*key], *number));
    wrong.map(|(key, _)| *key)
}

fn is(value: &Json, number: Option<(f64, f64)>) -> bool {
    match (value.as_f64(), number) {
        (None, None) => value.is_null(),
        (Some(value), Some((number, error))) => (value - number).abs() <= error,
        _ => false,
    }
}
