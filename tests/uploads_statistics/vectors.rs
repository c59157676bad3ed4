//! Each example of the specification.

use serde_json::Value as Json;
use wattbridge::home_assistant::{CoreError, CoreResults};
use wattbridge::model::HealthCode;
use wattbridge::uploads::{Errand, ErrandAnswer, UploadVerdict};

use super::driver::{Driver, FIRST, HOUR, Past, messages, now, toml};
use super::stand_in::StandIn;
use super::vectors_in_place;

fn example(id: &str) -> Json {
    let file = vectors_in_place::read("exports.json");
    let all = file["examples"].as_array().unwrap();
    all.iter().find(|it| it["id"] == id).unwrap().clone()
}

/// The same, whether whole numbers have a point or not.
fn same(one: &Json, other: &Json) -> bool {
    match (one, other) {
        (Json::Number(one), Json::Number(other)) => one.as_f64() == other.as_f64(),
        (Json::Array(one), Json::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Json::Object(one), Json::Object(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .all(|(key, one)| other.get(key).is_some_and(|other| same(one, other)))
        }
        (one, other) => one == other,
    }
}

fn assert_same(one: &Json, other: &Json) {
    assert!(same(one, other), "{one:#}\nis not\n{other:#}");
}

/// Starts of hours, and the counter at their ends in kWh.
fn counted(rows: &Json) -> Past {
    let mut past = Past::new();
    for row in rows.as_array().unwrap() {
        let start: jiff::Timestamp = row[0].as_str().unwrap().parse().unwrap();
        let watt_hours = (row[1].as_f64().unwrap() * 1000.0).round() as i64;
        past.counted(start.as_second() + 1800, watt_hours - 100);
        past.counted(start.as_second() + HOUR, watt_hours);
    }
    past
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn a_counter_of_our_own_begins_with_the_sum_0() {
    let example = example("hastats-01");
    let mut driver = Driver::new(toml("ws://127.0.0.1:1", "own = true"));
    let parcel = driver.parcel(&counted(&example["hours"]), now());
    let messages = messages(&parcel.errand.unwrap());
    assert_eq!(messages.len(), 1);
    assert_same(&messages[0], &example["message"]);
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn a_power_has_mean_least_and_greatest() {
    let example = example("hastats-02");
    let mut driver = Driver::new(toml("ws://127.0.0.1:1", "own = true"));
    let mut past = Past::new();
    past.measured(FIRST + 2 * HOUR + 300, 500, Some((120, 700)));
    past.measured(FIRST + 2 * HOUR + 600, 674, Some((400, 912)));
    let parcel = driver.parcel(&past, now());
    let messages = messages(&parcel.errand.unwrap());
    assert_eq!(messages.len(), 1);
    assert_same(&messages[0], &example["message"]);
}

#[tokio::test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
async fn a_gap_is_filled_between_its_neighbours() {
    let example = example("hastats-03");
    let server = StandIn::start().await;
    let row = |name: &str| {
        let row = &example[name];
        let start: jiff::Timestamp = row["start"].as_str().unwrap().parse().unwrap();
        (
            start.as_second(),
            row["state"].as_f64().unwrap(),
            row["sum"].as_f64().unwrap(),
        )
    };
    let entity = "sensor.ecu_lifetime_energy";
    server.put(
        "aps_ecu_216000000001_energy_total",
        entity,
        &[row("before"), row("after")],
    );
    let mut driver = Driver::new(toml(&server.url, ""));
    let verdict = driver.round(&counted(&example["ours"]), now()).await;
    assert_eq!(verdict, UploadVerdict::done());
    let written = driver.written();
    assert_eq!(written.len(), 1);
    assert_same(&written[0], &example["message"]);
    assert_eq!(
        server.sums(entity),
        [
            row("before"),
            (FIRST, 1234.5, 88.5),
            (FIRST + HOUR, 1235.0, 89.0),
            row("after")
        ]
    );
}

/// What becomes of each error.
#[tokio::test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
async fn each_error_means_what_it_says() {
    let example = example("hastats-05");
    let answers = example["answers"].as_array().unwrap();
    assert_eq!(answers.len(), 6);
    for answer in answers {
        let text = |place: usize| answer[place].as_str().unwrap();
        let mut driver = Driver::new(toml("ws://127.0.0.1:1", "own = true\nfill_gaps = false"));
        let past = Past::new().counting(1_000_000, 2, 50);
        let parcel = driver.parcel(&past, now());
        let target = &mut driver.target;
        // Nothing is there yet.
        assert!(target.ask_before(&parcel).unwrap().is_question());
        let results = |result: Result<Json, CoreError>| {
            ErrandAnswer::HomeAssistant(Ok(CoreResults {
                version: "2026.11.0".to_owned(),
                results: vec![result],
            }))
        };
        let nothing = results(Ok(serde_json::json!({})));
        let UploadVerdict::Ask(writing) = target.judge(&parcel, &nothing, now()) else {
            panic!("it writes now");
        };
        assert!(!writing.is_question());
        let refused = results(Err(CoreError::Refused {
            command: "recorder/import_statistics".to_owned(),
            code: text(0).to_owned(),
            words: text(1).escape_debug().to_string(),
        }));
        let verdict = target.judge(&parcel, &refused, now());
        let meaning = text(2);
        if meaning.starts_with("bug of ours: skip") {
            let UploadVerdict::Skip { slots } = &verdict else {
                panic!("{verdict:?}");
            };
            assert_eq!(slots.len(), 24);
            assert!(
                slots[0]
                    .reason
                    .starts_with("wattbridge:aps_ecu_216000000001_energy_total"),
                "{slots:?}"
            );
        } else if meaning.contains("unit_class null") {
            let metadata = again(&verdict);
            assert_eq!(metadata["unit_class"], Json::Null);
            assert_eq!(metadata["mean_type"], 0);
        } else if meaning.contains("has_mean instead") {
            let metadata = again(&verdict);
            assert_eq!(metadata["has_mean"], false);
            assert!(metadata.get("mean_type").is_none() && metadata.get("unit_class").is_none());
        } else {
            assert!(meaning.starts_with("hold"), "{meaning}");
            let UploadVerdict::Hold { health, .. } = &verdict else {
                panic!("{verdict:?}");
            };
            assert_eq!(health.code, HealthCode::Refused);
            assert!(!health.advice.to_string().is_empty());
        }
    }
}

fn again(verdict: &UploadVerdict) -> Json {
    let UploadVerdict::Ask(errand @ Errand::HomeAssistant(_)) = verdict else {
        panic!("{verdict:?}");
    };
    messages(errand)[0]["metadata"].clone()
}
