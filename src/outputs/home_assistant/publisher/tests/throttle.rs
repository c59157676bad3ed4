//! A source that speaks each second.

use serde_json::json;

use super::bench::{Bench, json as read, short};
use super::*;
use crate::model::{Decimal, Device, Health, Metric, Quantity};

const SECOND: Duration = Duration::from_secs(1);

/// A meter at a moment, with power and a voltage in tenths of a volt.
fn meter_at(second: i64, power: i64, voltage: i64) -> Known {
    let mut device = Device::new("smart_meter", "1", "Meter 1", "Kaifa");
    device.metrics = vec![
        Metric::measurement("power", Quantity::Power),
        Metric::measurement("voltage", Quantity::Voltage).decimals(1),
    ];
    let values = [
        ("power".into(), Decimal::integer(power).into()),
        ("voltage".into(), Decimal::new(voltage, 1).into()),
    ];
    let state = DeviceState {
        device: device.id.clone(),
        at: Some(jiff::Timestamp::from_second(second).unwrap()),
        values: values.into(),
        health: Health::new(HealthCode::Online),
        era: 0,
        held: Default::default(),
    };
    Known {
        device: Arc::new(device),
        state: Arc::new(state),
    }
}

/// One second later: what is published when the meter says this.
fn next(bench: &mut Bench, known: &Known) -> Vec<Message> {
    let mut published = bench.advance(SECOND);
    bench.publisher.state(Arc::clone(&known.state), bench.now);
    published.extend(bench.drain());
    published
}

fn shown(message: &Message) -> (Value, Value) {
    let state = read(message);
    (state["power"].clone(), state["voltage"].clone())
}

#[test]
fn a_value_that_waits_stays_what_it_was_in_every_message() {
    let mut bench = Bench::connected(vec![meter_at(0, 100, 2300)]);
    for second in 1..30 {
        let power = 100 + second + second % 2 * 900;
        let messages = next(&mut bench, &meter_at(second, power, 2300 + second % 7));
        let [message] = &messages[..] else {
            panic!("{messages:?}");
        };
        assert_eq!(shown(message), (json!(power), json!(230)));
    }
    // Nothing more is said, and the last one goes out all the same.
    let messages = bench.advance(SECOND * 2);
    assert_eq!(short(&messages), ["1/state"]);
    assert_eq!(shown(&messages[0]), (json!(1029), json!(230.1)));
}

#[test]
fn values_that_are_only_confirmed_are_so_once_a_minute() {
    let mut bench = Bench::connected(vec![meter_at(0, 100, 2300)]);
    let mut published = Vec::new();
    for second in 1..=600 {
        published.extend(next(&mut bench, &meter_at(second, 100, 2300)));
    }
    assert!((9..=10).contains(&published.len()), "{}", published.len());
    // And the last time, when nothing more comes.
    let last = bench.advance(SECOND * 61);
    assert_eq!(short(&last), ["1/state"]);
    assert_eq!(read(&last[0])["ts"], "1970-01-01T00:10:00+00:00");
}

#[test]
fn an_announcement_has_everything() {
    let mut bench = Bench::connected(vec![meter_at(0, 100, 2300)]);
    bench.now += SECOND * 60;
    next(&mut bench, &meter_at(61, 100, 2301));
    let waits = next(&mut bench, &meter_at(62, 100, 2302));
    assert_eq!(short(&waits), [""; 0]);
    let voltage = |messages: &[Message]| {
        let mut states = messages.iter().filter(|m| m.topic.ends_with("/state"));
        shown(states.next().unwrap()).1
    };
    bench.birth();
    let messages = bench.advance(SECOND * 2);
    assert_eq!(voltage(&messages), json!(230.2));
    bench
        .publisher
        .state(meter_at(63, 100, 2303).state, bench.now);
    bench.publisher.disconnected();
    bench.connect(vec![meter_at(63, 100, 2303)]);
    let messages = bench.advance(SECOND);
    assert_eq!(voltage(&messages), json!(230.3));
}

#[test]
fn a_heartbeat_does_not_hurry_anything() {
    let settings = HomeAssistantSettings {
        pace: toml::from_str("power = { every = \"1h\" }").unwrap(),
        ..HomeAssistantSettings::default()
    };
    let mut bench = Bench::with(settings);
    bench.connect(vec![meter_at(0, 100, 2300)]);
    bench.advance(SECOND);
    bench
        .publisher
        .state(meter_at(1, 200, 2300).state, bench.now);
    let messages = bench.advance(SECOND * 3500);
    assert!(messages.len() >= 11, "{}", messages.len());
    let power: Vec<_> = messages.iter().map(|message| shown(message).0).collect();
    assert_eq!(power, vec![json!(100); messages.len()]);
    let messages = bench.advance(SECOND * 100);
    assert_eq!(shown(&messages[0]).0, json!(200));
}
