mod absence;
mod age;
mod kept;
mod kills;
mod ownership;
mod past;

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use proptest::prelude::*;

use super::*;
use crate::bridge::{Feed, News};
use crate::model::{Decimal, OnOff, Quantity, Update, Value};

const METRICS: &[Metric] = &[
    Metric::measurement("power", Quantity::Power),
    Metric::lifetime("energy_total", Quantity::Energy).decimals(1),
    Metric::lifetime("energy_computed", Quantity::Energy)
        .decimals(3)
        .integral_of("power"),
    Metric::daily("energy_today_computed", Quantity::Energy)
        .decimals(1)
        .since_midnight_of("energy_total"),
];

fn device() -> Device {
    let mut device = Device::new("aps_ecu", "1", "ECU", "APsystems");
    device.metrics = METRICS.to_vec();
    device.rated_power = Some(5000);
    device
}

fn id() -> DeviceId {
    device().id
}

fn at(minutes: i64) -> Timestamp {
    Timestamp::from_second(1_780_000_000 + minutes * 60).unwrap()
}

struct House {
    ingest: Ingest,
    feed: Feed,
    clock: Clock,
    store: Store,
}

impl House {
    fn new(store: Store, saved: Saved) -> Self {
        let (hub, _commands) = Hub::new();
        let clock = Clock::manual(at(0), TimeZone::UTC);
        let every = Duration::from_secs(60);
        let mut saved = saved;
        let (hub_, store_, clock_) = (hub.clone(), store.clone(), clock.clone());
        let keys = vec![DeviceKeys::default()];
        let mut ingest = Ingest::new(hub_, store_, clock_, every, keys, &mut saved);
        ingest.restore(&mut saved, &[], |key| (key == "here").then_some(0));
        Self {
            ingest,
            feed: hub.feed(),
            clock,
            store,
        }
    }

    fn in_memory() -> Self {
        let (store, saved) = Store::in_memory();
        let mut house = Self::new(store, saved);
        house.take(Report::Device(Box::new(device())));
        house
    }

    fn take(&mut self, report: Report) {
        self.ingest.take(0, "here", report);
    }

    /// Waits until all that is on its way to the disk has arrived there.
    fn settle(&mut self) {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.build().unwrap();
        while self.ingest.saving.is_under_way() {
            let is_saved = runtime.block_on(self.ingest.arrival());
            self.ingest.has_arrived(is_saved);
        }
    }

    fn code(&self) -> HealthCode {
        self.feed.get(&id()).unwrap().state.health.code
    }

    fn read(&mut self, minutes: i64, power: i64, total: i64) {
        self.clock.move_to(at(minutes));
        let mut readings = Readings::new(id(), at(minutes));
        readings.push("power", Decimal::integer(power));
        readings.push("energy_total", Decimal::from_watt_hours(total));
        self.take(Report::Readings(readings));
    }

    /// Reads through a second section.
    fn read_there(&mut self, minutes: i64, power: i64) {
        self.clock.move_to(at(minutes));
        let mut readings = Readings::new(id(), at(minutes));
        readings.push("power", Decimal::integer(power));
        self.there(Report::Readings(readings));
    }

    fn there(&mut self, report: Report) {
        self.ingest.take(1, "there", report);
    }

    fn value(&self, key: &str) -> Value {
        self.feed.get(&id()).unwrap().state.value(key).clone()
    }

    fn number(&self, key: &str) -> String {
        self.value(key).to_json().to_string()
    }
}

#[test]
fn a_device_that_comes_back_counts_on() {
    let mut house = House::in_memory();
    house.read(0, 1000, 5_000_000);
    house.read(30, 1000, 5_000_500);
    house.take(Report::Gone(id()));
    assert!(house.feed.get(&id()).is_none());
    house.take(Report::Device(Box::new(device())));
    assert_eq!(
        house.value("energy_total"),
        Decimal::from_watt_hours(5_000_500).rounded(1).into()
    );
    assert_eq!(
        house.value("energy_computed"),
        Decimal::from_watt_hours(500).into()
    );
}

#[test]
fn before_the_first_answer_everything_is_unknown() {
    let house = House::in_memory();
    assert_eq!(house.value("power"), Value::Unknown);
    assert_eq!(house.value("energy_total"), Value::Unknown);
    assert_eq!(house.value("health"), Value::from("starting"));
    assert_eq!(house.value("connectivity"), Value::OnOff(false));
}

#[test]
fn a_false_zero_is_held_and_said() {
    let mut house = House::in_memory();
    house.take(Report::Health(id(), Health::ONLINE));
    house.read(0, 1000, 4_358_100);
    house.read(5, 1000, 0);
    assert_eq!(house.number("energy_total"), "4358.1");
    let Value::Text(words) = house.value("counter_guard") else {
        panic!()
    };
    assert!(
        words.contains("held at 4358.1 kWh: the device says 0"),
        "{words}"
    );
    assert_eq!(house.ingest.values_held(), 1);
    house.read(10, 1000, 4_358_200);
    assert_eq!(house.number("energy_total"), "4358.2");
    assert_eq!(house.value("counter_guard"), Value::from("All values good"));
}

#[test]
fn computed_energy_follows_power_and_the_good_counter() {
    let mut house = House::in_memory();
    for minutes in [0, 15, 30, 45, 60] {
        house.read(minutes, 1000, 4_358_000 + minutes * 1000 / 60);
    }
    assert_eq!(house.number("energy_computed"), "1");
    assert_eq!(house.number("energy_today_computed"), "1");
    house.read(65, 0, 0);
    assert_eq!(house.number("energy_today_computed"), "1");
}

#[test]
fn without_data_measurements_are_unknown_and_counters_stay() {
    let mut house = House::in_memory();
    house.take(Report::Health(id(), Health::ONLINE));
    house.read(0, 1000, 4_358_100);
    house.take(Report::Health(id(), Health::new(HealthCode::Unreachable)));
    assert_eq!(house.value("power"), Value::Unknown);
    assert_eq!(house.number("energy_total"), "4358.1");
    assert_eq!(house.value("connectivity"), Value::OnOff(false));
    assert_eq!(house.value("problem"), Value::OnOff(true));
}

#[test]
fn a_restart_continues_where_the_last_run_ended() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let (store, saved) = Store::open(&path);
    let mut house = House::new(store, saved);
    house.take(Report::Device(Box::new(device())));
    house.read(0, 1000, 4_358_100);
    house.read(15, 1000, 4_358_300);
    house.settle();

    let (store, saved) = Store::open(&path);
    let mut house = House::new(store, saved);
    house.take(Report::Device(Box::new(device())));
    // Nothing before the first reading of this run that is believed.
    for key in ["energy_total", "energy_computed", "energy_today_computed"] {
        assert_eq!(house.value(key), Value::Unknown, "{key}");
    }
    house.read(30, 1000, 0);
    house.settle();
    assert_eq!(house.value("energy_total"), Value::Unknown);
    // What there was between the two runs nobody knows.
    assert_eq!(house.number("energy_computed"), "0.25");
    house.read(31, 1000, 4_358_600);
    house.settle();
    assert_eq!(house.number("energy_total"), "4358.6");
    house.read(32, 1000, 0);
    house.settle();
    assert_eq!(house.number("energy_total"), "4358.6");
}

#[test]
fn a_power_that_no_such_device_has_is_unknown_and_makes_no_energy() {
    let mut house = House::in_memory();
    house.take(Report::Health(id(), Health::ONLINE));
    for minute in 0..=30 {
        house.read(minute, 1000, 4_358_000 + minute * 1000 / 60);
    }
    assert_eq!(house.number("energy_computed"), "0.5");
    house.read(31, 65_535, 4_358_500);
    assert_eq!(house.value("power"), Value::Unknown);
    let Value::Text(words) = house.value("counter_guard") else {
        panic!()
    };
    assert_eq!(
        words,
        "Power is unknown: the device says 65535, which is more than 5000 W and cannot be"
    );
    assert_eq!(house.ingest.values_held(), 1);
    house.read(32, 1000, 4_358_500);
    house.read(62, 1000, 4_359_000);
    assert_eq!(house.number("energy_computed"), "1");
    assert_eq!(house.value("counter_guard"), Value::from("All values good"));
    assert_eq!(house.code(), HealthCode::Online);
    // When it does not stop, that is how the device is.
    for minute in 63..66 {
        house.read(minute, i64::MAX, 4_359_000);
    }
    assert_eq!(house.code(), HealthCode::Degraded);
    let Value::Text(reason) = house.value("reason") else {
        panic!()
    };
    assert!(
        reason.contains("Power is unknown") && reason.contains("max_power"),
        "{reason}"
    );
    house.read(66, 1000, 4_359_000);
    assert_eq!(house.code(), HealthCode::Online);
    assert_eq!(house.number("energy_computed"), "1");
}

/// What a house sees that reports both counters of a day and of a lifetime.
fn pair(house: &mut House, minutes: i64, total: i64, today: i64) -> [String; 2] {
    house.clock.move_to(at(minutes));
    let mut readings = Readings::new(id(), at(minutes));
    // The order of the values says nothing.
    readings.push("energy_total", Decimal::from_watt_hours(total));
    readings.push("energy_today", Decimal::from_watt_hours(today));
    house.take(Report::Readings(readings));
    ["energy_total", "energy_today"].map(|key| house.number(key))
}

fn house_of_pairs() -> House {
    let mut house = House::in_memory();
    let mut device = device();
    let today = Metric::daily("energy_today", Quantity::Energy).decimals(2);
    device.metrics.push(today);
    house.take(Report::Device(Box::new(device)));
    house
}

#[test]
fn a_lifetime_below_today_is_not_believed_however_often_it_comes() {
    let mut house = house_of_pairs();
    for minutes in 0..100 {
        let shown = pair(&mut house, minutes * 5, 0, 9010);
        assert_eq!(shown, ["null", "9.01"], "{minutes}");
    }
    assert_eq!(pair(&mut house, 500, 1_234_700, 9020), ["1234.7", "9.02"]);
}

#[test]
fn a_new_device_begins_at_zero_and_may_lag_by_what_it_does_not_show() {
    let mut house = house_of_pairs();
    assert_eq!(pair(&mut house, 0, 0, 0), ["null", "null"]);
    assert_eq!(pair(&mut house, 5, 0, 0), ["null", "null"]);
    assert_eq!(pair(&mut house, 10, 0, 0), ["0", "0"]);
    assert_eq!(pair(&mut house, 15, 0, 80), ["0", "0.08"]);
    assert_eq!(pair(&mut house, 20, 100, 160), ["0.1", "0.16"]);
    let mut house = house_of_pairs();
    assert_eq!(pair(&mut house, 0, 100, 160), ["0.1", "0.16"]);
}

#[test]
fn a_counter_that_the_device_does_not_know_now_is_unknown() {
    let mut house = House::in_memory();
    house.read(0, 1000, 4_358_100);
    let mut readings = Readings::new(id(), at(5));
    readings.push("energy_total", Value::Unknown);
    house.take(Report::Readings(readings));
    assert_eq!(house.value("energy_total"), Value::Unknown);
    house.read(10, 1000, 0);
    assert_eq!(house.number("energy_total"), "4358.1");
}

#[test]
fn another_meaning_of_a_key_is_another_counter() {
    let mut house = House::in_memory();
    house.read(0, 1000, 4_358_100);
    let mut other = device();
    other.metrics[1] = Metric::lifetime("energy_total", Quantity::Charge).decimals(1);
    house.take(Report::Device(Box::new(other)));
    assert_eq!(house.value("energy_total"), Value::Unknown);
    house.read(5, 1000, 12_000);
    assert_eq!(house.number("energy_total"), "12");
}

#[test]
fn what_nobody_declared_or_described_is_left_out() {
    let mut house = House::in_memory();
    let mut readings = Readings::new(id(), at(0));
    readings.push("surprise", Decimal::integer(1));
    readings.push("energy_computed", Decimal::integer(99));
    house.take(Report::Readings(readings));
    assert_eq!(house.value("surprise"), Value::Unknown);
    assert_eq!(house.number("energy_computed"), "null");
    house.take(Report::Readings(Readings::new(
        DeviceId::new("x", "y"),
        at(0),
    )));
    house.take(Report::Health(DeviceId::new("x", "y"), Health::ONLINE));
}

#[test]
fn status_and_problem_are_what_is_on_about_a_connection() {
    let on = |device: &Device| {
        let ours = connection::metrics(device).filter(|metric| metric.enabled);
        ours.map(|metric| metric.key.into_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(on(&device()), ["problem", "reason"]);
    let bridge = Device::new("wattbridge", "x", "wattbridge", "wattbridge");
    assert_eq!(on(&bridge), ["connectivity", "problem", "reason"]);
}

#[test]
fn what_is_known_of_the_connection_stays_known() {
    let mut house = House::in_memory();
    let mut device = device();
    let restart = Metric::on_off("restart_needed", OnOff::Problem).about_connection();
    device.metrics.push(restart);
    house.take(Report::Device(Box::new(device)));
    let mut readings = Readings::new(id(), at(0));
    readings.push("restart_needed", true);
    readings.push("power", Decimal::integer(1));
    house.take(Report::Readings(readings));
    for code in [HealthCode::Silent, HealthCode::Unreachable] {
        house.take(Report::Health(id(), Health::new(code)));
        assert_eq!(house.value("restart_needed"), Value::OnOff(true));
        assert_eq!(house.value("power"), Value::Unknown);
    }
}
