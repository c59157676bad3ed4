//! Blocks of text in, values of metrics out: what belongs together, what changes, what goes away.

#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use serde_json::Value as Json;
use wattbridge::adapters::victron::wire::text::encode_block;
use wattbridge::adapters::victron::{ADAPTER, KIND};
use wattbridge::config::Section;
use wattbridge::device::Adapter;
use wattbridge::model::{Device, Readings, Report};

type Block<'a> = &'a [(&'a str, &'a str)];

/// What is reported of these blocks.
fn reports(blocks: &[Block<'_>]) -> Vec<Report> {
    let section = Section::from_pairs(KIND, &[]).unwrap();
    let mut decoder = ADAPTER.decoder(&section).unwrap();
    for block in blocks {
        decoder.push(&encode_block(block).unwrap());
    }
    while decoder.finish().is_some() {}
    let results = std::iter::from_fn(|| decoder.next());
    results
        .flat_map(|decoded| decoded.unwrap().reports)
        .collect()
}

fn devices(reports: &[Report]) -> Vec<&Device> {
    let mut devices = Vec::new();
    for report in reports {
        if let Report::Device(device) = report {
            devices.push(device.as_ref());
        }
    }
    devices
}

fn readings(reports: &[Report]) -> Vec<&Readings> {
    let mut all = Vec::new();
    for report in reports {
        if let Report::Readings(readings) = report {
            all.push(readings);
        }
    }
    all
}

/// The value of a metric; `None` if it is not reported at all.
fn value(readings: &Readings, key: &str) -> Option<Json> {
    let mut all = readings.values.iter();
    all.find(|reading| reading.key == key)
        .map(|reading| reading.value.to_json())
}

const SHUNT: Block<'static> = &[
    ("PID", "0xA389"),
    ("V", "13100"),
    ("VS", "12600"),
    ("I", "-1500"),
    ("P", "-20"),
    ("CE", "-4200"),
    ("SOC", "876"),
    ("TTG", "900"),
    ("Alarm", "OFF"),
    ("AR", "0"),
    ("BMV", "SmartShunt 500A/50mV"),
    ("FW", "0416"),
    ("MON", "0"),
];
const SHUNT_HISTORY: Block<'static> = &[
    ("H1", "-98000"),
    ("H7", "11200"),
    ("H17", "4711"),
    ("H18", "5012"),
];

/// The same block with other values.
fn with<'a>(block: Block<'a>, changed: Block<'a>) -> Vec<(&'a str, &'a str)> {
    let new = |label: &str| changed.iter().find(|(name, _)| *name == label);
    let fields = block.iter().map(|field| *new(field.0).unwrap_or(field));
    fields.collect()
}

#[test]
fn two_blocks_of_a_round_make_one_reading() {
    let reports = reports(&[SHUNT, SHUNT_HISTORY, SHUNT, SHUNT_HISTORY]);
    let readings = readings(&reports);
    assert_eq!(readings.len(), 2);
    for readings in readings {
        assert_eq!(
            value(readings, "battery_voltage").unwrap().to_string(),
            "13.1"
        );
        assert_eq!(
            value(readings, "battery_voltage_min").unwrap().to_string(),
            "11.2"
        );
        assert_eq!(
            value(readings, "energy_discharged").unwrap().to_string(),
            "47.11"
        );
    }
    assert_eq!(devices(&reports).len(), 1);
}

#[test]
fn another_device_at_the_port_gets_nothing_of_the_one_before() {
    let charger: Block<'_> = &[
        ("PID", "0xA053"),
        ("FW", "159"),
        ("SER#", "HQ2001ABCDE"),
        ("V", "26010"),
        ("VPV", "40110"),
        ("PPV", "55"),
        ("CS", "3"),
    ];
    let reports = reports(&[SHUNT, SHUNT_HISTORY, charger, charger]);
    let devices = devices(&reports);
    let last = devices.last().unwrap();
    assert_eq!(last.serial, "HQ2001ABCDE");
    assert_ne!(devices[0].id, last.id);
    let of_charger: Vec<_> = readings(&reports)
        .into_iter()
        .filter(|readings| readings.device == last.id)
        .collect();
    assert!(!of_charger.is_empty());
    for readings in of_charger {
        assert_eq!(value(readings, "state_of_charge"), None);
        assert_eq!(
            value(readings, "battery_voltage").unwrap().to_string(),
            "26.01"
        );
        assert_eq!(value(readings, "state").unwrap(), "bulk");
    }
}

#[test]
fn two_chargers_of_a_kind_are_told_apart_by_their_serial_numbers() {
    let charger = |serial| {
        [
            ("PID", "0xA053"),
            ("SER#", serial),
            ("V", "26010"),
            ("PPV", "55"),
        ]
    };
    let (one, other) = (charger("HQ2001ABCDE"), charger("HQ2001ABCDF"));
    let reports = reports(&[&one, &one, &other, &other]);
    let serials: Vec<&str> = devices(&reports)
        .iter()
        .map(|device| device.serial.as_str())
        .collect();
    assert_eq!(serials, ["HQ2001ABCDE", "HQ2001ABCDF"]);
}

#[test]
fn a_shunt_that_becomes_an_energy_meter_has_no_charge_any_more() {
    let none: Block<'_> = &[("MON", "-9"), ("CE", "---"), ("SOC", "---"), ("TTG", "---")];
    let meter = with(SHUNT, none);
    let reports = reports(&[
        SHUNT,
        SHUNT_HISTORY,
        &meter,
        SHUNT_HISTORY,
        &meter,
        SHUNT_HISTORY,
    ]);
    let readings = readings(&reports);
    let (first, last) = (readings[0], readings[readings.len() - 1]);
    assert_eq!(value(first, "state_of_charge").unwrap().to_string(), "87.6");
    assert_eq!(value(first, "energy_produced"), None);
    assert_eq!(value(last, "state_of_charge"), None);
    assert_eq!(value(last, "energy_discharged"), None);
    assert_eq!(value(last, "energy_produced").unwrap().to_string(), "47.11");
    assert_eq!(value(last, "energy_consumed").unwrap().to_string(), "50.12");
    let devices = devices(&reports);
    let has = |device: &Device, key: &str| device.metrics.iter().any(|metric| metric.key == key);
    assert!(has(devices[0], "state_of_charge"));
    let now = devices[devices.len() - 1];
    assert!(!has(now, "state_of_charge") && has(now, "energy_produced"));
}

#[test]
fn an_input_that_is_used_for_something_else_leaves_no_old_value_behind() {
    let fields = SHUNT.iter().map(|field| match field.0 {
        "VS" => ("T", "21"),
        _ => *field,
    });
    let warm: Vec<_> = fields.collect();
    let mut blocks: Vec<Block<'_>> = vec![SHUNT, SHUNT_HISTORY];
    for _ in 0..100 {
        blocks.extend([warm.as_slice(), SHUNT_HISTORY]);
    }
    let reports = reports(&blocks);
    let readings = readings(&reports);
    let (first, last) = (readings[0], readings[readings.len() - 1]);
    assert_eq!(value(first, "starter_voltage").unwrap().to_string(), "12.6");
    assert_eq!(value(first, "battery_temperature"), None);
    assert!(value(last, "starter_voltage").is_none_or(|value| value.is_null()));
    assert_eq!(value(last, "battery_temperature").unwrap(), 21);
}

#[test]
fn what_is_not_known_is_unknown_and_keeps_no_old_value() {
    let unsure = with(SHUNT, &[("SOC", "---"), ("CE", "---"), ("TTG", "-1")]);
    let reports = reports(&[SHUNT, SHUNT_HISTORY, &unsure, SHUNT_HISTORY]);
    let last = *readings(&reports).last().unwrap();
    for key in ["state_of_charge", "consumed_charge", "time_to_go"] {
        assert_eq!(value(last, key), Some(Json::Null), "{key}");
    }
}
