//! The whole way, as `wattbridge decode` goes it: bytes of the wire in, values of metrics out.

use std::collections::BTreeMap;

use serde_json::Value;
use wattbridge::adapters::smart_meter::{ADAPTER, KIND};
use wattbridge::config::Section;
use wattbridge::device::{Adapter, Decoded, Undecoded};
use wattbridge::model::Report;

use super::{Vector, hex, vectors};

/// Codes, the metrics they are, and how many decimals more the metric has than the wire.
const METRICS: &[(&str, &str, i64)] = &[
    ("1.0.1.8.0.255", "energy_import", 3),
    ("1.0.2.8.0.255", "energy_export", 3),
    ("1.0.1.8.1.255", "energy_import_t1", 3),
    ("1.0.2.8.2.255", "energy_export_t2", 3),
    ("1.0.3.8.0.255", "reactive_energy_import", 3),
    ("1.0.4.8.0.255", "reactive_energy_export", 3),
    ("1.0.1.7.0.255", "power_import", 0),
    ("1.0.2.7.0.255", "power_export", 0),
    ("1.0.32.7.0.255", "voltage_l1", 0),
    ("1.0.72.7.0.255", "voltage_l3", 0),
    ("1.0.31.7.0.255", "current_l1", 0),
    ("1.0.51.7.0.255", "current_l2", 0),
    ("1.0.13.7.0.255", "power_factor", 0),
];

pub(crate) type Outcome = Vec<Result<BTreeMap<String, String>, String>>;

/// What comes out of the bytes with these settings of the section, pushed in pieces of this size.
pub(crate) fn decode(bytes: &[u8], settings: &[(&str, &str)], piece: usize) -> Outcome {
    let pairs: Vec<_> = settings
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let section = Section::from_pairs(KIND, &pairs).unwrap();
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

/// Each value of the meter itself as the text it is in JSON.
fn read(decoded: Result<Decoded, Undecoded>) -> Result<BTreeMap<String, String>, String> {
    let mut values = BTreeMap::new();
    let mut behind = Vec::new();
    for report in decoded.map_err(|refused| refused.reason)?.reports {
        match report {
            Report::Device(device) if device.metric("capture_time").is_some() => {
                behind.push(device.id);
            }
            Report::Device(device) => {
                values.insert("serial".to_owned(), device.serial);
            }
            Report::Readings(readings) if !behind.contains(&readings.device) => {
                let texts = readings.values.iter();
                values.extend(
                    texts.map(|reading| {
                        (reading.key.to_string(), reading.value.to_json().to_string())
                    }),
                );
            }
            _ => {}
        }
    }
    Ok(values)
}

pub(crate) fn wire(vector: &Vector) -> Option<Vec<u8>> {
    if vector.all["raw_stream"].is_string() {
        return Some(hex(&vector.all["raw_stream"]));
    }
    let messages = vector.messages().iter();
    let frames = messages.filter_map(|message| message["frames"].as_array());
    let bytes = frames.flatten().flat_map(hex).collect::<Vec<u8>>();
    (!bytes.is_empty()).then_some(bytes)
}

pub(crate) fn keys(vector: &Vector) -> Vec<(&str, &str)> {
    let key = |name, field: &str| Some((name, vector.all[field].as_str()?));
    [key("key", "key"), key("authentication_key", "auth_key")]
        .into_iter()
        .flatten()
        .collect()
}

/// `raw / 10^decimals` as people write it.
fn exact(raw: i64, decimals: i64) -> String {
    let sign = if raw < 0 { "-" } else { "" };
    let decimals = usize::try_from(decimals).unwrap();
    let digits = format!("{:0>width$}", raw.unsigned_abs(), width = decimals + 1);
    let (whole, fraction) = digits.split_at(digits.len() - decimals);
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{sign}{whole}{point}{fraction}")
}

fn expected(message: &Value) -> Vec<(&'static str, String)> {
    let values = message["values"].as_array().into_iter().flatten();
    let found = values.filter_map(|value| {
        let code = value["obis"].as_str()?;
        let (_, key, more) = METRICS.iter().find(|(known, ..)| *known == code)?;
        let scaler = value["scaler"].as_i64()?;
        Some((*key, exact(value["raw"].as_i64()?, more - scaler)))
    });
    found.collect()
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn every_capture_with_a_key_gives_its_values_however_it_is_cut() {
    let mut telegrams = 0;
    for vector in vectors() {
        let (Some(bytes), true) = (
            wire(&vector),
            vector.all["messages"][0]["values"].is_array(),
        ) else {
            continue;
        };
        let is_locked = !vector.all["messages"][0]["system_title"].is_null();
        if is_locked && vector.all["key"].is_null() {
            continue;
        }
        let keys = keys(&vector);
        let whole = decode(&bytes, &keys, bytes.len());
        for piece in [1, 7, 100] {
            assert_eq!(
                decode(&bytes, &keys, piece),
                whole,
                "{} by {piece}",
                vector.id
            );
        }
        let good: Vec<_> = whole.into_iter().filter_map(Result::ok).collect();
        // A lone list without a number is of a meter that has not said who it is.
        assert_eq!(good.len(), vector.messages().len(), "{}", vector.id);
        for (values, message) in good.iter().zip(vector.messages()) {
            telegrams += 1;
            for (key, number) in expected(message) {
                assert_eq!(values.get(key), Some(&number), "{}: {key}", vector.id);
            }
            let carried = values
                .keys()
                .filter(|key| key.contains("energy") || key.contains("power"));
            assert!(carried.count() > 0, "{}: {values:?}", vector.id);
        }
    }
    println!("{telegrams} telegrams");
    assert!(telegrams == 0 || telegrams > 30, "{telegrams}");
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn wrong_keys_give_nothing_but_their_reason() {
    for vector in vectors() {
        let Some(wrong) = vector.all["wrong_keys"].as_array() else {
            continue;
        };
        let all = vectors();
        let of = all
            .iter()
            .find(|other| vector.all["frames_of"] == other.id.as_str());
        let bytes = wire(of.unwrap()).unwrap().repeat(3);
        for key in wrong {
            let outcome = decode(&bytes, &[("key", key["key"].as_str().unwrap())], 50);
            assert_eq!(outcome.len(), 3);
            for reason in outcome {
                let reason = reason.unwrap_err();
                assert!(reason.contains("Key wrong"), "{reason}");
            }
        }
    }
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn captures_without_a_key_name_their_meter() {
    for vector in vectors() {
        let (Some(bytes), true) = (wire(&vector), vector.all["key"].is_null()) else {
            continue;
        };
        if vector.all["messages"][0]["system_title"].is_null() {
            continue;
        }
        let outcome = decode(&bytes, &[], bytes.len());
        let locked = outcome.iter().filter_map(|one| one.as_ref().err());
        let title = vector.all["messages"][0]["system_title"]
            .as_str()
            .unwrap()
            .to_uppercase();
        let named =
            locked.filter(|reason| reason.contains("Key missing") && reason.contains(&title));
        assert_eq!(
            named.count(),
            vector.messages().len(),
            "{}: {outcome:?}",
            vector.id
        );
    }
}
