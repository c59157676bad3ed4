//! What the history is told: what is believed and shown, each report once.

use std::path::Path;

use rusqlite::Connection;

use super::*;
use crate::history::HistorySettings;
use crate::model::{Days, Reading};

const SOON: Duration = Duration::from_secs(20);

/// A house whose store takes counters at most once a minute, with a history beside it.
fn house(folder: &Path) -> House {
    let (store, saved) = Store::open(&folder.join("store.db"));
    let mut house = House::new(store, saved);
    let path = folder.join("history.db");
    let history = History::open_stepped(&path, &HistorySettings::default(), TimeZone::UTC);
    house.ingest = house.ingest.kept_in(history);
    house.take(Report::Device(Box::new(device())));
    house
}

/// Values of a key by the ends of their slots, in minutes after the start of the first one.
fn slots(house: &House, folder: &Path, key: &str) -> Vec<(i64, i64)> {
    house.ingest.history.tick(at(600));
    house.ingest.history.flush(SOON);
    let file = Connection::open(folder.join("history.db")).unwrap();
    let mut statement = file
        .prepare(
            "SELECT end, value FROM slot JOIN series ON id = series WHERE key = ?1 ORDER BY end",
        )
        .unwrap();
    let start = at(0).as_second().div_euclid(300) * 300;
    let rows = statement.query_map([key], |row| Ok((row.get::<_, i64>(0)?, row.get(1)?)));
    let rows = rows.unwrap().map(Result::unwrap);
    rows.map(|(end, value)| ((end - start) / 60, value))
        .collect()
}

#[test]
fn what_is_shown_is_kept_and_no_counter_is_ahead_of_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let mut house = house(folder.path());
    house.take(Report::Health(id(), Health::ONLINE));
    // The start is 100 s into a slot.
    house.read(0, 1000, 4_358_100);
    house.settle();
    house.read(1, 2000, 0);
    house.settle();
    // A value that no such device can have, and a counter that is not saved before the next slot.
    house.read(2, 900_000, 4_358_300);
    assert_eq!(house.number("energy_total"), "4358.1", "not saved yet");
    house.settle();
    assert_eq!(house.number("energy_total"), "4358.3");
    house.read(7, 3000, 4_358_400);
    house.settle();
    assert_eq!(
        slots(&house, folder.path(), "power"),
        [(5, 1500), (10, 3000)]
    );
    let total = slots(&house, folder.path(), "energy_total");
    assert_eq!(total, [(5, 43_583), (10, 43_584)]);
    let computed = slots(&house, folder.path(), "energy_computed");
    assert_eq!(computed.last().map(|(end, _)| *end), Some(10));
}

#[test]
fn a_counter_that_cannot_be_saved_is_kept_as_it_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let mut house = house(folder.path());
    house.take(Report::Health(id(), Health::ONLINE));
    house.read(0, 1000, 4_358_100);
    house.settle();
    // Not due for a minute, so what is shown is the value before.
    house.clock.move_to(at(0) + Duration::from_secs(30));
    let mut readings = Readings::new(id(), house.clock.now());
    readings.push("power", Decimal::integer(1000));
    readings.push("energy_total", Decimal::from_watt_hours(4_358_200));
    house.take(Report::Readings(readings));
    assert_eq!(house.number("energy_total"), "4358.1");
    let total = slots(&house, folder.path(), "energy_total");
    assert_eq!(total, [(5, 43_581)]);
}

#[test]
fn what_comes_late_lands_in_its_past_but_for_nonsense() {
    let folder = tempfile::tempdir().unwrap();
    let mut house = house(folder.path());
    house.take(Report::Health(id(), Health::ONLINE));
    house.read(100, 1000, 4_358_100);
    house.settle();
    for (minutes, power) in [(30, 700), (40, 900_000)] {
        let mut readings = Readings::new(id(), at(minutes));
        readings.push("power", Decimal::integer(power));
        house.take(Report::Late(readings));
    }
    // One that is older than what is there, as it was passed on.
    house.read(50, 800, 4_358_050);
    assert_eq!(
        slots(&house, folder.path(), "power"),
        [(35, 700), (55, 800), (105, 1000)]
    );
}

#[test]
fn days_and_health_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let mut house = house(folder.path());
    house.take(Report::Health(id(), Health::ONLINE));
    house.take(Report::Health(id(), Health::ONLINE));
    let asleep = Health::new(HealthCode::Asleep);
    house.take(Report::Health(id(), asleep));
    let mut days = Days::new(id());
    let reading = Reading {
        key: "energy_today_computed".into(),
        value: Decimal::from_watt_hours(5000).into(),
    };
    days.days
        .insert(jiff::civil::date(2026, 5, 20), vec![reading]);
    house.ingest.history.tick(at(600));
    house.take(Report::Days(days));
    house.ingest.history.flush(SOON);
    let file = Connection::open(folder.path().join("history.db")).unwrap();
    let mut statement = file.prepare("SELECT code FROM health").unwrap();
    let codes = statement.query_map([], |row| row.get(0)).unwrap();
    let codes: Vec<String> = codes.map(Result::unwrap).collect();
    assert_eq!(codes.last().map(String::as_str), Some("asleep"));
    let day: i64 = file
        .query_row("SELECT value FROM day WHERE date = 20260520", [], |row| {
            row.get(0)
        })
        .unwrap();
    assert_eq!(day, 50);
}
