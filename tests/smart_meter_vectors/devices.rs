//! The devices that text telegrams come to: the meter and those behind it, each with its values and none besides.

use std::collections::BTreeMap;

use serde_json::Value;
use wattbridge::adapters::smart_meter::{ADAPTER, KIND};
use wattbridge::config::Section;
use wattbridge::device::Adapter;
use wattbridge::model::{Device, DeviceId, Report};

use super::{captures, hex};

/// A device with all values of a key that came, in their order.
struct Told {
    device: Device,
    values: BTreeMap<String, Vec<String>>,
}

impl Told {
    fn last(&self, key: &str) -> Option<&str> {
        let values = self.values.get(key)?;
        values.last().map(String::as_str)
    }
}

fn decode(vector: &Value) -> Vec<Told> {
    let bytes = match vector["raw_text"].as_str() {
        Some(text) => text.as_bytes().to_vec(),
        None => hex(&vector["raw_hex"]),
    };
    let repeat = vector["repeat"].as_u64().unwrap_or(1);
    let bytes = bytes.repeat(usize::try_from(repeat).unwrap());
    let settings = [
        ("time_zone", "zone"),
        ("key", "key"),
        ("authentication_key", "auth_key"),
    ];
    let settings = settings.iter().filter_map(|(name, field)| {
        let value = vector[field].as_str()?;
        Some(((*name).to_owned(), value.to_owned()))
    });
    let section = Section::from_pairs(KIND, &settings.collect::<Vec<_>>()).unwrap();
    let mut decoder = ADAPTER.decoder(&section).unwrap();
    decoder.push(&bytes);
    let mut decoded: Vec<_> = std::iter::from_fn(|| decoder.next()).collect();
    while decoder.finish().is_some() {}
    decoded.extend(std::iter::from_fn(|| decoder.next()));
    let mut told: Vec<Told> = Vec::new();
    let find =
        |told: &mut Vec<Told>, id: &DeviceId| told.iter().position(|one| one.device.id == *id);
    for report in decoded.into_iter().flatten().flat_map(|one| one.reports) {
        match report {
            Report::Device(device) => match find(&mut told, &device.id) {
                Some(at) => told[at].device = *device,
                None => told.push(Told {
                    device: *device,
                    values: BTreeMap::new(),
                }),
            },
            Report::Readings(readings) => {
                let at = find(&mut told, &readings.device).unwrap();
                for reading in readings.values {
                    let text = reading.value.to_json().to_string().replace('"', "");
                    let values = told[at].values.entry(reading.key.to_string());
                    values.or_default().push(text);
                }
            }
            _ => {}
        }
    }
    told
}

/// The key of a value, where it is called otherwise.
fn key_of<'a>(role: &str, key: &'a str) -> &'a str {
    match (role, key) {
        ("electricity_slave", "energy_import") => "energy",
        (_, "demand_peak_mean_12_months") => "demand_peak_mean",
        (_, key) => key,
    }
}

fn is_same(found: &str, right: &str) -> bool {
    if let (Ok(found), Ok(right)) = (found.parse::<f64>(), right.parse::<f64>()) {
        // Some meters write more decimals than are published.
        return (found - right).abs() < 0.000_6;
    }
    let moment = |text: &str| text.parse::<jiff::Timestamp>().ok();
    match (moment(found), moment(right)) {
        (Some(found), Some(right)) => found == right,
        _ => found == right,
    }
}

/// What is in `publish` but no value of its own.
const ELSEWHERE: &[&str] = &[
    "demand_peak_history",
    "demand_peak_history_valid",
    "demand_peak_history_count",
];

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn each_device_has_its_values() {
    let file = captures::read("p1.json");
    let mut wrong: Vec<String> = Vec::new();
    let mut compared = 0;
    for vector in file["vectors"].as_array().unwrap() {
        let id = vector["id"].as_str().unwrap();
        let told = decode(vector);
        let expected = vector["devices"].as_array().unwrap();
        let is_announced = |device: &&Value| device["announce"] != false;
        let announced: Vec<&Value> = expected.iter().filter(is_announced).collect();
        if told.len() != announced.len() {
            let names: Vec<_> = told.iter().map(|one| &one.device.serial).collect();
            wrong.push(format!(
                "{id}: {names:?} instead of {} devices",
                announced.len()
            ));
            continue;
        }
        for device in announced {
            let role = device["role"].as_str().unwrap();
            let key = match role {
                "electricity" => "power_net",
                "electricity_slave" => "energy",
                other => other,
            };
            let mut found = told.iter().filter(|one| {
                let is_main = role == "electricity" && one.device.metric("capture_time").is_none();
                let is_numbered = device["id"]
                    .as_str()
                    .is_none_or(|id| one.device.serial == id);
                is_main || (one.device.metric(key).is_some() && is_numbered)
            });
            let Some(one) = found.next() else {
                wrong.push(format!("{id}: no {role}"));
                continue;
            };
            if let Some(right) = device["id"].as_str()
                && one.device.serial != right
            {
                wrong.push(format!(
                    "{id}: {role} is {}, not {right}",
                    one.device.serial
                ));
            }
            if let Some(slug) = vector["id_fallback"].as_str()
                && role == "electricity"
                && one.device.id.as_str() != format!("{KIND}_{slug}")
            {
                wrong.push(format!(
                    "{id}: {} instead of {slug}",
                    one.device.id.as_str()
                ));
            }
            if let (Some(main), true) = (told.first(), role != "electricity") {
                let is_main = main.device.metric("capture_time").is_none();
                let via = is_main.then_some(&main.device.id);
                if one.device.via.as_ref() != via {
                    wrong.push(format!("{id}: {role} is behind {:?}", one.device.via));
                }
            }
            let also = ["capture_time", "valve"].into_iter().filter_map(|key| {
                let right = device.get(key)?;
                Some((key, right))
            });
            let publish = device["publish"].as_object().unwrap().iter();
            let publish = publish.map(|(key, right)| (key.as_str(), right));
            for (key, right) in publish
                .chain(also)
                .filter(|(key, _)| !ELSEWHERE.contains(key))
            {
                compared += 1;
                let found = one.last(key_of(role, key)).filter(|found| *found != "null");
                let is_right = match (found, right.as_str()) {
                    (None, None) => true,
                    (Some(found), Some(right)) => is_same(found, right),
                    _ => false,
                };
                if !is_right {
                    wrong.push(format!("{id}: {role} {key} is {found:?}, not {right}"));
                }
            }
            for (key, right) in vector["publish_sequence"].as_object().into_iter().flatten() {
                let right = right.as_array().unwrap().iter().filter_map(Value::as_str);
                if role == key && !right.clone().eq(one.values[key].iter().map(String::as_str)) {
                    // What falls is for the guard of all counters to hold back.
                    println!("{id}: {key} {:?}", one.values[key]);
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(compared > 250, "{compared}");
    println!("{compared} values");
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn peaks_of_months_are_told_in_words_the_newest_first() {
    let file = captures::read("p1.json");
    let mut seen = 0;
    for vector in file["vectors"].as_array().unwrap() {
        let publish = &vector["devices"][0]["publish"];
        let valid = publish.get("demand_peak_history_valid");
        let Some(history) = valid.or(publish.get("demand_peak_history")) else {
            continue;
        };
        let told = decode(vector);
        let words = told[0].last("demand_peaks").unwrap_or_default();
        let months: Vec<&str> = words.split(", ").filter(|word| !word.is_empty()).collect();
        assert!(months.is_sorted_by(|a, b| a > b), "{words}");
        let watts = months.iter().filter_map(|month| month.split(' ').nth(1));
        let mut watts: Vec<&str> = watts.collect();
        let right = history.as_array().unwrap().iter().filter_map(Value::as_str);
        let mut right: Vec<&str> = right.collect();
        watts.sort_unstable();
        right.sort_unstable();
        assert_eq!(watts, right, "{words}");
        seen += 1;
    }
    assert!(seen >= 3, "{seen}");
}
