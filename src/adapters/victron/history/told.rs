//! What a record of a day, or of the whole life, says: the values that a day of the past has.

use super::super::wire::history::{Day, Totals, TrackersDay};
use super::super::wire::words::ERROR;
use crate::model::{Decimal, Metric, Quantity, Reading, Value};

/// Every value of a day and of a life, in the order of the columns.
pub const METRICS: &[Metric] = &[
    figure("energy_today", "Yield", Quantity::Energy, 2),
    figure("load_energy_today", "Load", Quantity::Energy, 2),
    figure("power_max_today", "Power max", Quantity::Power, 0),
    figure("panel_voltage_max", "PV max", Quantity::Voltage, 2),
    figure("battery_voltage_min", "Battery min", Quantity::Voltage, 2),
    figure("battery_voltage_max", "Battery max", Quantity::Voltage, 2),
    figure("battery_current_max", "Battery max", Quantity::Current, 1),
    figure("bulk_time", "Bulk", Quantity::Minutes, 0),
    figure("absorption_time", "Absorption", Quantity::Minutes, 0),
    figure("float_time", "Float", Quantity::Minutes, 0),
    figure("tracker_1_energy", "Tracker 1", Quantity::Energy, 2),
    figure("tracker_1_power_max", "Tracker 1 max", Quantity::Power, 0),
    figure(
        "tracker_1_voltage_max",
        "Tracker 1 max",
        Quantity::Voltage,
        2,
    ),
    figure("tracker_2_energy", "Tracker 2", Quantity::Energy, 2),
    figure("tracker_2_power_max", "Tracker 2 max", Quantity::Power, 0),
    figure(
        "tracker_2_voltage_max",
        "Tracker 2 max",
        Quantity::Voltage,
        2,
    ),
    figure("tracker_3_energy", "Tracker 3", Quantity::Energy, 2),
    figure("tracker_3_power_max", "Tracker 3 max", Quantity::Power, 0),
    figure(
        "tracker_3_voltage_max",
        "Tracker 3 max",
        Quantity::Voltage,
        2,
    ),
    figure("tracker_4_energy", "Tracker 4", Quantity::Energy, 2),
    figure("tracker_4_power_max", "Tracker 4 max", Quantity::Power, 0),
    figure(
        "tracker_4_voltage_max",
        "Tracker 4 max",
        Quantity::Voltage,
        2,
    ),
    Metric::text("errors").named("Errors"),
    figure("energy_total", "Yield total", Quantity::Energy, 2),
    figure(
        "energy_resettable",
        "Yield since reset",
        Quantity::Energy,
        2,
    ),
];

const fn figure(key: &'static str, name: &'static str, quantity: Quantity, decimals: u8) -> Metric {
    Metric::figure(key, quantity).named(name).decimals(decimals)
}

/// The keys of the values of one tracker.
const TRACKERS: [[&str; 3]; 4] = [
    [
        "tracker_1_energy",
        "tracker_1_power_max",
        "tracker_1_voltage_max",
    ],
    [
        "tracker_2_energy",
        "tracker_2_power_max",
        "tracker_2_voltage_max",
    ],
    [
        "tracker_3_energy",
        "tracker_3_power_max",
        "tracker_3_voltage_max",
    ],
    [
        "tracker_4_energy",
        "tracker_4_power_max",
        "tracker_4_voltage_max",
    ],
];

/// The values of a day. What the device does not have is left out.
pub fn of_day(day: &Day) -> Vec<Reading> {
    let mut values = Values::default();
    values.push("energy_today", day.energy);
    values.push("load_energy_today", day.load_energy);
    values.push("power_max_today", day.power_most.map(watts));
    values.push("panel_voltage_max", day.panel_voltage_most);
    values.push("battery_voltage_min", day.battery_voltage_least);
    values.push("battery_voltage_max", day.battery_voltage_most);
    values.push("battery_current_max", day.battery_current_most);
    values.push("bulk_time", day.bulk.map(minutes));
    values.push("absorption_time", day.absorption.map(minutes));
    values.push("float_time", day.float.map(minutes));
    values.push("errors", errors(day.errors));
    values.0
}

/// The same of each tracker.
pub fn of_trackers(day: &TrackersDay) -> Vec<Reading> {
    let mut values = Values::default();
    for (tracker, [energy, power, voltage]) in day.trackers.iter().zip(TRACKERS) {
        values.push(energy, tracker.energy);
        values.push(power, tracker.power_most.map(watts));
        values.push(voltage, tracker.voltage_most);
    }
    values.0
}

/// The whole life.
pub fn of_life(totals: &Totals) -> Vec<Reading> {
    let mut values = Values::default();
    values.push("energy_total", totals.yield_total);
    values.push("energy_resettable", totals.yield_user);
    values.push("panel_voltage_max", totals.panel_voltage_most);
    values.push("battery_voltage_max", totals.battery_voltage_most);
    values.push("battery_voltage_min", totals.battery_voltage_least);
    values.push("errors", errors(totals.errors));
    values.0
}

#[derive(Default)]
struct Values(Vec<Reading>);

impl Values {
    fn push(&mut self, key: &'static str, value: Option<impl Into<Value>>) {
        self.0.extend(value.map(|value| Reading {
            key: key.into(),
            value: value.into(),
        }));
    }
}

fn watts(watts: u32) -> Decimal {
    Decimal::integer(i64::from(watts))
}

fn minutes(minutes: u16) -> Decimal {
    Decimal::integer(i64::from(minutes))
}

/// The words for errors, if there are any.
fn errors(codes: [u8; 4]) -> Option<String> {
    let real = codes.into_iter().filter(|code| *code != 0);
    let words = real.map(|code| match ERROR.word(i64::from(code)) {
        Some(word) => format!("{word} ({code})"),
        None => format!("error {code}"),
    });
    let words: Vec<String> = words.collect();
    (!words.is_empty()).then(|| words.join(", "))
}

#[cfg(test)]
mod tests {
    use super::super::super::wire::history::TrackerDay;
    use super::*;

    fn day() -> Day {
        Day {
            version: 0,
            days_ago: 0,
            number: Some(40),
            energy: Some(Decimal::new(123, 2)),
            load_energy: None,
            battery_voltage_most: Some(Decimal::new(1440, 2)),
            battery_voltage_least: Some(Decimal::new(1212, 2)),
            errors: [0; 4],
            bulk: Some(61),
            absorption: None,
            float: Some(0),
            power_most: Some(345),
            battery_current_most: Some(Decimal::new(123, 1)),
            panel_voltage_most: Some(Decimal::new(7812, 2)),
        }
    }

    fn pairs(values: &[Reading]) -> Vec<(&str, String)> {
        let pair = |it: &Reading| it.value.to_json().to_string();
        values
            .iter()
            .map(|it| (it.key.as_ref(), pair(it)))
            .collect()
    }

    #[test]
    fn a_day_has_its_values_and_what_is_unknown_is_none() {
        let values = of_day(&day());
        let expected = [
            ("energy_today", "1.23"),
            ("power_max_today", "345"),
            ("panel_voltage_max", "78.12"),
            ("battery_voltage_min", "12.12"),
            ("battery_voltage_max", "14.4"),
            ("battery_current_max", "12.3"),
            ("bulk_time", "61"),
            ("float_time", "0"),
        ];
        assert_eq!(
            pairs(&values),
            expected.map(|(key, value)| (key, value.to_owned()))
        );
        assert!(
            values
                .iter()
                .all(|it| METRICS.iter().any(|metric| metric.key == it.key))
        );
    }

    #[test]
    fn errors_are_told_in_words_also_those_nobody_knows() {
        let mut bad = day();
        bad.errors = [33, 0, 99, 0];
        let values = of_day(&bad);
        let last = values.last().unwrap();
        let told = "panel voltage too high (33), error 99";
        assert_eq!(
            (last.key.as_ref(), &last.value),
            ("errors", &Value::from(told.to_owned()))
        );
    }

    #[test]
    fn each_tracker_has_values_of_its_own() {
        let tracker = TrackerDay {
            energy: Some(Decimal::new(5, 1)),
            power_most: Some(200),
            voltage_most: None,
        };
        let values = of_trackers(&TrackersDay {
            days_ago: 0,
            number: None,
            trackers: [
                tracker,
                TrackerDay::default(),
                tracker,
                TrackerDay::default(),
            ],
        });
        let keys: Vec<&str> = values.iter().map(|it| it.key.as_ref()).collect();
        let expected = [
            "tracker_1_energy",
            "tracker_1_power_max",
            "tracker_3_energy",
            "tracker_3_power_max",
        ];
        assert_eq!(keys, expected);
        assert!(
            keys.iter()
                .all(|key| METRICS.iter().any(|metric| metric.key == *key))
        );
    }
}
