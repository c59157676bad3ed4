//! When a message is sent, and what stands in it over a day.

use std::time::Duration;

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use tokio::time::Instant;

use super::inverters::{EcuInverters, SETTLE};
use super::seed::{SeenCounters, look_back};
use super::*;
use crate::bridge::Known;
use crate::history::{History, HistorySettings};
use crate::model::{Decimal, Device, DeviceState, Health, HealthCode, Metric, Quantity, Value};

fn section(toml: &str) -> EcuJsonSettings {
    let file = File::parse(&format!("[[ecu_json]]\n{toml}"), "test.toml").unwrap();
    let section = file.sections(NAME).remove(0);
    section
        .read()
        .unwrap_or_else(|problems| panic!("{problems}"))
}

fn format_1() -> EcuJsonSettings {
    section(
        "format = 1\ntopic = \"domoticz/in\"\ninverters = { \"802000000011\" = { idx = 901, number = 0 } }",
    )
}

fn device(adapter: &'static str) -> Device {
    let mut device = Device::new(adapter, "802000000011", "Inverter", "Nobody");
    device.metrics = vec![
        Metric::measurement("power", Quantity::Power),
        Metric::lifetime("energy_computed", Quantity::Energy).decimals(2),
        Metric::measurement("panel_1_power", Quantity::Power),
        Metric::measurement("panel_2_power", Quantity::Power),
    ];
    device
}

fn state(device: &Device, at: &str, power: i64, energy: &str, health: HealthCode) -> Known {
    let energy: Decimal = energy.parse().unwrap();
    let values = [
        ("power".into(), Decimal::integer(power).into()),
        ("energy_computed".into(), Value::from(energy)),
    ];
    let state = DeviceState {
        device: device.id.clone(),
        at: Some(at.parse().unwrap()),
        values: values.into(),
        health: Health::new(health),
        era: 0,
        held: Default::default(),
    };
    Known {
        device: Arc::new(device.clone()),
        state: Arc::new(state),
    }
}

const DAY: Date = date(2026, 6, 15);

struct Bench {
    inverters: EcuInverters,
    now: Instant,
}

impl Bench {
    fn new(settings: EcuJsonSettings) -> Self {
        Self {
            inverters: EcuInverters::new(settings, DAY),
            now: Instant::now(),
        }
    }

    /// A state is heard, by a history that knows nothing of the device; the payloads that follow.
    fn hear(&mut self, known: &Known, day: Date) -> Vec<String> {
        if self.inverters.is_new(&known.device) {
            let keys = ["energy_computed"].map(|key| (key.to_owned(), Default::default()));
            self.inverters.meet(known, &SeenCounters::from(keys));
        }
        self.inverters.hear(known, Some(day), self.now);
        assert_eq!(self.inverters.due(day, self.now), [], "not settled yet");
        self.settle(day)
    }

    fn settle(&mut self, day: Date) -> Vec<String> {
        self.now += SETTLE;
        let due = self.inverters.due(day, self.now).into_iter();
        due.map(|message| message.payload).collect()
    }
}

fn svalue(words: &str) -> Vec<String> {
    vec![format!(
        "{{\"idx\":901,\"nvalue\":0,\"svalue\":\"{words}\"}}"
    )]
}

#[test]
fn one_message_an_answer_and_one_at_nightfall_and_at_midnight() {
    let ecu = device("aps_ecu");
    let mut bench = Bench::new(format_1());
    let online = HealthCode::Online;
    let first = state(&ecu, "2026-06-15T10:00:00Z", 100, "5.00", online);
    assert_eq!(bench.hear(&first, DAY), svalue("100.0;0.00"));
    // The same answer again, and a fault that passes.
    assert_eq!(bench.hear(&first, DAY), [""; 0]);
    let retrying = state(
        &ecu,
        "2026-06-15T10:00:00Z",
        100,
        "5.00",
        HealthCode::Retrying,
    );
    assert_eq!(bench.hear(&retrying, DAY), [""; 0]);
    // A counter that follows its answer is in the one message.
    let second = state(&ecu, "2026-06-15T10:05:00Z", 120, "5.00", online);
    bench.inverters.hear(&second, Some(DAY), bench.now);
    bench.now += Duration::from_secs(1);
    let saved = state(&ecu, "2026-06-15T10:05:00Z", 120, "5.01", online);
    bench.inverters.hear(&saved, Some(DAY), bench.now);
    bench.now += Duration::from_secs(1);
    let due = bench.inverters.due(DAY, bench.now);
    assert_eq!(due.len(), 1);
    assert_eq!(due[0].payload, svalue("120.0;10.00")[0]);
    assert!(!due[0].retain && due[0].topic == "domoticz/in");
    // Nightfall, once; the last power stays in the state.
    let night = state(&ecu, "2026-06-15T20:00:00Z", 3, "5.50", HealthCode::Asleep);
    assert_eq!(bench.hear(&night, DAY), svalue("0.0;500.00"));
    let still = state(&ecu, "2026-06-15T20:30:00Z", 3, "5.50", HealthCode::Asleep);
    assert_eq!(bench.hear(&still, DAY), [""; 0]);
    // Midnight, once.
    let tomorrow = date(2026, 6, 16);
    assert_eq!(bench.settle(tomorrow), svalue("0.0;0.00"));
    assert_eq!(bench.settle(tomorrow), [""; 0]);
    let morning = state(&ecu, "2026-06-16T05:00:00Z", 20, "5.52", online);
    assert_eq!(bench.hear(&morning, tomorrow), svalue("20.0;20.00"));
}

#[test]
fn what_is_not_known_is_not_said() {
    let ecu = device("aps_ecu");
    let mut bench = Bench::new(format_1());
    let mut known = state(
        &ecu,
        "2026-06-15T10:00:00Z",
        100,
        "5.00",
        HealthCode::Online,
    );
    let without = Arc::make_mut(&mut known.state);
    without.values.insert("power".into(), Value::Unknown);
    assert_eq!(bench.hear(&known, DAY), [""; 0]);
    let gone = state(
        &ecu,
        "2026-06-15T10:05:00Z",
        100,
        "5.00",
        HealthCode::OutOfContact,
    );
    assert_eq!(bench.hear(&gone, DAY), [""; 0]);
}

#[test]
fn a_total_is_told_where_it_is_asked_for() {
    let ecu = device("aps_ecu");
    let settings = EcuJsonSettings {
        energy: EcuEnergy::Total,
        ..format_1()
    };
    let mut bench = Bench::new(settings);
    let known = state(
        &ecu,
        "2026-06-15T10:00:00Z",
        100,
        "5.01",
        HealthCode::Online,
    );
    assert_eq!(bench.hear(&known, DAY), svalue("100.0;5010.00"));
}

#[test]
fn one_device_a_serial_number() {
    let (ecu, stick) = (device("aps_ecu"), device("aps_zigbee"));
    let mut bench = Bench::new(format_1());
    let online = HealthCode::Online;
    let of = |device: &Device, power| state(device, "2026-06-15T10:00:00Z", power, "5", online);
    assert_eq!(bench.hear(&of(&stick, 1), DAY).len(), 1);
    assert_eq!(bench.hear(&of(&ecu, 2), DAY).len(), 1);
    assert_eq!(bench.hear(&of(&stick, 3), DAY), [""; 0]);
    bench.inverters.forget(&ecu.id);
    assert_eq!(bench.hear(&of(&stick, 4), DAY).len(), 1);
}

#[tokio::test]
async fn a_restart_asks_the_history() {
    let history = History::in_memory(TimeZone::UTC);
    let ecu = device("aps_ecu");
    let today = jiff::Timestamp::now().to_zoned(TimeZone::UTC).date();
    // Nobody has heard of the device.
    let seen = look_back(&history.reader(), &ecu, today).await.unwrap();
    assert_eq!(seen.len(), 1);
    // Without a history there is no memory.
    let none = look_back(&History::off().reader(), &ecu, today).await;
    assert!(none.is_err());
    let mut inverters = EcuInverters::new(format_1(), today);
    let known = state(
        &ecu,
        "2026-06-15T10:00:00Z",
        100,
        "5.00",
        HealthCode::Online,
    );
    inverters.meet(&known, &SeenCounters::new());
    let now = Instant::now();
    inverters.hear(&known, Some(today), now);
    assert_eq!(inverters.due(today, now + SETTLE), []);
}

#[tokio::test]
async fn a_day_goes_on_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.db");
    let history = History::open_stepped(&path, &HistorySettings::default(), TimeZone::UTC);
    let ecu = device("aps_ecu");
    history.describe(&Arc::new(ecu.clone()));
    for (at, energy) in [
        ("2026-06-14T19:58:00Z", "4.90"),
        ("2026-06-15T09:58:00Z", "5.00"),
    ] {
        let at: jiff::Timestamp = at.parse().unwrap();
        let energy: Decimal = energy.parse().unwrap();
        history.record(&ecu.id, at, None, [("energy_computed", energy.into())]);
        history.tick(at + jiff::SignedDuration::from_mins(10));
    }
    history.flush(Duration::from_secs(30));
    let seen = look_back(&history.reader(), &ecu, DAY).await.unwrap();
    let mut inverters = EcuInverters::new(format_1(), DAY);
    let known = state(
        &ecu,
        "2026-06-15T10:05:00Z",
        100,
        "5.02",
        HealthCode::Online,
    );
    inverters.meet(&known, &seen);
    let now = Instant::now();
    inverters.hear(&known, Some(DAY), now);
    let due = inverters.due(DAY, now + SETTLE);
    assert_eq!(due[0].payload, svalue("100.0;120.00")[0]);
    // Panels have counters of their own, of which the history keeps none: they are not known.
    assert_eq!(seen.keys().collect::<Vec<_>>(), ["energy_computed"]);
    history.close();
}

#[test]
fn sections_that_cannot_work_are_refused_with_words() {
    let all = "inverters = { \"1\" = { idx = 1 } }";
    for (toml, words) in [
        (format!("format = 6\ntopic = \"a\"\n{all}"), "format"),
        (format!("format = 1\n{all}"), "topic"),
        (format!("topic = \"a/#\"\n{all}"), "published"),
        ("topic = \"a\"".to_owned(), "no inverter"),
        (
            "topic = \"a\"\ninverters = { \"1\" = { idx = 1 }, \"2\" = { idx = 1 } }".to_owned(),
            "same idx",
        ),
        (format!("topic = \"a\"\nenergy = \"ever\"\n{all}"), "energy"),
    ] {
        let file = File::parse(&format!("[[ecu_json]]\n{toml}\n"), "test.toml").unwrap();
        let told = OUTPUT.configure(&file).unwrap_err().to_string();
        assert!(told.contains(words), "{toml}: {told}");
    }
}

/// What is retained must not go on saying that it is delivering.
#[test]
fn who_is_lost_by_day_is_told_once_and_not_at_midnight() {
    let ecu = device("aps_ecu");
    let settings = EcuJsonSettings {
        format: 3,
        topic: "ecu/".to_owned(),
        ..format_1()
    };
    let mut bench = Bench::new(settings);
    let first = state(
        &ecu,
        "2026-06-15T10:00:00Z",
        100,
        "5.00",
        HealthCode::Online,
    );
    let said = bench.hear(&first, DAY);
    assert!(said[0].contains("\"polled\":1") && said[0].contains("\"pwr_total\":100.00"));
    let lost = state(
        &ecu,
        "2026-06-15T10:00:00Z",
        100,
        "5.00",
        HealthCode::OutOfContact,
    );
    let said = bench.hear(&lost, DAY);
    assert!(
        said[0].contains("\"polled\":0") && said[0].contains("\"pwr_total\":null"),
        "{said:?}"
    );
    assert_eq!(bench.hear(&lost, DAY), [""; 0]);
    assert_eq!(bench.settle(date(2026, 6, 16)), [""; 0]);
}
