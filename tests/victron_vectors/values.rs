//! Values of labels, registers and history are those of the independent decoding.

use serde_json::Value as Json;
use wattbridge::adapters::victron::wire::hex::{Answer, Frame};
use wattbridge::adapters::victron::wire::history::{Day, Record, Totals};
use wattbridge::adapters::victron::wire::labels::{Format, Label, LabelReading};
use wattbridge::adapters::victron::wire::registers::{self, Register};
use wattbridge::model::Decimal;

use super::stream::{fields, sound_blocks};
use super::{Seen, vectors, whole};

fn close(number: Decimal, expected: &Json, what: &str) {
    let number = number.to_f64();
    let expected = expected
        .as_f64()
        .unwrap_or_else(|| panic!("{what}: {number}, not {expected}"));
    assert!(
        (number - expected).abs() < 1e-6,
        "{what}: {number}, not {expected}"
    );
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn labels_mean_what_they_mean_elsewhere() {
    for vector in vectors() {
        for block in sound_blocks(&vector) {
            for (name, value) in fields(block) {
                let what = format!("{} {name} {value}", vector.id);
                let expected = &block["decoded"][&name];
                let label = Label::of(name.as_bytes()).unwrap_or_else(|| panic!("{what}"));
                match label.read(value.as_bytes()) {
                    LabelReading::Unknown | LabelReading::Text(_) => {
                        assert!(expected.is_null(), "{what}");
                    }
                    LabelReading::Infinite => assert!(expected["value"].is_null(), "{what}"),
                    LabelReading::Switch(on) => assert_eq!(expected, on, "{what}"),
                    LabelReading::Word(_, number) => assert_eq!(expected, number, "{what}"),
                    LabelReading::Bits(_, bits) => {
                        let expected = expected.get("value").unwrap_or(expected);
                        if let Some(number) = expected.as_u64() {
                            assert_eq!(number, u64::from(bits), "{what}");
                        }
                    }
                    LabelReading::Number(number) => match expected.get("value") {
                        None => close(number, expected, &what),
                        Some(expected_number) => {
                            close(number, expected_number, &what);
                            let unit = match label.format {
                                Format::Number(_, unit) => unit,
                                _ => "min",
                            };
                            assert_eq!(expected["unit"], unit, "{what}");
                        }
                    },
                    LabelReading::Malformed(_) => panic!("{what}"),
                }
            }
        }
    }
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn registers_mean_what_they_mean_elsewhere() {
    let mut compared = 0;
    for vector in vectors() {
        let seen = whole(&vector.bytes);
        let frames = seen.iter().filter_map(|seen| match seen {
            Seen::Hex(offset, command, payload) => Some(Frame {
                offset: *offset,
                command: *command,
                payload,
            }),
            _ => None,
        });
        let Some(expected) = vector.all["hex_frames"].as_array() else {
            continue;
        };
        for (frame, expected) in frames.zip(expected) {
            let what = format!("{} {expected}", vector.id);
            if expected["malformed"] == true {
                // Not taken apart there.
                continue;
            }
            let answer = Answer::decode(&frame);
            if let Answer::Ping(version) = answer {
                assert_eq!(expected["version"], version.to_string(), "{what}");
            }
            let Some(value) = answer.value() else {
                assert!(expected["register"].is_null(), "{what}");
                continue;
            };
            let register = format!("0x{:04X}", value.register);
            let flags = value.flags.0;
            assert_eq!(
                (&expected["register"], &expected["flags"]),
                (&register.into(), &flags.into()),
                "{what}"
            );
            match (
                Record::decode(&value),
                &expected["history_day"],
                &expected["history_total"],
            ) {
                (Ok(Record::Day(day)), expected @ Json::Object(_), _) => {
                    compare_day(&day, expected, &what);
                    compared += 1;
                }
                (Ok(Record::Totals(totals)), _, expected @ Json::Object(_)) => {
                    compare_totals(&totals, expected, &what);
                    compared += 1;
                }
                (_, Json::Null, Json::Null) => {}
                other => panic!("{what}: {other:?}"),
            }
            let Some(register) = Register::of(value.register) else {
                continue;
            };
            match register.decode(value.bytes) {
                registers::RegisterReading::Number(number) => {
                    let expected = match (&expected["value"], &expected["int_le"]) {
                        (Json::Null, Json::Null) => panic!("{what}: {number}"),
                        // Only the number of the wire is known there.
                        (Json::Null, _) if register.decimals > 0 => continue,
                        (Json::Null, raw) if number < Decimal::integer(0) => raw,
                        (Json::Null, _) => &expected["uint_le"],
                        (value, _) => value,
                    };
                    close(number, expected, &what);
                    compared += 1;
                }
                registers::RegisterReading::Text(text) => {
                    assert_eq!(expected["text"], text, "{what}");
                    compared += 1;
                }
                registers::RegisterReading::Unavailable => {
                    assert!(expected["value"].is_null(), "{what}");
                    compared += 1;
                }
                registers::RegisterReading::Raw(bytes) => assert_eq!(bytes, value.bytes, "{what}"),
            }
        }
    }
    println!("{compared} values compared");
    assert!(compared > 150, "{compared}");
}

fn compare_day(day: &Day, expected: &Json, what: &str) {
    assert_eq!(expected["days_ago"], day.days_ago, "{what}");
    assert_eq!(expected["hsds"], day.number.unwrap(), "{what}");
    close(day.energy.unwrap(), &expected["yield_kwh"], what);
    match day.load_energy {
        Some(energy) => close(energy, &expected["consumed_kwh"], what),
        None => assert!(expected["consumed_kwh"].is_null(), "{what}"),
    }
    close(
        day.battery_voltage_most.unwrap(),
        &expected["battery_v_max"],
        what,
    );
    close(
        day.battery_voltage_least.unwrap(),
        &expected["battery_v_min"],
        what,
    );
    assert_eq!(
        expected["errors"],
        Json::from(day.errors.as_slice()),
        "{what}"
    );
    assert_eq!(expected["bulk_min"], day.bulk.unwrap(), "{what}");
    assert_eq!(
        expected["absorption_min"],
        day.absorption.unwrap(),
        "{what}"
    );
    assert_eq!(expected["float_min"], day.float.unwrap(), "{what}");
    assert_eq!(expected["power_max_w"], day.power_most.unwrap(), "{what}");
    close(
        day.battery_current_most.unwrap(),
        &expected["battery_i_max"],
        what,
    );
    close(
        day.panel_voltage_most.unwrap(),
        &expected["panel_v_max"],
        what,
    );
}

fn compare_totals(totals: &Totals, expected: &Json, what: &str) {
    assert_eq!(expected["version"], totals.version, "{what}");
    assert_eq!(
        expected["errors"],
        Json::from(totals.errors.as_slice()),
        "{what}"
    );
    close(
        totals.yield_user.unwrap(),
        &expected["yield_user_kwh"],
        what,
    );
    close(
        totals.yield_total.unwrap(),
        &expected["yield_system_kwh"],
        what,
    );
    close(
        totals.panel_voltage_most.unwrap(),
        &expected["panel_v_max"],
        what,
    );
    close(
        totals.battery_voltage_most.unwrap(),
        &expected["battery_v_max"],
        what,
    );
    close(
        totals.battery_voltage_least.unwrap(),
        &expected["battery_v_min"],
        what,
    );
    assert_eq!(expected["days_available"], totals.days.unwrap(), "{what}");
}
