//! Of the parts; what they do together is shown outside, in `tests/uploads_statistics`.

use std::collections::BTreeMap;

use super::gaps::{TheirHour, plan};
use super::hours::HOUR;
use super::memory::{CounterMemory, MOST_OPEN, StatisticsMemory};
use super::messages::{MetadataForm, own_id};
use crate::model::Decimal;

fn kwh(watt_hours: i64) -> Decimal {
    Decimal::from_watt_hours(watt_hours)
}

fn theirs(hour: i64, state: f64, sum: f64) -> TheirHour {
    TheirHour {
        start: hour * HOUR,
        state: Some(state),
        sum: Some(sum),
    }
}

#[test]
fn the_form_goes_by_the_version() {
    for old in ["2025.10.4", "2024.3.3", "2025.9.0b2"] {
        assert_eq!(
            MetadataForm::of_version(old),
            MetadataForm::HasMean,
            "{old}"
        );
    }
    for new in ["2025.11.0", "2025.11.0b1", "2026.1.0", "dev", ""] {
        assert_eq!(MetadataForm::of_version(new), MetadataForm::Typed, "{new}");
    }
}

#[test]
fn an_id_has_single_underscores_between_its_words() {
    assert_eq!(own_id("ecu__1_", "_energy"), "wattbridge:ecu_1_energy");
}

#[test]
fn a_base_that_is_lost_is_found_again() {
    // It began anew at the third hour, where its sum went on.
    let hours = [
        theirs(0, 10.0, 0.0),
        theirs(1, 12.0, 2.0),
        theirs(2, 0.5, 2.0),
        theirs(3, 1.5, 3.0),
    ];
    let mut memory = CounterMemory::found(&hours, 3, kwh(9000)).unwrap();
    assert_eq!(memory.sum(4 * HOUR, kwh(2500)), Some(kwh(4000)));
    assert_eq!(memory.sum(2 * HOUR, kwh(500)), Some(kwh(2000)));
    assert_eq!(memory.sum(HOUR, kwh(12_000)), None);
    // Somebody else's have no counter.
    let foreign = TheirHour {
        state: None,
        ..theirs(3, 0.0, 7.0)
    };
    let mut memory = CounterMemory::found(&[foreign], 3, kwh(9000)).unwrap();
    assert_eq!(memory.sum(4 * HOUR, kwh(9500)), Some(kwh(7500)));
    assert_eq!(CounterMemory::found(&[], 3, kwh(9000)), None);
}

#[test]
fn an_open_gap_keeps_its_newest_hours() {
    let mut memory = StatisticsMemory::default();
    let hours = |count: i64| (0..count).map(|hour| (hour * HOUR, kwh(hour)));
    memory.keep_open("a/b", hours(2500).collect());
    assert_eq!(memory.open["a/b"].len(), MOST_OPEN);
    assert_eq!(memory.open["a/b"].keys().next(), Some(&(500 * HOUR)));
    let text = serde_json::to_string(&memory).unwrap();
    assert_eq!(
        serde_json::from_str::<StatisticsMemory>(&text).unwrap(),
        memory
    );
    memory.keep_open("a/b", BTreeMap::new());
    assert_eq!(memory, StatisticsMemory::default());
}

#[test]
fn sums_never_pass_the_one_after_the_gap() {
    // What was counted there is 0.9 % less than our counter.
    let ours = BTreeMap::from([(HOUR, kwh(1500)), (2 * HOUR, kwh(2000))]);
    let plan = plan(&ours, &[theirs(0, 1.0, 5.0), theirs(3, 2.0, 5.991)]);
    let sums: Vec<_> = plan
        .rows
        .iter()
        .map(|row| format!("{:?}", row.value))
        .collect();
    assert_eq!(
        sums,
        [
            "Counted { state: 1.5, sum: 5.5 }",
            "Counted { state: 2.0, sum: 5.991 }"
        ]
    );
    assert!(plan.open.is_empty() && plan.unfit.is_empty());
}
