//! Examples of slots and days, read in place.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use rusqlite::Connection;
use serde_json::Value as Json;
use wattbridge::history::{Before, Calendar, CounterKind, DayEnergy, energy_of_day};
use wattbridge::model::{Decimal, Device, Metric, Quantity, Value};

use super::{SOON, stepped};

/// All examples of the history, by their ids.
fn examples() -> BTreeMap<String, Json> {
    let folder = std::env::var_os("WATTBRIDGE_VECTORS");
    let folder = folder.map_or_else(|| PathBuf::from("../shared/vectors"), PathBuf::from);
    let text = std::fs::read_to_string(folder.join("exports.json")).unwrap();
    let all: Json = serde_json::from_str(&text).unwrap();
    let examples = all["examples"].as_array().unwrap().iter();
    let of_history = examples.filter(|example| example["target"] == "history");
    let named = of_history.map(|it| (it["id"].as_str().unwrap().to_owned(), it.clone()));
    named.collect()
}

fn at(json: &Json) -> Timestamp {
    json.as_str().unwrap().parse().unwrap()
}

/// A number as it stands there, in the smallest of so many decimals.
fn scaled(json: &Json, decimals: u8) -> i64 {
    let number: Decimal = json.to_string().parse().unwrap();
    number.with_scale(decimals).mantissa()
}

fn zone(example: &Json) -> TimeZone {
    TimeZone::get(example["zone"].as_str().unwrap()).unwrap()
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs examples beside the project")]
fn slots() {
    let examples = examples();
    let of_slots = examples.iter().filter(|(id, _)| id.starts_with("slot"));
    let mut seen = 0;
    for (id, example) in of_slots {
        let of_metric = &example["metric"];
        let key = of_metric["key"].as_str().unwrap().to_owned();
        let decimals = u8::try_from(of_metric["decimals"].as_u64().unwrap()).unwrap();
        let is_counter = of_metric["behavior"] == "lifetime";
        let kind = if is_counter {
            Metric::lifetime("", Quantity::Energy)
        } else {
            Metric::measurement("", Quantity::Power)
        };
        let metric = Metric {
            key: key.clone().into(),
            decimals,
            ..kind
        };
        let mut device = Device::new("test", "one", "One", "nobody");
        device.metrics = vec![metric];
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.db");
        let history = stepped(&path, TimeZone::UTC);
        let device = Arc::new(device);
        history.describe(&device);
        let readings = example["readings"].as_array().unwrap();
        for reading in readings {
            let number = &reading[1];
            let value = match number.is_null() {
                true => Value::Unknown,
                false => Decimal::new(scaled(number, decimals), decimals).into(),
            };
            history.record(&device.id, at(&reading[0]), None, [(key.clone(), value)]);
        }
        history.tick(at(&readings.last().unwrap()[0]) + SignedDuration::from_hours(1));
        history.flush(SOON);
        let file = Connection::open(&path).unwrap();
        let mut statement = file
            .prepare("SELECT end, value, coalesce(min, value), coalesce(max, value) FROM slot ORDER BY end")
            .unwrap();
        let rows = statement.query_map([], |row| {
            Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?])
        });
        let rows: Vec<[i64; 4]> = rows.unwrap().map(Result::unwrap).collect();
        let slots = example["slots"].as_array().unwrap().iter();
        let expected: Vec<[i64; 4]> = slots
            .map(|slot| {
                let field = |name: &str| scaled(&slot[name], decimals);
                let end = at(&slot["end"]).as_second();
                if is_counter {
                    let last = field("last");
                    [end, last, last, last]
                } else {
                    [end, field("mean"), field("min"), field("max")]
                }
            })
            .collect();
        assert_eq!(rows, expected, "{id}");
        seen += 1;
    }
    assert!(seen >= 4);
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs examples beside the project")]
fn days_of_23_and_25_hours() {
    let examples = examples();
    for id in ["day-01", "day-02"] {
        let example = &examples[id];
        let date: Date = example["date"].as_str().unwrap().parse().unwrap();
        let calendar = Calendar::new(zone(example));
        let day = &example["day"];
        let bounds = [&day["from"], &day["to"]].map(|it| at(it).as_second());
        assert_eq!(calendar.bounds(date), (bounds[0], bounds[1]), "{id}");
        let slots = usize::try_from(day["slots"].as_u64().unwrap()).unwrap();
        assert_eq!(calendar.slots(date), slots, "{id}");
    }
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs examples beside the project")]
fn energies_of_a_day() {
    let examples = examples();
    let mut seen = 0;
    for (id, example) in &examples {
        let Some(counter) = example["counter"].as_array() else {
            continue;
        };
        let (kind, decimals) = match example["source"].as_str().unwrap() {
            "energy_today" => (CounterKind::Daily, 3),
            _ => (CounterKind::Lifetime, 3),
        };
        // Watt-hours, as thousandths of kilowatt-hours.
        let digits = if example["unit"] == "kWh" { 3 } else { 0 };
        let before = example.get("yesterday_last").map(|last| Before {
            value: scaled(last, digits),
            at: None,
        });
        let values: Vec<(i64, i64)> = counter
            .iter()
            .map(|pair| (at(&pair[0]).as_second(), scaled(&pair[1], digits)))
            .collect();
        let energies = example.get("day_energy").or(example.get("day_energy_wh"));
        let expected: Vec<i64> = energies
            .and_then(Json::as_array)
            .unwrap()
            .iter()
            .map(|pair| pair[1].as_i64().unwrap())
            .collect();
        let mut day = DayEnergy::new(kind, decimals, before);
        let so_far: Vec<i64> = values
            .iter()
            .map(|(at, value)| {
                day.push(*at, *value);
                day.energy().unwrap()
            })
            .collect();
        assert_eq!(so_far, expected, "{id}");
        let whole = energy_of_day(kind, decimals, before, values.into_iter().rev());
        assert_eq!(whole, expected.last().copied(), "{id}");
        seen += 1;
    }
    assert!(seen >= 4, "{seen}");
}
