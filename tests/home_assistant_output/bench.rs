//! The output at work, and somebody else on the broker.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value as Json;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};
use wattbridge::bridge::{Feed, Hub};
use wattbridge::device::PendingCommand;
use wattbridge::model::{
    Control, ControlKind, Decimal, Device, DeviceState, Health, HealthCode, Metric, OnOff,
    Quantity, Value,
};
use wattbridge::outputs::OutputError;
use wattbridge::outputs::home_assistant::{HomeAssistantSettings, run};
use wattbridge::outputs::mqtt::MqttSettings;
use wattbridge::outputs::mqtt::session::{
    Event, Events, Incoming, Message, Qos, Session, Settings,
};
use wattbridge::store::Identity;

pub(crate) const DEADLINE: Duration = Duration::from_secs(30);
pub(crate) const CONFIG: &str = "homeassistant/device/smart_meter_1/config";

pub(crate) fn mqtt(port: u16) -> MqttSettings {
    MqttSettings {
        port: Some(port),
        ..MqttSettings::default()
    }
}

/// The bridge here.
pub(crate) fn me() -> Identity {
    Identity::named("b2c3d4")
}

pub(crate) fn meter(serial: &str) -> Device {
    let mut device = Device::new("smart_meter", serial, format!("Meter {serial}"), "Kaifa");
    device.metrics = vec![
        Metric::measurement("power", Quantity::Power),
        Metric::lifetime("energy_import", Quantity::Energy).decimals(3),
        Metric::on_off("relay", OnOff::Plain),
    ];
    device.controls = vec![Control {
        key: "relay".into(),
        name: "Relay".into(),
        kind: ControlKind::Switch,
        is_setup: false,
    }];
    device
}

pub(crate) fn state(device: &Device, power: i64, code: HealthCode) -> Arc<DeviceState> {
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
        era: 0,
        held: Default::default(),
    })
}

/// A hub with the output at work.
pub(crate) struct Bridge {
    pub(crate) hub: Hub,
    pub(crate) commands: mpsc::Receiver<PendingCommand>,
    pub(crate) stop: CancellationToken,
    pub(crate) output: JoinHandle<Result<(), OutputError>>,
}

impl Bridge {
    pub(crate) fn start(port: u16, fill: impl FnOnce(&Hub)) -> Self {
        let (hub, commands) = Hub::new();
        fill(&hub);
        let stop = CancellationToken::new();
        let feed: Feed = hub.feed();
        let settings = HomeAssistantSettings::default();
        let output = tokio::spawn(run(mqtt(port), settings, me(), feed, stop.clone()));
        Self {
            hub,
            commands,
            stop,
            output,
        }
    }

    pub(crate) fn put(&self, device: Device) {
        put(&self.hub, device);
    }
}

pub(crate) fn put(hub: &Hub, device: Device) {
    let state = state(&device, 100, HealthCode::Online);
    hub.put_device(Arc::new(device), state);
}

/// Somebody else on the broker, who sees everything.
pub(crate) struct Watcher {
    session: Session,
    events: Events,
    _stop: DropGuard,
}

impl Watcher {
    pub(crate) async fn connect(port: u16, name: &str) -> Self {
        let stop = CancellationToken::new();
        let mut settings: Settings = mqtt(port).connection(&me()).unwrap();
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
    pub(crate) async fn subscribed(&mut self) {
        let connected = async { while self.events.recv().await != Some(Event::Connected) {} };
        timeout(DEADLINE, connected).await.expect("no connection");
        self.session.subscribe(&["#"]).await.unwrap();
    }

    pub(crate) async fn publish(&self, topic: &str, payload: impl Into<Vec<u8>>, retain: bool) {
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
    pub(crate) async fn until(
        &mut self,
        wanted: impl Fn(&Incoming) -> bool,
    ) -> (Incoming, Vec<String>) {
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

    pub(crate) async fn until_text(&mut self, topic: &str, text: &str) -> Vec<String> {
        let wanted = |m: &Incoming| m.topic == topic && m.payload == text.as_bytes();
        self.until(wanted).await.1
    }
}

/// What the broker has kept by now.
pub(crate) async fn kept(port: u16) -> BTreeMap<String, Vec<u8>> {
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

pub(crate) fn read(payload: &[u8]) -> Json {
    serde_json::from_slice(payload).unwrap()
}

pub(crate) fn everything_about(id: &str) -> BTreeSet<String> {
    [
        format!("homeassistant/device/{id}/config"),
        format!("wattbridge/{id}/availability"),
        format!("wattbridge/{id}/state"),
    ]
    .into()
}

pub(crate) fn topics(kept: &BTreeMap<String, Vec<u8>>) -> BTreeSet<String> {
    kept.keys().cloned().collect()
}
