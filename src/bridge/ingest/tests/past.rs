//! What was before: readings that come late, and the days that a device remembers.

use super::*;
use crate::model::{Days, Reading};

#[test]
fn what_comes_late_is_counted_and_never_shown() {
    let mut house = House::in_memory();
    house.take(Report::Health(id(), Health::ONLINE));
    house.read(0, 1000, 5_000_000);
    house.read(60, 1200, 5_001_100);
    let shown = Arc::clone(&house.feed.get(&id()).unwrap().state);
    for minutes in [10, 40, 20] {
        let mut late = Readings::new(id(), at(minutes));
        late.push("power", Decimal::integer(4000));
        late.push("energy_total", Decimal::from_watt_hours(9_000_000));
        house.take(Report::Readings(late));
    }
    assert_eq!(house.ingest.readings_late(), 3);
    assert_eq!(house.feed.get(&id()).unwrap().state, shown);
    // And the counters have learned nothing from them.
    house.read(65, 1200, 5_001_200);
    assert_eq!(house.number("energy_total"), "5001.2");
    assert_eq!(house.number("power"), "1200");
    assert_eq!(house.number("energy_computed"), "0.1");
    assert_eq!(house.ingest.values_held(), 0);
}

#[test]
fn days_of_the_past_are_kept_and_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let (store, saved) = Store::open(&path);
    let mut house = House::new(store, saved);
    house.take(Report::Device(Box::new(device())));
    house.read(0, 1000, 5_000_000);
    let shown = Arc::clone(&house.feed.get(&id()).unwrap().state);
    for (date, energy) in [
        ("2026-06-20", 400),
        ("2026-06-19", 900),
        ("2026-06-20", 410),
    ] {
        let mut days = Days::new(id());
        let reading = Reading {
            key: "energy_today".into(),
            value: Decimal::from_watt_hours(energy).into(),
        };
        days.days.insert(date.parse().unwrap(), vec![reading]);
        house.take(Report::Days(days));
    }
    assert_eq!(house.feed.get(&id()).unwrap().state, shown);
    house.store.close();
    let (_, saved) = Store::look_at(&path);
    let kept: Vec<_> = saved.days.iter().collect();
    let day = |date: &str| (id().to_string(), date.to_owned());
    assert_eq!(
        kept,
        [
            (
                &day("2026-06-19"),
                &serde_json::json!({ "energy_today": 0.9 })
            ),
            (
                &day("2026-06-20"),
                &serde_json::json!({ "energy_today": 0.41 })
            ),
        ]
    );
}
