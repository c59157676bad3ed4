//! Text telegrams in clear, and languages that are only named.

use std::collections::BTreeMap;

use serde_json::Value;

use super::adapter::{Outcome, decode};
use super::{captures, hex};

/// What is compared: values that stand in a telegram as they are.
const KEYS: &[&str] = &[
    "energy_import",
    "energy_export",
    "energy_import_t1",
    "energy_import_t2",
    "energy_export_t1",
    "energy_export_t2",
    "power_import",
    "power_export",
    "voltage_l1",
    "voltage_l2",
    "voltage_l3",
    "current_l1",
    "current_l2",
    "current_l3",
    "frequency",
];

fn report(name: &str) -> Vec<u8> {
    captures::hex(&format!("reports/meter/{name}"))
}

fn telegrams(outcome: &Outcome) -> Vec<&BTreeMap<String, String>> {
    outcome.iter().flatten().collect()
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn a_text_in_clear_gives_its_values_however_it_is_cut() {
    let bytes = report("dsmr-plain-p1.hex");
    for piece in [1, 7, 64, bytes.len()] {
        let outcome = decode(&bytes, &[], piece);
        let [values] = telegrams(&outcome)[..] else {
            panic!("{outcome:?}")
        };
        for (key, value) in [
            ("energy_import", "9621.983"),
            ("energy_export", "12"),
            ("power_import", "1453"),
            ("voltage_l1", "237.4"),
            ("current_l1", "5.1"),
        ] {
            let found = values[key].parse::<f64>().unwrap();
            assert_eq!(found, value.parse::<f64>().unwrap(), "{key}");
        }
    }
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn sml_is_named() {
    let bytes = report("sml-e320.hex");
    let outcome = decode(&bytes, &[], 64);
    let words = outcome[0].as_ref().unwrap_err();
    assert!(
        words.contains("SML") && telegrams(&outcome).is_empty(),
        "{words}"
    );
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn no_text_gives_a_wrong_value_and_those_with_a_checksum_are_all_read() {
    let file = captures::read("p1.json");
    let mut compared = 0;
    for vector in file["vectors"].as_array().unwrap() {
        let id = vector["id"].as_str().unwrap();
        if vector["key"].is_string() {
            continue;
        }
        let bytes = match vector["raw_text"].as_str() {
            Some(text) => text.as_bytes().to_vec(),
            None => hex(&vector["raw_hex"]),
        };
        let outcome = decode(&bytes, &[], 64);
        assert_eq!(decode(&bytes, &[], 7), outcome, "{id}");
        let found = telegrams(&outcome);
        let expected = usize::try_from(vector["telegrams"].as_u64().unwrap()).unwrap();
        assert!(found.len() <= expected, "{id}: {outcome:?}");
        let sealed = vector["crc"].as_array().unwrap();
        let is_read = |crc: &Value| crc == "ok" || crc == "ok-after-line-ends";
        if sealed.iter().all(is_read) {
            assert_eq!(found.len(), expected, "{id}: {outcome:?}");
        }
        let Some(last) = found.last().filter(|_| found.len() == expected) else {
            println!("{id}: {} of {expected}", found.len());
            continue;
        };
        let devices = vector["devices"].as_array().into_iter().flatten();
        for device in devices.filter(|device| device["role"] == "electricity") {
            for key in KEYS {
                let (Some(value), Some(right)) = (last.get(*key), device["publish"].get(*key))
                else {
                    continue;
                };
                // Some meters write more decimals than are published.
                let thousandths = |value: f64| (value * 1000.0).round();
                let number = |value: &str| value.parse::<f64>().ok().map(thousandths);
                let right = right.as_str().and_then(number);
                assert_eq!(number(value), right, "{id}: {key}");
                compared += 1;
            }
            let serial = last.get("serial").filter(|serial| *serial != "unknown");
            if let (Some(serial), Some(right)) = (serial, device["id"].as_str()) {
                assert_eq!(serial, right, "{id}");
            }
        }
    }
    println!("{compared} values");
    assert!(compared > 40, "{compared}");
}
