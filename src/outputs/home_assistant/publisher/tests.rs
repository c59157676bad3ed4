//! The rules, one by one.

mod bench;
mod several;
mod story;
mod throttle;

use serde_json::Value;

use super::super::config::HomeAssistantSettings;
use super::super::entry::CONFIG_PAUSE;
use super::*;
use crate::model::HealthCode;
use crate::outputs::mqtt::session::Qos;

use bench::{Bench, json, known, meter, short};

const EVERYTHING: [&str; 3] = ["1/config", "1/state", "1/availability online"];
const CLEARED: [&str; 3] = [
    "1/config cleared",
    "1/availability cleared",
    "1/state cleared",
];

fn config(id: &str) -> String {
    format!("homeassistant/device/{id}/config")
}

#[test]
fn a_connection_announces_everything_parents_first() {
    let mut bench = Bench::new();
    let mut child = Arc::unwrap_or_clone(meter("1").device);
    child.via = Some(DeviceId::new("smart_meter", "9"));
    let child = Known {
        device: Arc::new(child),
        ..meter("1")
    };
    bench.connect(vec![known("9", &["power"], HealthCode::Silent), child]);
    assert_eq!(bench.drain(), []);
    let messages = bench.advance(Duration::from_millis(100));
    assert_eq!(
        short(&messages),
        [
            "9/config",
            "9/availability offline",
            "9/state",
            "1/config",
            "1/state",
            "1/availability online"
        ]
    );
    for message in &messages {
        assert!(message.retain, "{message:?}");
        let is_state = message.topic.ends_with("/state");
        assert_eq!(message.qos == Qos::AtMostOnce, is_state);
    }
}

#[test]
fn nothing_is_published_without_a_connection() {
    let mut bench = Bench::new();
    bench.put(&meter("1"));
    assert_eq!(bench.publisher.next(), None);
    assert_eq!(bench.advance(Duration::from_secs(3600)), []);
    bench.connect(vec![meter("1")]);
    bench.publisher.disconnected();
    assert_eq!(bench.advance(Duration::from_secs(3600)), []);
}

#[test]
fn what_the_broker_kept_is_not_announced_again() {
    let mut bench = Bench::new();
    bench.connect(vec![meter("1")]);
    let payload = bench.payload(&meter("1"));
    bench.receive("homeassistant/device/smart_meter_1/config", payload, true);
    let messages = bench.advance(Duration::from_secs(6));
    assert_eq!(short(&messages), EVERYTHING[1..]);
}

#[test]
fn a_broker_that_lost_everything_gets_everything() {
    let mut bench = Bench::connected(vec![meter("1")]);
    bench.publisher.disconnected();
    bench.now += Duration::from_secs(60);
    bench.connect(vec![meter("1")]);
    assert_eq!(short(&bench.advance(Duration::from_secs(6))), EVERYTHING);
}

#[test]
fn a_new_device_is_announced_at_once() {
    let mut bench = Bench::connected(vec![]);
    bench.put(&meter("1"));
    let messages = bench.drain();
    assert_eq!(short(&messages)[..3], EVERYTHING);
}

#[test]
fn availability_follows_health_and_old_values_never_shine_up() {
    let mut bench = Bench::connected(vec![meter("1")]);
    let mut tell = |code| {
        bench
            .publisher
            .state(known("1", &["power"], code).state, bench.now);
        short(&bench.drain())
    };
    assert_eq!(tell(HealthCode::Retrying), ["1/state"]);
    assert_eq!(
        tell(HealthCode::Unreachable),
        ["1/availability offline", "1/state"]
    );
    assert_eq!(tell(HealthCode::Unreachable), [""; 0], "nothing is new");
    assert_eq!(
        tell(HealthCode::Online),
        ["1/state", "1/availability online"]
    );
}

#[test]
fn a_heartbeat_keeps_values_alive_where_there_are_any() {
    let silent = known("2", &["power"], HealthCode::Silent);
    let mut bench = Bench::connected(vec![meter("1"), silent]);
    let messages = bench.advance(Duration::from_secs(601));
    assert_eq!(short(&messages), ["1/state", "1/state"]);
    // Any other state resets the clock; the same once more says nothing new.
    bench.now += Duration::from_secs(200);
    let same = meter("1").state;
    bench.publisher.state(Arc::clone(&same), bench.now);
    assert_eq!(bench.drain(), []);
    let at = Some(jiff::Timestamp::UNIX_EPOCH);
    let later = DeviceState {
        at,
        ..(*same).clone()
    };
    bench.publisher.state(Arc::new(later), bench.now);
    assert_eq!(short(&bench.drain()), ["1/state"]);
    assert_eq!(bench.advance(Duration::from_secs(299)), []);
}

#[test]
fn a_birth_message_brings_everything_again_but_rarely() {
    let mut bench = Bench::connected(vec![meter("1")]);
    bench.birth();
    assert_eq!(
        bench.advance(Duration::from_secs(60)),
        [],
        "so soon after connecting"
    );
    bench.receive("homeassistant/status", "offline", false);
    bench.receive("homeassistant/status", "online", true);
    assert_eq!(bench.advance(Duration::from_secs(10)), []);

    bench.birth();
    bench.birth();
    assert_eq!(
        bench.advance(Duration::from_millis(900)),
        [],
        "not before the jitter"
    );
    assert_eq!(
        short(&bench.advance(Duration::from_millis(200))),
        EVERYTHING
    );
    bench.birth();
    assert_eq!(
        bench.advance(Duration::from_secs(8)),
        [],
        "twice in ten seconds"
    );
    assert_eq!(short(&bench.advance(Duration::from_secs(3))), EVERYTHING);
}

#[test]
fn changes_of_a_device_are_gathered() {
    let mut bench = Bench::connected(vec![meter("1")]);
    bench.now += Duration::from_secs(60);
    for keys in [&["power", "a"][..], &["power", "a", "b"]] {
        bench
            .publisher
            .device(known("1", keys, HealthCode::Online), bench.now);
        assert_eq!(bench.advance(Duration::from_millis(900)), []);
    }
    let messages = bench.advance(Duration::from_secs(5));
    assert_eq!(short(&messages), ["1/config"]);
    assert_eq!(
        json(&messages[0])["components"].as_object().unwrap().len(),
        3
    );
}

#[test]
fn an_entity_that_vanished_is_removed_before_it_is_left_out() {
    let mut bench = Bench::connected(vec![known("1", &["power", "a"], HealthCode::Online)]);
    bench.now += Duration::from_secs(60);
    bench.publisher.device(meter("1"), bench.now);
    bench.publisher.state(meter("1").state, bench.now);
    // Home Assistant still looks for it.
    assert_eq!(json(&bench.drain()[0])["a"], Value::Null);
    let messages = bench.advance(CONFIG_PAUSE);
    assert_eq!(short(&messages), ["1/config"]);
    assert_eq!(
        json(&messages[0])["components"]["a"],
        serde_json::json!({ "platform": "sensor" })
    );
    assert_eq!(bench.advance(Duration::from_secs(1)), []);
    let messages = bench.advance(Duration::from_secs(2));
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0].payload, bench.payload(&meter("1")));
    assert_eq!(bench.advance(Duration::from_secs(60)), []);
}

#[test]
fn an_entity_of_an_earlier_run_is_removed_too() {
    let before = known("1", &["power", "a"], HealthCode::Online);
    for delay in [0, 500] {
        let mut bench = Bench::new();
        bench.connect(vec![meter("1")]);
        let mut messages = bench.advance(Duration::from_millis(delay));
        let payload = bench.payload(&before);
        bench.receive("homeassistant/device/smart_meter_1/config", payload, true);
        messages.extend(bench.advance(Duration::from_secs(10)));
        messages.retain(|message| message.topic.ends_with("/config"));
        let [.., removal, last] = &messages[..] else {
            panic!("{messages:?}");
        };
        assert_eq!(
            json(removal)["components"]["a"],
            serde_json::json!({ "platform": "sensor" })
        );
        assert_eq!(last.payload, bench.payload(&meter("1")));
    }
}

#[test]
fn a_removed_device_is_cleared() {
    let mut bench = Bench::connected(vec![meter("1")]);
    bench.publisher.removed(&DeviceId::new("smart_meter", "1"));
    let messages = bench.drain();
    assert_eq!(short(&messages), CLEARED);
    assert!(messages.iter().all(|message| message.retain));
    assert_eq!(bench.advance(Duration::from_secs(3600)), []);
}

#[test]
fn missed_news_are_made_up_for() {
    let mut bench = Bench::connected(vec![meter("1"), meter("2")]);
    bench.now += Duration::from_secs(60);
    bench
        .publisher
        .sync(vec![meter("2"), meter("3")], bench.now);
    let mut expected: Vec<String> = CLEARED.map(String::from).to_vec();
    expected.extend(EVERYTHING.map(|word| word.replace('1', "3")));
    expected.extend(["2/state".to_owned(), "3/state".to_owned()]);
    assert_eq!(short(&bench.drain()), expected);
}

#[test]
fn orphans_go_when_they_are_surely_orphans() {
    let mut bench = Bench::connected(vec![]);
    let orphan = bench.payload(&meter("1"));
    bench.receive(
        "homeassistant/device/smart_meter_1/config",
        orphan.clone(),
        true,
    );
    bench.receive("homeassistant/device/smart_meter_2/config", orphan, true);
    assert_eq!(bench.advance(Duration::from_secs(60)), [], "not settled");
    // The second one turns up late: it is no orphan.
    bench.put(&meter("2"));
    bench.drain();
    bench.orphans = |_| true;
    assert_eq!(short(&bench.advance(Duration::from_secs(6))), CLEARED);
    assert_eq!(bench.advance(Duration::from_secs(60)), []);
}

#[test]
fn nothing_is_cleared_while_reading_back() {
    let mut bench = Bench::new();
    bench.orphans = |_| true;
    bench.connect(vec![]);
    let orphan = bench.payload(&meter("1"));
    bench.receive("homeassistant/device/smart_meter_1/config", orphan, true);
    assert_eq!(bench.advance(Duration::from_millis(4900)), []);
    assert_eq!(short(&bench.advance(Duration::from_millis(200))), CLEARED);
}

#[test]
fn what_others_announced_is_never_touched() {
    let mut bench = Bench::connected(vec![]);
    bench.orphans = |_| true;
    let ours = String::from_utf8(bench.payload(&meter("1"))).unwrap();
    for (topic, payload) in [
        (
            "homeassistant/device/smart_meter_1/config",
            ours.replace("\"wattbridge\"", "\"other\""),
        ),
        (
            "homeassistant/device/smart_meter_2/config",
            ours.replace("wattbridge/b2c3d4/status", "w2/status"),
        ),
        ("homeassistant/device/a/b/config", ours.clone()),
        ("homeassistant/sensor/smart_meter_1/config", ours.clone()),
        ("homeassistant/device/smart_meter_3/config", String::new()),
    ] {
        bench.receive(topic, payload, true);
    }
    // Not kept by the broker: an echo of our own.
    bench.receive("homeassistant/device/smart_meter_1/config", ours, false);
    assert_eq!(bench.advance(Duration::from_secs(60)), []);
}

/// The announcement of a meter by another bridge.
fn by_another(id: &str, bridge: &str, availability: &str) -> String {
    serde_json::json!({
        "origin": { "name": "wattbridge" },
        "availability": [
            { "topic": format!("wattbridge/{bridge}/status") },
            { "topic": availability.replace("ID", id) },
        ],
        "components": { "power": { "platform": "sensor" } },
        "padding": "x".repeat(10_000),
    })
    .to_string()
}

#[test]
fn of_what_others_announce_little_is_remembered_kept_or_not() {
    let mut bench = Bench::connected(vec![]);
    for n in 0..500 {
        let id = format!("smart_meter_{n}");
        let payload = by_another(&id, "c3d4e5", "wattbridge/ID/availability");
        bench.receive(&config(&id), payload, n % 2 == 0);
    }
    let orphans = &bench.publisher.orphans;
    assert_eq!(orphans.iter().count(), 500);
    let bytes: usize = orphans.iter().map(|(_, it)| it.weight()).sum();
    assert!(bytes < 500 * 200, "{bytes}");
}

#[test]
fn nobody_makes_it_listen_to_more_than_another_bridge() {
    let mut bench = Bench::connected(vec![meter("1")]);
    for wild in ["#", "+/ID/availability", "wattbridge/+/availability"] {
        bench.receive(
            &config("smart_meter_1"),
            by_another("smart_meter_1", "c3d4e5", wild),
            false,
        );
        bench.drain();
    }
    assert_eq!(bench.listened, ["wattbridge/c3d4e5/status"]);
    bench.receive(
        &config("smart_meter_1"),
        by_another("smart_meter_1", "#", "wattbridge/ID/availability"),
        false,
    );
    for n in 0..200 {
        let bridge = format!("x{n}");
        let payload = by_another("smart_meter_1", &bridge, "wattbridge/ID/availability");
        bench.receive(&config("smart_meter_1"), payload, false);
    }
    bench.drain();
    assert!(
        bench.listened.len() < 2 * MOST_BRIDGES,
        "{}",
        bench.listened.len()
    );
    assert!(bench.listened.iter().all(|it| !it.contains(['#', '+'])));
}

#[test]
fn unretained_states_are_repeated_when_home_assistant_listens() {
    let settings = HomeAssistantSettings {
        retain_states: false,
        ..HomeAssistantSettings::default()
    };
    let mut bench = Bench::with(settings);
    bench.connect(vec![known("1", &["power"], HealthCode::Silent)]);
    let messages = bench.advance(Duration::from_secs(60));
    assert_eq!(
        short(&messages),
        ["1/config", "1/availability offline", "1/state", "1/state"]
    );
    assert!(!messages[2].retain && messages[0].retain);
}

#[test]
fn a_broker_that_was_too_slow_gets_everything_later() {
    let mut bench = Bench::connected(vec![meter("1")]);
    bench.publisher.stumbled(bench.now);
    assert_eq!(bench.advance(Duration::from_secs(29)), []);
    assert_eq!(short(&bench.advance(Duration::from_secs(2))), EVERYTHING);
}
