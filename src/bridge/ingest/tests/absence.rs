//! Devices that are seen not to be there.

use super::*;
use crate::config::Period;

const HOUR: i64 = 60;

fn absent() -> Report {
    Report::Absent(id(), Health::new(HealthCode::Silent))
}

/// A house whose devices are kept for ten hours, with one of them.
fn house(store: Store, saved: Saved) -> House {
    let mut house = House::new(store, saved);
    house.ingest.keys[0].forget_after = Period::hours(10);
    house.take(Report::Device(Box::new(device())));
    house
}

fn passes(house: &mut House, minutes: i64) {
    let then = house.clock.now() + Duration::from_secs(minutes.unsigned_abs() * 60);
    house.clock.move_to(then);
    house.ingest.on_time();
}

#[test]
fn a_device_that_has_been_absent_for_too_long_is_forgotten_and_its_source_told() {
    let (store, saved) = Store::in_memory();
    let mut house = house(store, saved);
    house.read(0, 1000, 5_000_000);
    house.take(absent());
    assert_eq!(house.code(), HealthCode::Silent);
    passes(&mut house, 10 * HOUR - 1);
    assert!(house.feed.get(&id()).is_some());
    let due = house.ingest.deadline().unwrap();
    assert!(due <= house.clock.monotonic() + Duration::from_secs(60));
    house.clock.move_to(at(10 * HOUR));
    assert!(house.ingest.on_time(), "that is news");
    assert!(house.feed.get(&id()).is_none());
    assert_eq!(house.ingest.take_forgotten(), [(0, id())]);
    assert_eq!(house.ingest.take_forgotten(), []);
    // What its source still says before it has heard of that makes no device.
    house.take(absent());
    assert!(house.feed.get(&id()).is_none());
    // If it comes back, it counts on.
    house.take(Report::Device(Box::new(device())));
    house.take(Report::Health(id(), Health::ONLINE));
    house.read(11 * HOUR, 1000, 5_000_100);
    assert_eq!(house.number("energy_total"), "5000.1");
}

#[test]
fn only_time_counts_in_which_its_absence_is_seen_and_values_end_it() {
    let (store, saved) = Store::in_memory();
    let mut house = house(store, saved);
    house.take(absent());
    passes(&mut house, 9 * HOUR);
    // Now its gateway is away, and then its adapter.
    house.take(Report::Health(id(), Health::new(HealthCode::Unreachable)));
    passes(&mut house, 1000 * HOUR);
    house.take(absent());
    let failed = Health::new(HealthCode::Restarting);
    house.ingest.put_health_of_source(0, &failed);
    passes(&mut house, 1000 * HOUR);
    assert!(house.feed.get(&id()).is_some());
    house.take(absent());
    let now = (house.clock.monotonic().as_secs() / 60).cast_signed();
    house.read(now, 1000, 5_000_000);
    house.take(absent());
    passes(&mut house, 9 * HOUR);
    assert!(house.feed.get(&id()).is_some(), "it begins again");
    passes(&mut house, HOUR);
    assert!(house.feed.get(&id()).is_none());
}

#[test]
fn no_word_about_the_connection_ends_an_absence() {
    let (store, saved) = Store::in_memory();
    let mut house = house(store, saved);
    let mut device = device();
    let link = Metric::on_off("link", OnOff::Plain).about_connection();
    device.metrics.push(link);
    house.take(Report::Device(Box::new(device)));
    house.take(absent());
    passes(&mut house, 9 * HOUR);
    let mut readings = Readings::new(id(), at(9 * HOUR));
    readings.push("link", false);
    house.take(Report::Readings(readings));
    house.take(absent());
    passes(&mut house, HOUR);
    assert!(house.feed.get(&id()).is_none());
}

#[test]
fn no_step_of_the_wall_clock_makes_an_absence_longer_or_shorter() {
    for hours in [24 * 365 * 50, -24 * 365 * 50] {
        let (store, saved) = Store::in_memory();
        let mut house = house(store, saved);
        house.take(absent());
        passes(&mut house, 9 * HOUR);
        house.clock.step(jiff::SignedDuration::from_hours(hours));
        house.ingest.on_time();
        assert!(house.feed.get(&id()).is_some(), "{hours}");
        passes(&mut house, HOUR);
        assert!(house.feed.get(&id()).is_none(), "{hours}");
    }
}

#[test]
fn an_absence_goes_on_after_a_restart_and_does_not_count_what_nobody_saw() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    for run in 0..3 {
        let (store, saved) = Store::open(&path);
        let mut house = house(store, saved);
        // Nobody has said anything of it yet.
        passes(&mut house, 1000 * HOUR);
        assert!(house.feed.get(&id()).is_some(), "{run}");
        house.take(absent());
        passes(&mut house, 4 * HOUR);
        assert_eq!(house.feed.get(&id()).is_some(), run < 2, "{run}");
        house.ingest.save_all();
        house.store.clone().close();
    }
}

#[test]
fn who_holds_a_device_alone_says_that_it_is_absent() {
    let (store, saved) = Store::in_memory();
    let mut house = house(store, saved);
    house.read(0, 1000, 5_000_000);
    house.there(Report::Device(Box::new(device())));
    house.there(absent());
    passes(&mut house, 11 * HOUR);
    assert!(house.feed.get(&id()).is_some());
    // Its own section has lost it, and the other one has it.
    house.take(absent());
    let now = (house.clock.monotonic().as_secs() / 60).cast_signed();
    house.read_there(now, 7);
    passes(&mut house, 11 * HOUR);
    assert_eq!(house.ingest.source_of(&id()), Some(1));
}
