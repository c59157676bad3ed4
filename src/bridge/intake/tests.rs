use std::time::Duration;

use jiff::tz::TimeZone;

use super::*;
use crate::bridge::{Feed, News};
use crate::model::{OnOff, Quantity, Update};

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
    house.intake.save_counters();
    house.store.flush(Duration::from_secs(10));

    let (store, saved) = Store::open(&path);
    let mut house = House::new(store, saved);
    assert_eq!(house.number("energy_total"), "4358.3");
    assert_eq!(house.number("energy_computed"), "0.25");
    house.read(30, 1000, 0);
    assert_eq!(house.number("energy_total"), "4358.3");
    house.read(30, 1000, 4_358_600);
    assert_eq!(house.number("energy_total"), "4358.6");
    assert_eq!(house.number("energy_computed"), "0.5");
}

#[test]
fn a_killed_program_goes_on_from_what_it_has_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let (store, saved) = Store::open(&path);
    let mut house = House::new(store, saved);
    house.take(Report::Device(Box::new(device())));
    for minutes in [0, 5, 10] {
        house.read(minutes, 3000, 4_358_100 + minutes * 50);
        let told = house.number("energy_computed");
        // Nothing but what has been handed over by then is saved.
        house.store.flush(Duration::from_secs(10));
        let (store, saved) = Store::open(&path);
        let again = House::new(store, saved);
        assert_eq!(again.number("energy_computed"), told, "minute {minutes}");
    }
    assert_eq!(house.number("energy_computed"), "0.5");
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
    assert_eq!(house.number("energy_computed"), "0");
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
    house.store.flush(wait);
    for (incomplete, left) in [(&["aps_ecu"][..], 1), (&[], 0)] {
        let (store, mut saved) = Store::open(&path);
        let (hub, _commands) = Hub::new();
        let clock = Clock::manual(at(0), TimeZone::UTC);
        let mut intake = Intake::new(hub.clone(), store.clone(), clock, wait, BTreeMap::new());
        intake.restore(&mut saved, incomplete, |_| None);
        assert_eq!(intake.len(), left);
        store.flush(wait);
        assert_eq!(Store::open(&path).1.devices.len(), left);
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
