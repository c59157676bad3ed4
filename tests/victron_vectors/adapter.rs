//! The whole way, as `wattbridge decode` goes it: bytes of the wire in, values of metrics out.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use wattbridge::adapters::victron::{ADAPTER, KIND};
use wattbridge::config::Section;
use wattbridge::device::{Adapter, Decoded, Undecoded};
use wattbridge::model::Report;

use super::stream::{fields, sound_blocks};
use super::{Vector, vectors};

/// Labels, the metrics they are, and how much larger the metric is than the number that an
/// independent decoding has for it.
const METRICS: &[(&str, &str, f64)] = &[
    ("V", "battery_voltage", 1.0),
    ("VS", "starter_voltage", 1.0),
    ("VPV", "panel_voltage", 1.0),
    ("PPV", "panel_power", 1.0),
    ("I", "battery_current", 1.0),
    ("IL", "load_current", 1.0),
    ("LOAD", "load_output", 1.0),
    ("P", "battery_power", 1.0),
    ("CE", "consumed_charge", 1.0),
    ("SOC", "state_of_charge", 1.0),
    ("TTG", "time_to_go", 1.0),
    ("Alarm", "alarm", 1.0),
    ("Relay", "relay", 1.0),
    ("H1", "deepest_discharge", 1.0),
    ("H4", "charge_cycles", 1.0),
    ("H6", "charge_drawn", -1.0),
    ("H7", "battery_voltage_min", 1.0),
    ("H15", "starter_voltage_min", 1.0),
    ("H17", "energy_discharged", 1.0),
    ("H18", "energy_charged", 1.0),
    ("H19", "energy_resettable", 1.0),
    ("H20", "energy_today", 1.0),
    ("H21", "power_max_today", 1.0),
    ("H22", "energy_yesterday", 1.0),
    ("HSDS", "day_number", 1.0),
    ("AC_OUT_V", "ac_output_voltage", 1.0),
    ("AC_OUT_I", "ac_output_current", 1.0),
    ("DC_IN_V", "input_voltage", 1.0),
    ("DC_IN_I", "input_current", 1.0),
    ("DC_IN_P", "input_power", 1.0),
];

/// What a number looks like that means "not available", by the decimals that values have.
const NOT_AVAILABLE: [f64; 13] = [
    65_535.0,
    6553.5,
    655.35,
    382.2,
    32_767.0,
    3276.7,
    327.67,
    4_294_967_295.0,
    42_949_672.95,
    4_294_967.295,
    2_147_483_647.0,
    21_474_836.47,
    2_147_483.647,
];

pub(crate) type Values = BTreeMap<String, Json>;

/// What comes out of the bytes, pushed in pieces of this size: values, or why there are none.
pub(crate) fn decode(bytes: &[u8], piece: usize) -> Vec<Result<Values, String>> {
    let section = Section::from_pairs(KIND, &[]).unwrap();
    let mut decoder = ADAPTER.decoder(&section).unwrap();
    let mut outcome = Vec::new();
    for part in bytes.chunks(piece) {
        decoder.push(part);
        outcome.extend(std::iter::from_fn(|| decoder.next()).map(read));
    }
    while decoder.finish().is_some() {}
    outcome.extend(std::iter::from_fn(|| decoder.next()).map(read));
    outcome
}

fn read(decoded: Result<Decoded, Undecoded>) -> Result<Values, String> {
    let mut values = Values::new();
    for report in decoded.map_err(|refused| refused.reason)?.reports {
        match report {
            Report::Device(device) => {
                values.insert("serial".to_owned(), device.serial.into());
                values.insert("model".to_owned(), device.model.into());
            }
            Report::Readings(readings) => {
                let all = readings.values.iter();
                values
                    .extend(all.map(|reading| (reading.key.to_string(), reading.value.to_json())));
            }
            _ => {}
        }
    }
    Ok(values)
}

fn readings(vector: &Vector) -> Vec<Values> {
    let all = decode(&vector.bytes, usize::MAX).into_iter();
    all.filter_map(Result::ok).collect()
}

/// The metric of a label. All shunts there measure a battery.
fn metric(label: &str) -> Option<(&'static str, f64)> {
    let found = METRICS.iter().find(|(name, ..)| *name == label);
    found.map(|(_, key, sign)| (*key, *sign))
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn the_adapter_does_not_mind_how_bytes_are_cut() {
    for vector in vectors() {
        let whole = decode(&vector.bytes, usize::MAX);
        for piece in [1, 7, 64] {
            assert_eq!(decode(&vector.bytes, piece), whole, "{} {piece}", vector.id);
        }
    }
}

/// Whether the block before this one is damaged.
fn is_behind_damage(vector: &Vector, block: &Json) -> bool {
    let all = vector.all["text_blocks"].as_array().unwrap();
    let at = all.iter().position(|other| std::ptr::eq(other, block));
    let before = at.and_then(|at| all.get(at.checked_sub(1)?));
    before.is_some_and(|before| before["checksum_ok"] != true)
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn all_values_of_a_sound_block_are_reported_together() {
    let mut compared = 0;
    for vector in vectors() {
        let readings = readings(&vector);
        let blocks = sound_blocks(&vector);
        // What comes before the first product id is the rest of a round that began without us.
        let has_product = |block: &&Json| fields(block).iter().any(|(label, _)| label == "PID");
        let begin = blocks.iter().position(has_product).unwrap_or_default();
        for block in blocks.into_iter().skip(begin) {
            let mut expected = Vec::new();
            let is_alone = is_behind_damage(&vector, block);
            for (label, _) in fields(block) {
                let Some((key, sign)) = metric(&label) else {
                    continue;
                };
                // What a shunt measures, and so what these are, stands in the block before.
                if is_alone && ["H7", "H8", "H17", "H18"].contains(&label.as_str()) {
                    continue;
                }
                let decoded = &block["decoded"][&label];
                let value = decoded.get("value").unwrap_or(decoded);
                let value = match (value.as_f64(), value.as_bool()) {
                    (Some(number), _) => Json::from(number * sign),
                    (_, Some(on)) => if on { "ON" } else { "OFF" }.into(),
                    _ => value.clone(),
                };
                expected.push((key, value));
            }
            let is_there = |(key, expected): &(&str, Json), values: &Values| {
                // Chargers without a load output send its label, too.
                if *key == "load_output" && !values.contains_key(*key) {
                    return !vector.id.contains("75-15");
                }
                let value = values.get(*key).unwrap_or(&Json::Null);
                match (value.as_f64(), expected.as_f64()) {
                    (Some(number), Some(expected)) => (number - expected).abs() < 1e-9,
                    _ => value == expected,
                }
            };
            let is_whole =
                |values: &&Values| expected.iter().all(|wanted| is_there(wanted, values));
            let missing = |values: &Values| -> Vec<String> {
                let missing = expected.iter().filter(|wanted| !is_there(wanted, values));
                missing
                    .map(|(key, value)| format!("{key}={value}"))
                    .collect()
            };
            assert!(
                readings.iter().any(|values| is_whole(&values)),
                "{}: {:?}",
                vector.id,
                readings.iter().map(missing).collect::<Vec<_>>()
            );
            compared += expected.len();
        }
    }
    assert!(compared > 500, "{compared}");
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn what_is_not_available_never_becomes_a_number() {
    for vector in vectors() {
        for values in readings(&vector) {
            for (key, value) in &values {
                let is_sentinel = value.as_f64().is_some_and(|number| {
                    NOT_AVAILABLE
                        .iter()
                        .any(|none| (number.abs() - none).abs() < 1e-6)
                });
                assert!(!is_sentinel, "{} {key} {value}", vector.id);
            }
        }
        for block in sound_blocks(&vector) {
            for (label, value) in fields(block).iter().filter(|(_, value)| value == "---") {
                let Some((key, _)) = metric(label) else {
                    continue;
                };
                let readings = readings(&vector);
                let is_null = |values: &Values| values.get(key).is_none_or(Json::is_null);
                assert!(
                    readings.iter().any(is_null),
                    "{} {label} {value}",
                    vector.id
                );
            }
        }
    }
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn numbers_have_no_more_decimals_than_the_wire() {
    for vector in vectors() {
        for values in readings(&vector) {
            for (key, value) in values.iter().filter(|(_, value)| value.is_number()) {
                let text = value.to_string();
                let decimals = text
                    .split_once('.')
                    .map_or(0, |(_, decimals)| decimals.len());
                assert!(decimals <= 3, "{} {key} {text}", vector.id);
            }
        }
    }
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn a_damaged_block_leaves_nothing_behind() {
    for vector in vectors() {
        let sound = sound_blocks(&vector).len();
        let has_frames = vector.all["hex_frames"].is_array();
        if sound == 0 && !has_frames {
            assert!(readings(&vector).is_empty(), "{}", vector.id);
        }
        // A row of results has at most one for each block, and each frame may add one.
        let frames = vector.all["hex_frames"].as_array().map_or(0, Vec::len);
        assert!(readings(&vector).len() <= sound + frames, "{}", vector.id);
    }
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn masked_streams_say_the_same_but_for_serial_numbers() {
    for vector in vectors() {
        let section = Section::from_pairs(KIND, &[]).unwrap();
        let mut mask = ADAPTER.mask(&section).unwrap();
        let masked = mask(&vector.bytes);
        assert_eq!(masked.len(), vector.bytes.len());
        let public = |bytes: &[u8]| -> Vec<Result<Values, String>> {
            let mut outcome = decode(bytes, usize::MAX);
            for values in outcome.iter_mut().flatten() {
                values.remove("serial");
                // Numbers that nobody knows the meaning of are among them.
                values.remove("other_values");
            }
            // What a wrong checksum is differs with the bytes; that it is wrong does not.
            let place = |refused: String| refused.split_once(':').unwrap().0.to_owned();
            outcome
                .into_iter()
                .map(|result| result.map_err(place))
                .collect()
        };
        assert_eq!(public(&masked), public(&vector.bytes), "{}", vector.id);
        for block in sound_blocks(&vector) {
            for (label, value) in fields(block) {
                if matches!(label.as_str(), "SER#" | "HC#") {
                    let secret = value.as_bytes();
                    let is_there = masked.windows(secret.len()).any(|window| window == secret);
                    // One that the source had already blanked has nothing to hide.
                    let is_blank = secret
                        .iter()
                        .skip(2)
                        .all(|byte| !byte.is_ascii_alphanumeric());
                    assert!(!is_there || is_blank, "{} {label}", vector.id);
                }
            }
        }
    }
}
