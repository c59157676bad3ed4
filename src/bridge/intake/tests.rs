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
    intake: Intake,
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
        let counters = std::mem::take(&mut saved.counters);
        let mut intake = Intake::new(hub.clone(), store.clone(), clock.clone(), every, counters);
        intake.restore(&mut saved, &[], |key| (key == "here").then_some(0));
        Self {
            intake,
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
        self.intake.take(0, "here", report);
    }

    /// Waits until all that is on its way to the disk has arrived there.
    fn settle(&mut self) {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.build().unwrap();
        while self.intake.saving.is_under_way() {
            let is_saved = runtime.block_on(self.intake.arrival());
            self.intake.has_arrived(is_saved);
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
        self.intake.take(1, "there", report);
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
    assert_eq!(house.intake.values_held(), 1);
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

/// Whatever was shown at the moment of a kill is what the next run begins with.
#[test]
fn nothing_is_shown_that_was_not_saved_before() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let (store, saved) = Store::open(&path);
    let mut house = House::new(store, saved);
    house.take(Report::Device(Box::new(device())));
    let keys = ["energy_total", "energy_computed", "energy_today_computed"];
    let mut shown_last = BTreeMap::new();
    for step in 0..30 {
        // Four readings in each `save_every`, some of which are killed before they are saved.
        let seconds = step * 15;
        house.clock.move_to(at(0) + Duration::from_secs(seconds));
        let mut readings = Readings::new(id(), house.clock.now());
        readings.push("power", Decimal::integer(4800));
        readings.push(
            "energy_total",
            Decimal::from_watt_hours(4_358_100 + 20 * step as i64),
        );
        house.take(Report::Readings(readings));
        if step % 3 != 0 {
            house.settle();
        }
        let shown = keys.map(|key| house.value(key).as_number());
        // What is in the file at this very moment, beside a writer that may be at work.
        let saved = Store::look_at(&path).1.counters;
        for (key, shown) in keys.iter().zip(shown) {
            let Some(shown) = shown else { continue };
            let counter = Counter {
                device: id().to_string(),
                key: (*key).to_owned(),
            };
            let metric = METRICS.iter().find(|metric| metric.key == *key).unwrap();
            let kept = Counting::new(metric, saved.get(&counter).cloned());
            assert!(
                kept.latest().unwrap().rounded(metric.decimals) >= shown,
                "{key}"
            );
            assert!(
                shown_last
                    .insert(*key, shown)
                    .is_none_or(|last| shown >= last)
            );
        }
    }
    assert!(shown_last["energy_computed"] > Decimal::new(5, 1));
    assert!(shown_last["energy_total"] > Decimal::new(43_584, 1));
}

#[test]
fn a_value_that_moves_rarely_is_shown_at_once_and_others_within_save_every() {
    let folder = tempfile::tempdir().unwrap();
    let (store, saved) = Store::open(&folder.path().join("store.db"));
    let mut house = House::new(store, saved);
    house.take(Report::Device(Box::new(device())));
    for minutes in [0, 5, 10] {
        house.read(minutes, 1000, 4_358_100 + minutes * 100);
        house.settle();
        let total = Decimal::from_watt_hours(4_358_100 + minutes * 100);
        assert_eq!(house.value("energy_total"), total.into());
    }
    house
        .clock
        .move_to(house.clock.now() + Duration::from_secs(30));
    let mut readings = Readings::new(id(), house.clock.now());
    readings.push("power", Decimal::integer(7));
    readings.push("energy_total", Decimal::from_watt_hours(4_359_200));
    house.take(Report::Readings(readings));
    house.settle();
    assert_eq!(house.number("power"), "7");
    assert_eq!(house.number("energy_total"), "4359.1");
    let due = house.intake.saves_at(&id()).unwrap();
    assert_eq!(due, Duration::from_secs(660));
    house.clock.move_to(at(11));
    house.intake.on_time();
    house.settle();
    assert_eq!(house.number("energy_total"), "4359.2");
    assert_eq!(house.intake.saves_at(&id()), None);
}

#[test]
fn where_nothing_can_be_saved_the_device_is_believed_and_what_is_computed_stands_still() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("missing").join("store.db");
    let (store, saved) = Store::open(&path);
    let mut house = House::new(store, saved);
    house.take(Report::Device(Box::new(device())));
    for minutes in [0, 15, 30] {
        house.read(minutes, 1000, 4_358_100 + minutes * 100);
        house.settle();
        let total = Decimal::from_watt_hours(4_358_100 + minutes * 100);
        assert_eq!(house.value("energy_total"), total.into());
        assert_eq!(house.value("energy_computed"), Value::Unknown);
    }
    std::fs::create_dir(folder.path().join("missing")).unwrap();
    house.read(45, 1000, 4_358_100 + 4500);
    house.settle();
    assert_eq!(house.number("energy_computed"), "0.75");
    assert_eq!(Store::look_at(&path).1.counters.len(), 3);
}

#[test]
fn what_nobody_confirms_for_longer_than_its_patience_is_unknown() {
    let mut house = House::in_memory();
    let mut device = device();
    device.patience = Some(Duration::from_secs(600));
    let link = Metric::on_off("link", OnOff::Plain).about_connection();
    device.metrics.push(link);
    house.take(Report::Device(Box::new(device)));
    house.take(Report::Health(id(), Health::ONLINE));
    let mut readings = Readings::new(id(), at(0));
    readings.push("link", true);
    house.take(Report::Readings(readings));
    assert_eq!(
        house.intake.deadline(),
        None,
        "nothing has been confirmed yet"
    );
    house.read(0, 1000, 4_358_100);
    assert_eq!(house.intake.deadline(), Some(Duration::from_secs(600)));
    // Words about health, or the connection, confirm no value.
    for minutes in 1..10 {
        house.clock.move_to(at(minutes));
        house.take(Report::Health(id(), Health::new(HealthCode::Retrying)));
        house.take(Report::Health(id(), Health::ONLINE));
        let mut readings = Readings::new(id(), at(minutes));
        readings.push("link", true);
        house.take(Report::Readings(readings));
        assert_eq!(house.number("power"), "1000");
    }
    house.clock.move_to(at(10));
    assert!(house.intake.on_time());
    assert_eq!(house.code(), HealthCode::Stale);
    assert_eq!(house.value("power"), Value::Unknown);
    assert_eq!(house.number("energy_total"), "4358.1");
    assert_eq!(house.value("link"), Value::OnOff(true));
    assert_eq!(house.value("connectivity"), Value::OnOff(false));
    let Value::Text(reason) = house.value("reason") else {
        panic!()
    };
    assert!(
        reason.starts_with("Data too old: nothing was heard for 10m. Check"),
        "{reason}"
    );
    // It is the adapter's word that counts where it knows more, and no other.
    house.take(Report::Health(id(), Health::new(HealthCode::Unreachable)));
    assert_eq!(house.code(), HealthCode::Unreachable);
    house.take(Report::Health(id(), Health::ONLINE));
    assert_eq!(house.code(), HealthCode::Stale);
    assert!(!house.intake.on_time());
    house.read(11, 7, 4_358_100);
    assert_eq!(house.code(), HealthCode::Online);
    assert_eq!(house.number("power"), "7");
    assert_eq!(house.intake.deadline(), Some(Duration::from_secs(21 * 60)));
}

#[test]
fn that_values_are_too_old_is_news_whatever_the_health() {
    for code in HealthCode::ALL {
        let mut house = House::in_memory();
        let mut device = device();
        device.patience = Some(Duration::from_secs(600));
        house.take(Report::Device(Box::new(device)));
        house.take(Report::Health(id(), Health::new(*code)));
        house.read(0, 1000, 4_358_100);
        assert_eq!(house.number("power"), "1000", "{code:?}");
        assert_eq!(house.intake.deadline(), Some(Duration::from_secs(600)));
        house.clock.move_to(at(10));
        assert!(house.intake.on_time(), "{code:?}");
        assert_eq!(house.value("power"), Value::Unknown, "{code:?}");
        assert_eq!(house.number("energy_total"), "4358.1", "{code:?}");
        assert!(!house.code().has_data(), "{code:?}");
    }
}

#[test]
fn no_step_of_the_wall_clock_makes_values_old_or_keeps_them_young() {
    let mut house = House::in_memory();
    let mut device = device();
    device.patience = Some(Duration::from_secs(600));
    house.take(Report::Device(Box::new(device)));
    house.take(Report::Health(id(), Health::ONLINE));
    house.read(0, 1000, 4_358_100);
    for hours in [9, -30, 24 * 365 * 56, -24 * 365 * 56] {
        house.clock.step(jiff::SignedDuration::from_hours(hours));
        assert!(!house.intake.on_time(), "{hours}");
        assert_eq!(house.code(), HealthCode::Online, "{hours}");
    }
    house
        .clock
        .move_to(house.clock.now() + Duration::from_secs(600));
    house.clock.step(jiff::SignedDuration::from_hours(-1));
    assert!(house.intake.on_time());
    assert_eq!(house.code(), HealthCode::Stale);
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
    assert_eq!(house.intake.values_held(), 1);
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
fn devices_of_sections_that_are_gone_are_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let (store, saved) = Store::open(&path);
    let mut house = House::new(store, saved);
    house
        .intake
        .take(0, "elsewhere", Report::Device(Box::new(device())));
    house.store.flush(Duration::from_secs(10));
    let (store, saved) = Store::open(&path);
    assert_eq!(saved.devices.len(), 1);
    let house = House::new(store, saved);
    assert!(house.feed.snapshot().is_empty());
}

#[test]
fn two_sections_that_reach_one_device_do_not_fight() {
    let mut house = House::in_memory();
    house.read(0, 1000, 4_358_100);
    let mut other = Readings::new(id(), at(1));
    other.push("power", Decimal::integer(7));
    house
        .intake
        .take(1, "there", Report::Device(Box::new(device())));
    house.intake.take(1, "there", Report::Readings(other));
    assert_eq!(house.number("power"), "1000");
}

#[test]
fn a_device_that_was_moved_is_the_other_sections_after_a_while() {
    let mut house = House::in_memory();
    house.take(Report::Health(id(), Health::ONLINE));
    house.read(0, 1000, 4_358_100);
    let mut moved = device();
    moved.name = "Moved".into();
    house.there(Report::Device(Box::new(moved)));
    for minutes in [5, 10, 14] {
        house.read_there(minutes, 7);
        assert_eq!(house.number("power"), "1000");
    }
    house.read_there(15, 8);
    assert_eq!(house.number("power"), "8");
    assert_eq!(house.value("health"), Value::from("online"));
    assert_eq!(house.number("energy_total"), "4358.1");
    assert_eq!(house.feed.get(&id()).unwrap().device.name, "Moved");
    assert_eq!(house.intake.source_of(&id()), Some(1));
    // The former section has nothing to say any more, until the new one has lost the device.
    house.take(Report::Gone(id()));
    house.read(20, 2000, 4_358_200);
    assert_eq!(house.number("power"), "8");
    house.take(Report::Device(Box::new(device())));
    house.there(Report::Health(id(), Health::new(HealthCode::Silent)));
    house.read(25, 2000, 4_358_200);
    assert_eq!(house.number("power"), "2000");
    assert_eq!(house.intake.source_of(&id()), Some(0));
}

#[test]
fn a_section_that_is_read_rarely_keeps_its_device() {
    let mut house = House::in_memory();
    house.there(Report::Device(Box::new(device())));
    for hour in 0..5 {
        house.read(hour * 60, 1000, 4_358_100);
        house.read_there(hour * 60 + 30, 7);
        assert_eq!(house.number("power"), "1000");
    }
}

#[test]
fn a_device_that_its_section_gave_up_is_the_other_ones_at_once() {
    let mut house = House::in_memory();
    house.read(0, 1000, 4_358_100);
    house.there(Report::Device(Box::new(device())));
    let paused = Health::new(HealthCode::Paused);
    house.there(Report::Health(id(), paused.clone()));
    house.take(Report::Gone(id()));
    house.read_there(5, 7);
    assert_eq!(house.number("power"), "7");
    assert_eq!(house.intake.health_of(&id()), Some(&paused));
    assert_eq!(house.number("energy_total"), "4358.1");
}

#[test]
fn two_gateways_that_swap_addresses_keep_both_devices() {
    let mut house = House::in_memory();
    let mut second = device();
    second.id = DeviceId::new("aps_ecu", "2");
    let second_id = second.id.clone();
    house.there(Report::Device(Box::new(second.clone())));
    house.there(Report::Device(Box::new(device())));
    house.take(Report::Device(Box::new(second)));
    for minutes in [5, 10, 15] {
        house.read_there(minutes, 7);
        let mut readings = Readings::new(second_id.clone(), at(minutes));
        readings.push("power", Decimal::integer(9));
        house.take(Report::Readings(readings));
    }
    assert_eq!(house.number("power"), "7");
    assert_eq!(house.intake.source_of(&id()), Some(1));
    assert_eq!(house.intake.source_of(&second_id), Some(0));
}

#[tokio::test]
async fn a_removed_device_is_news() {
    let mut house = House::in_memory();
    house.take(Report::Gone(id()));
    assert!(house.feed.get(&id()).is_none());
    let (hub, _commands) = Hub::new();
    drop(std::mem::replace(&mut house.intake.hub, hub));
    let mut removed = false;
    while let Some(news) = house.feed.next().await {
        removed |= matches!(news, News::Update(Update::Removed(_)));
    }
    assert!(removed);
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

#[test]
fn a_device_of_a_section_with_a_mistake_is_not_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let wait = Duration::from_secs(20);
    let (store, saved) = Store::open(&path);
    let mut house = House::new(store, saved);
    house.take(Report::Device(Box::new(device())));
    // No two programs have one store at the same time.
    house.store.clone().close();
    for (incomplete, left) in [(&["aps_ecu"][..], 1), (&[], 0)] {
        let (store, mut saved) = Store::open(&path);
        let (hub, _commands) = Hub::new();
        let clock = Clock::manual(at(0), TimeZone::UTC);
        let mut intake = Intake::new(hub.clone(), store.clone(), clock, wait, BTreeMap::new());
        intake.restore(&mut saved, incomplete, |_| None);
        assert_eq!(intake.len(), left);
        store.clone().close();
        let (look, saved) = Store::open(&path);
        assert_eq!(saved.devices.len(), left);
        look.close();
        if left == 0 {
            continue;
        }
        // It says why there is nothing of it, and is whoever's that reaches it.
        let known = hub.feed().get(&id()).unwrap();
        assert_eq!(known.state.value("connectivity"), &Value::OnOff(false));
        assert_eq!(
            known.state.health.sentence(),
            "Mistake in the configuration: its section cannot be used. Run `wattbridge check`."
        );
        assert_eq!(intake.source_of(&id()), None);
        intake.take(0, "elsewhere", Report::Device(Box::new(device())));
        intake.take(0, "elsewhere", Report::Health(id(), Health::ONLINE));
        assert_eq!(intake.source_of(&id()), Some(0));
        assert_eq!(intake.health_of(&id()), Some(&Health::ONLINE));
    }
}

/// What happens next to a device and the program that reads it.
#[derive(Debug, Clone)]
enum Event {
    /// A reading after so many seconds; the counter has grown by so many watt-hours.
    Reading(u64, i64),
    /// A reading with a counter that is false.
    Glitch(i64),
    /// The wall clock is set.
    Step(i64),
    /// The disk has done its work.
    Settled,
    /// The program is killed and started again.
    Killed,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => (1_u64..100, 0_i64..100).prop_map(|(pause, gain)| Event::Reading(pause, gain)),
        1 => prop_oneof![Just(0), Just(-5), 1_i64..4_000_000, Just(i64::MAX)].prop_map(Event::Glitch),
        1 => (-40_000_000_i64..40_000_000).prop_map(Event::Step),
        3 => Just(Event::Settled),
        1 => Just(Event::Killed),
    ]
}

/// A program that begins with what was in the file at this moment, in a file of its own: the writer
/// of the one before must not write any more.
fn killed(house: &House, path: &std::path::Path, next: &std::path::Path) -> House {
    let found = Store::look_at(path).1;
    let (store, _) = Store::open(next);
    for (counter, state) in &found.counters {
        store.save_counter(&id(), &counter.key, state);
    }
    store.flush(Duration::from_secs(20));
    let (store, saved) = Store::open(next);
    let mut again = House::new(store, saved);
    // Another program, and the same time.
    again
        .clock
        .step(house.clock.now().duration_since(again.clock.now()));
    again.take(Report::Device(Box::new(device())));
    again
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn no_counter_falls_jumps_or_is_made_up_whatever_happens(
        events in prop::collection::vec(event(), 1..60)
    ) {
        const POWER: i64 = 3600;
        let folder = tempfile::tempdir().unwrap();
        let mut path = folder.path().join("0.db");
        let (store, saved) = Store::open(&path);
        let mut house = House::new(store, saved);
        house.take(Report::Device(Box::new(device())));
        let (mut total, mut passed) = (4_000_000, 0);
        let mut before = [None; 2];
        for (n, event) in events.into_iter().enumerate() {
            let value = match event {
                Event::Reading(pause, gain) => {
                    house.clock.move_to(house.clock.now() + Duration::from_secs(pause));
                    passed += pause;
                    total += gain;
                    Some(total)
                }
                Event::Glitch(value) => Some(value),
                Event::Step(minutes) => {
                    house.clock.step(jiff::SignedDuration::from_mins(minutes));
                    None
                }
                Event::Settled => {
                    house.settle();
                    None
                }
                Event::Killed => {
                    let next = folder.path().join(format!("{}.db", n + 1));
                    house = killed(&house, &path, &next);
                    path = next;
                    prop_assert_eq!(house.value("energy_total"), Value::Unknown);
                    prop_assert_eq!(house.value("energy_computed"), Value::Unknown);
                    None
                }
            };
            if let Some(value) = value {
                let mut readings = Readings::new(id(), house.clock.now());
                readings.push("power", Decimal::integer(POWER));
                readings.push("energy_total", Decimal::from_watt_hours(value));
                house.take(Report::Readings(readings));
            }
            let most = [
                Decimal::from_watt_hours(total).rounded(1),
                Decimal::from_watt_hours(POWER * i64::try_from(passed).unwrap() / 3600),
            ];
            for (index, key) in ["energy_total", "energy_computed"].into_iter().enumerate() {
                let Some(shown) = house.value(key).as_number() else { continue };
                prop_assert!(before[index].is_none_or(|before| shown >= before), "{key}: {shown}");
                prop_assert!(shown <= most[index], "{key}: {shown} of {}", most[index]);
                before[index] = Some(shown);
            }
        }
    }
}
