//! The Home Assistant output against a real Mosquitto.

mod support;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};
use wattbridge::bridge::{Feed, Hub, PendingCommand};
use wattbridge::model::{
    CommandOutcome, Control, ControlKind, Decimal, Device, DeviceState, Health, HealthCode, Metric,
    OnOff, Quantity, Value,
};
use wattbridge::outputs::OutputError;
use wattbridge::outputs::home_assistant::session::{
    Event, Incoming, Message, Qos, Session, Settings,
};
use wattbridge::outputs::home_assistant::{HomeAssistantSettings, MqttSettings, preview, run};

use support::mosquitto::{Mosquitto, Setup};

const DEADLINE: Duration = Duration::from_secs(30);
const CONFIG: &str = "homeassistant/device/kaifa_1/config";

fn mqtt(port: u16) -> MqttSettings {
    MqttSettings {
        port: Some(port),
        ..MqttSettings::default()
    }
}

fn meter(serial: &str) -> Device {
    let mut device = Device::new("kaifa", serial, format!("Meter {serial}"), "Kaifa");
    device.metrics = vec![
        Metric::measurement("power", Quantity::Power),
        Metric::lifetime("energy_import", Quantity::Energy).decimals(3),
        Metric::on_off("relay", OnOff::Plain),
    ];
    device.controls = vec![Control {
        key: "relay".into(),
        name: "Relay".into(),
        kind: ControlKind::Switch,
    }];
    device
}

fn state(device: &Device, power: i64, code: HealthCode) -> Arc<DeviceState> {
    let values = [
        (Cow::Borrowed("power"), Value::from(Decimal::integer(power))),
        (
            "energy_import".into(),
            Decimal::from_watt_hours(12_345_678).into(),
        ),
    ];
    Arc::new(DeviceState {
        device: device.id.clone(),
        at: Some("2026-03-01T12:00:00Z".parse().unwrap()),
        values: values.into(),
        health: Health::new(code),
    })
}

/// A hub with the output at work.
struct Bridge {
    hub: Hub,
    commands: mpsc::Receiver<PendingCommand>,
    stop: CancellationToken,
    output: JoinHandle<Result<(), OutputError>>,
}

impl Bridge {
    fn start(port: u16, fill: impl FnOnce(&Hub)) -> Self {
        let (hub, commands) = Hub::new();
        fill(&hub);
        let stop = CancellationToken::new();
        let feed: Feed = hub.feed();
        let settings = HomeAssistantSettings::default();
        let output = tokio::spawn(run(mqtt(port), settings, feed, stop.clone()));
        Self {
            hub,
            commands,
            stop,
            output,
        }
    }

    fn put(&self, device: Device) {
        put(&self.hub, device);
    }
}

fn put(hub: &Hub, device: Device) {
    let state = state(&device, 100, HealthCode::Online);
    hub.put_device(Arc::new(device), state);
}

/// Somebody else on the broker, who sees everything.
struct Watcher {
    session: Session,
    events: mpsc::Receiver<Event>,
    _stop: DropGuard,
}

impl Watcher {
    async fn connect(port: u16, name: &str) -> Self {
        let stop = CancellationToken::new();
        let mut settings: Settings = mqtt(port).connection().unwrap();
        (settings.client_id, settings.will) = (name.to_owned(), None);
        let (session, events) = Session::start(settings, stop.clone());
        let mut watcher = Self {
            session,
            events,
            _stop: stop.drop_guard(),
        };
        watcher.subscribed().await;
        watcher
    }

    /// Waits for a connection and subscribes.
    async fn subscribed(&mut self) {
        let connected = async { while self.events.recv().await != Some(Event::Connected) {} };
        timeout(DEADLINE, connected).await.expect("no connection");
        self.session.subscribe(&["#"]).await.unwrap();
    }

    async fn publish(&self, topic: &str, payload: impl Into<Vec<u8>>, retain: bool) {
        let message = Message {
            topic: topic.to_owned(),
            payload: payload.into(),
            qos: Qos::AtLeastOnce,
            retain,
            expiry: None,
        };
        self.session.publish(message).await.unwrap();
    }

    /// The next message that is `wanted`, and the topics of all before it.
    async fn until(&mut self, wanted: impl Fn(&Incoming) -> bool) -> (Incoming, Vec<String>) {
        let mut passed = Vec::new();
        let search = async {
            loop {
                match self.events.recv().await.expect("the session has ended") {
                    Event::Received(message) if wanted(&message) => return message,
                    Event::Received(message) => passed.push(message.topic),
                    Event::Connected | Event::Disconnected(_) => {}
                }
            }
        };
        let found = timeout(DEADLINE, search).await;
        (
            found.unwrap_or_else(|_| panic!("not among {passed:?}")),
            passed,
        )
    }

    async fn until_text(&mut self, topic: &str, text: &str) -> Vec<String> {
        let wanted = |m: &Incoming| m.topic == topic && m.payload == text.as_bytes();
        self.until(wanted).await.1
    }
}

/// What the broker has kept by now.
async fn kept(port: u16) -> BTreeMap<String, Vec<u8>> {
    let mut watcher = Watcher::connect(port, "kept").await;
    watcher.publish("fence", "", false).await;
    let mut kept = BTreeMap::new();
    loop {
        let (message, _) = watcher.until(|_| true).await;
        if message.topic == "fence" {
            return kept;
        }
        if message.retain {
            kept.insert(message.topic, message.payload);
        }
    }
}

fn read(payload: &[u8]) -> Json {
    serde_json::from_slice(payload).unwrap()
}

fn everything_about(id: &str) -> BTreeSet<String> {
    [
        format!("homeassistant/device/{id}/config"),
        format!("wattbridge/{id}/availability"),
        format!("wattbridge/{id}/state"),
    ]
    .into()
}

fn topics(kept: &BTreeMap<String, Vec<u8>>) -> BTreeSet<String> {
    kept.keys().cloned().collect()
}

#[tokio::test]
async fn devices_are_announced_and_kept() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let mut watcher = Watcher::connect(broker.port(), "watcher").await;
    let mut child = meter("1");
    child.via = Some(meter("9").id);
    let started = Instant::now();
    let bridge = Bridge::start(broker.port(), |hub| {
        put(hub, child);
        put(hub, meter("9"));
    });
    let (_, before) = watcher.until(|m| m.topic.ends_with("/config")).await;
    eprintln!("first announcement after {:?}", started.elapsed());
    assert_eq!(before, ["wattbridge/status"]);
    watcher.until(|m| m.topic == CONFIG).await;
    watcher
        .until_text("wattbridge/kaifa_1/availability", "online")
        .await;

    // A new value follows at once, and the state of the device.
    let device = meter("1");
    bridge
        .hub
        .put_state(state(&device, 250, HealthCode::Online));
    let (message, _) = watcher
        .until(|m| m.topic == "wattbridge/kaifa_1/state")
        .await;
    assert_eq!(
        read(&message.payload),
        json!({
            "ts": "2026-03-01T12:00:00+00:00",
            "health": "online",
            "power": 250,
            "energy_import": 12345.678,
            "relay": null
        })
    );
    bridge
        .hub
        .put_state(state(&device, 250, HealthCode::Silent));
    watcher
        .until_text("wattbridge/kaifa_1/availability", "offline")
        .await;

    let kept = kept(broker.port()).await;
    let mut expected = everything_about("kaifa_1");
    expected.extend(everything_about("kaifa_9"));
    expected.insert("wattbridge/status".to_owned());
    assert_eq!(topics(&kept), expected);
    assert_eq!(kept["wattbridge/status"], b"online");
    let mut device = meter("9");
    device.via = None;
    let announced = preview(&[device], &mqtt(1883), &HomeAssistantSettings::default());
    assert_eq!(read(&kept[&announced[0].0]), announced[0].1);

    // A device that is gone leaves nothing behind.
    bridge.hub.remove(&meter("1").id);
    watcher.until_text("wattbridge/kaifa_1/state", "").await;
    let kept = self::kept(broker.port()).await;
    assert!(
        kept.keys().all(|topic| !topic.contains("kaifa_1")),
        "{:?}",
        topics(&kept)
    );
}

#[tokio::test]
async fn a_broker_that_lost_everything_has_it_again() {
    let Some(mut broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let _bridge = Bridge::start(broker.port(), |hub| put(hub, meter("1")));
    let mut watcher = Watcher::connect(broker.port(), "watcher").await;
    watcher
        .until_text("wattbridge/kaifa_1/availability", "online")
        .await;
    broker.kill();
    broker.start();
    watcher.subscribed().await;
    // Retained or not, all of it comes by, in an order that depends on who was here first.
    let mut expected = everything_about("kaifa_1");
    expected.insert("wattbridge/status".to_owned());
    let mut missing = expected.clone();
    while !missing.is_empty() {
        let (message, _) = watcher.until(|m| missing.contains(&m.topic)).await;
        missing.remove(&message.topic);
    }
    assert_eq!(topics(&kept(broker.port()).await), expected);
}

#[tokio::test]
async fn home_assistant_gets_everything_when_it_starts() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let mut watcher = Watcher::connect(broker.port(), "watcher").await;
    let bridge = Bridge::start(broker.port(), |hub| put(hub, meter("1")));
    watcher
        .until_text("wattbridge/kaifa_1/availability", "online")
        .await;
    // A birth message right after the connect is not heard, so it is said until it is.
    let again = loop {
        watcher
            .publish("homeassistant/status", "online", false)
            .await;
        let wait = watcher.until(|m| m.topic == CONFIG);
        if let Ok((message, _)) = timeout(Duration::from_secs(6), wait).await {
            break message;
        }
    };
    assert_eq!(
        read(&again.payload)["device"]["identifiers"],
        json!(["kaifa_1"])
    );
    watcher
        .until_text("wattbridge/kaifa_1/availability", "online")
        .await;
    drop(bridge);
}

#[tokio::test]
async fn only_sure_orphans_of_our_own_are_cleared() {
    let Some(mut broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let port = broker.port();
    let mut watcher = Watcher::connect(port, "watcher").await;
    let (ha, ours) = (HomeAssistantSettings::default(), mqtt(port));
    let neighbour = MqttSettings {
        base_topic: "attic".to_owned(),
        ..mqtt(port)
    };
    let orphan = &preview(&[meter("1")], &ours, &ha)[0];
    let foreign = &preview(&[meter("2")], &neighbour, &ha)[0];
    let other = json!({ "device": { "identifiers": ["x"] }, "origin": { "name": "other" } });
    for (topic, payload) in [orphan, foreign] {
        watcher.publish(topic, payload.to_string(), true).await;
    }
    watcher
        .publish("homeassistant/device/x/config", other.to_string(), true)
        .await;
    watcher
        .publish("wattbridge/kaifa_1/state", "{}", true)
        .await;
    // The same device as before: nothing of it has to be written again.
    let (topic, payload) = &preview(&[meter("3")], &ours, &ha)[0];
    watcher.publish(topic, payload.to_string(), true).await;
    watcher.until(|m| m.topic == *topic).await;

    let bridge = Bridge::start(port, |hub| {
        hub.set_settled("kaifa", false);
        put(hub, meter("3"));
    });
    let broker = spawn_blocking(move || {
        broker.wait_for_log("Received UNSUBSCRIBE from wattbridge");
        broker
    });
    let broker = broker.await.unwrap();
    // Reading back is over, but the adapter may still find the device.
    assert!(kept(port).await.contains_key(CONFIG));
    bridge.hub.set_settled("kaifa", true);
    let passed = watcher.until_text("wattbridge/kaifa_1/state", "").await;
    assert!(!passed.contains(topic), "announced again: {passed:?}");
    let mut expected = everything_about("kaifa_3");
    expected.extend([
        "homeassistant/device/kaifa_2/config".to_owned(),
        "homeassistant/device/x/config".to_owned(),
        "wattbridge/status".to_owned(),
    ]);
    assert_eq!(topics(&kept(port).await), expected);
    drop(broker);
}

#[tokio::test]
async fn the_broker_says_offline_for_us_and_we_do_ourselves() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let mut watcher = Watcher::connect(broker.port(), "watcher").await;
    let bridge = Bridge::start(broker.port(), |_| {});
    watcher.until_text("wattbridge/status", "online").await;
    bridge.output.abort();
    watcher.until_text("wattbridge/status", "offline").await;

    let bridge = Bridge::start(broker.port(), |hub| put(hub, meter("1")));
    watcher.until_text("wattbridge/status", "online").await;
    bridge.stop.cancel();
    bridge.output.await.unwrap().unwrap();
    watcher.until_text("wattbridge/status", "offline").await;
    assert_eq!(kept(broker.port()).await["wattbridge/status"], b"offline");
}

#[tokio::test]
async fn a_command_reaches_the_adapter_and_is_answered() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let mut watcher = Watcher::connect(broker.port(), "watcher").await;
    // This one must never be carried out.
    watcher
        .publish("wattbridge/kaifa_1/cmd/relay", "OFF", true)
        .await;
    let mut bridge = Bridge::start(broker.port(), |hub| put(hub, meter("1")));
    watcher
        .until_text("wattbridge/kaifa_1/availability", "online")
        .await;
    watcher
        .publish("wattbridge/kaifa_1/cmd/relay", "ON", false)
        .await;
    let pending = timeout(DEADLINE, bridge.commands.recv())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(pending.command.value, Value::OnOff(true));
    let result = Ok(Value::OnOff(true));
    pending.reply.send(CommandOutcome { result }).unwrap();
    let (answer, _) = watcher
        .until(|m| m.topic == "wattbridge/kaifa_1/result/relay")
        .await;
    assert!(!answer.retain);
    let answer = read(&answer.payload);
    assert_eq!(
        (&answer["ok"], &answer["value"]),
        (&json!(true), &json!("ON"))
    );

    watcher
        .publish("wattbridge/kaifa_1/cmd/relay", "perhaps", false)
        .await;
    let (answer, _) = watcher
        .until(|m| m.topic == "wattbridge/kaifa_1/result/relay")
        .await;
    let answer = read(&answer.payload);
    assert_eq!(answer["ok"], json!(false));
    assert!(
        answer["error"]
            .as_str()
            .unwrap()
            .contains("is not ON or OFF")
    );
}

#[tokio::test]
async fn three_hundred_devices_at_once() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let mut watcher = Watcher::connect(broker.port(), "watcher").await;
    let bridge = Bridge::start(broker.port(), |_| {});
    watcher.until_text("wattbridge/status", "online").await;
    let started = Instant::now();
    for serial in 0..300 {
        bridge.put(meter(&serial.to_string()));
    }
    watcher
        .until_text("wattbridge/kaifa_299/availability", "online")
        .await;
    eprintln!("300 devices after {:?}", started.elapsed());
    // More news than the output could take: it looks at the whole.
    for _ in 0..10 {
        for serial in 0..300 {
            let device = meter(&serial.to_string());
            bridge
                .hub
                .put_state(state(&device, 777, HealthCode::Online));
        }
    }
    bridge.hub.remove(&meter("5").id);
    watcher.until_text("wattbridge/kaifa_5/state", "").await;
    let last = |m: &Incoming| m.topic == "wattbridge/kaifa_299/state";
    while read(&watcher.until(last).await.0.payload)["power"] != 777 {}
    let kept = kept(broker.port()).await;
    assert_eq!(kept.len(), 299 * 3 + 1);
}
