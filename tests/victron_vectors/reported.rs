//! Streams made after what users have reported, with what is right for each.

use serde_json::{Value as Json, json};

use super::adapter::{Values, decode};
use super::captures;
use super::chance::Chance;

fn stream(name: &str) -> Vec<u8> {
    captures::bytes(&format!("reports/victron/{name}"))
}

/// The last values of a stream; what was told before and not again is among them.
fn values(bytes: &[u8]) -> Values {
    let all = decode(bytes, usize::MAX).into_iter().filter_map(Result::ok);
    all.fold(Values::new(), |mut values, round| {
        values.extend(round);
        values
    })
}

fn told(name: &str, expected: &[(&str, Json)]) {
    let bytes = stream(name);
    let values = values(&bytes);
    for (key, expected) in expected {
        assert_eq!(
            values.get(*key).unwrap_or(&Json::Null),
            expected,
            "{name} {key}"
        );
    }
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn one_cycle_of_an_energy_meter_has_all_its_values() {
    told(
        "15-dc-meter-one-cycle.bin",
        &[
            ("power", json!(111)),
            ("voltage", json!(26.48)),
            ("current", json!(4.2)),
            ("energy_produced", json!(45.12)),
            ("energy_consumed", json!(0.03)),
            ("energy_discharged", Json::Null),
            ("state_of_charge", Json::Null),
        ],
    );
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn every_error_has_a_word_or_its_number() {
    let bytes = stream("10-err-all.bin");
    let rounds = decode(&bytes, usize::MAX)
        .into_iter()
        .filter_map(Result::ok);
    let words: Vec<String> = rounds
        .filter_map(|round| Some(round.get("error")?.as_str()?.to_owned()))
        .collect();
    for word in [
        "input absent: mains or fuse",
        "fan over-current",
        "history not valid",
    ] {
        assert!(words.iter().any(|known| known == word), "{word}: {words:?}");
    }
    assert!(words.iter().all(|word| word != "other"), "{words:?}");
    assert!(words.len() > 100, "{}", words.len());
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn a_battery_that_never_was_full_has_not_been_so_just_now() {
    told(
        "01-signalk46-bmv712.bin",
        &[
            ("last_full_charge", Json::Null),
            ("battery_voltage", json!(13.72)),
        ],
    );
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn outputs_that_are_none_and_names_without_footnotes() {
    told(
        "71-pid-0xA118.bin",
        &[
            ("load_output", Json::Null),
            ("battery_voltage", json!(13.73)),
        ],
    );
    told(
        "50-kindr130-150-45.bin",
        &[
            ("load_output", Json::Null),
            ("energy_resettable", json!(275.87)),
        ],
    );
    told(
        "70-a048-name.bin",
        &[("model", json!("BlueSolar MPPT 75/50 rev2"))],
    );
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn of_two_serial_numbers_the_second_counts() {
    let frame = stream("90-bmv-two-serials.frame");
    let text = stream("01-signalk46-bmv712.bin");
    let values = values(&[frame, text].concat());
    assert_eq!(values["serial"], json!("HQ2222BBBBB"));
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn frames_alone_are_labelled() {
    use wattbridge::adapters::victron::{ADAPTER, KIND};
    use wattbridge::device::Adapter;
    let bytes = stream("42b-frames-only.txt");
    let section = wattbridge::config::Section::from_pairs(KIND, &[]).unwrap();
    let mut decoder = ADAPTER.decoder(&section).unwrap();
    decoder.annotate();
    decoder.push(&bytes);
    while decoder.finish().is_some() {}
    let labelled: String = std::iter::from_fn(|| decoder.next())
        .filter_map(Result::ok)
        .map(|decoded| decoded.annotation)
        .collect();
    let frames = bytes.iter().filter(|byte| **byte == b':').count();
    assert_eq!(labelled.matches("  frame ").count(), frames, "{labelled}");
    assert!(labelled.contains("charger_temperature"), "{labelled}");
}

/// The damage of the reports: one byte in a hundred, one bit of it or all.
#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn damage_that_passes_the_sum_makes_no_wrong_value() {
    for name in [
        "15-dc-meter-one-cycle.bin",
        "01-signalk46-bmv712.bin",
        "50-kindr130-150-45.bin",
    ] {
        let bytes = stream(name);
        // Where the rest of a round lacks what others have, it tells of fewer values, not of others.
        let truth = values(&bytes.repeat(3));
        for flips in [true, false] {
            let mut chance = Chance(6);
            let (mut rounds, mut wrong) = (0, Vec::new());
            let mut damaged = bytes.repeat(3);
            for _ in 0..5_000 {
                damaged.extend(bytes.iter().map(|byte| match chance.below(100) {
                    0 if flips => byte ^ 1 << chance.below(8),
                    0 => chance.below(256) as u8,
                    _ => *byte,
                }));
            }
            for round in decode(&damaged, usize::MAX)
                .into_iter()
                .filter_map(Result::ok)
            {
                rounds += 1;
                let is_wrong = |(key, value): &(String, Json)| {
                    !value.is_null() && truth.get(key) != Some(value) && key != "other_values"
                };
                wrong.extend(round.into_iter().filter(is_wrong));
            }
            println!(
                "{name}: {rounds} rounds of 5000, {} values wrong",
                wrong.len()
            );
            assert_eq!(wrong, [], "{name}");
            assert!(rounds > 50, "{name}: {rounds}");
        }
    }
}
