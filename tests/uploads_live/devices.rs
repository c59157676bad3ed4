//! Devices with the values of an example, and an output that tells them.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value as Json;
use tokio_util::sync::{CancellationToken, DropGuard};
use wattbridge::bridge::Hub;
use wattbridge::clock::Clock;
use wattbridge::config::File;
use wattbridge::history::History;
use wattbridge::model::{Decimal, Device, DeviceState, Health, Metric, Quantity, Value};
use wattbridge::outputs::mqtt::MqttSettings;
use wattbridge::outputs::{Context, Output};
use wattbridge::store::Identity;

use crate::vectors;

/// Every example of a target.
pub(crate) fn examples(target: &str) -> Vec<Json> {
    let file = vectors::read("exports.json");
    let all = file["examples"].as_array().unwrap().iter();
    let ours = all.filter(|example| example["target"] == target);
    ours.cloned().collect()
}

/// A number of an example, to the letter.
pub(crate) fn decimal(json: &Json) -> Decimal {
    json.to_string().parse().unwrap()
}

/// The value of an example.
pub(crate) fn value(json: &Json) -> Value {
    match json {
        Json::Null => Value::Unknown,
        Json::String(text) => Value::from(text.clone()),
        number => decimal(number).into(),
    }
}

/// What a key measures.
fn metric(key: &str) -> Metric {
    let key: &'static str = key.to_owned().leak();
    let is = |word: &str| key.contains(word);
    if is("energy_today") {
        Metric::daily(key, Quantity::Energy).decimals(6)
    } else if is("energy") {
        Metric::lifetime(key, Quantity::Energy).decimals(3)
    } else if is("power") {
        Metric::measurement(key, Quantity::Power).decimals(1)
    } else if is("temperature") {
        Metric::measurement(key, Quantity::Temperature).decimals(1)
    } else if is("voltage") {
        Metric::measurement(key, Quantity::Voltage).decimals(1)
    } else if is("current") {
        Metric::measurement(key, Quantity::Current).decimals(2)
    } else if is("frequency") {
        Metric::measurement(key, Quantity::Frequency).decimals(1)
    } else if is("state_of_charge") {
        Metric::measurement(key, Quantity::StateOfCharge).decimals(1)
    } else if is("signal_quality") {
        Metric::measurement(key, Quantity::SignalQuality)
    } else {
        Metric::text(key)
    }
}

/// A device of this id that has these values.
pub(crate) struct Told {
    device: Arc<Device>,
    values: BTreeMap<String, Value>,
}

impl Told {
    pub(crate) fn new(id: &str, values: BTreeMap<String, Value>) -> Self {
        let (adapter, serial) = id.rsplit_once('_').unwrap();
        let adapter: &'static str = adapter.to_owned().leak();
        let mut device = Device::new(adapter, serial, "Device", "Nobody");
        assert_eq!(device.id.as_str(), id);
        device.metrics = values.keys().map(|key| metric(key)).collect();
        Self {
            device: Arc::new(device),
            values,
        }
    }

    /// Its values at a second.
    pub(crate) fn put(&self, hub: &Hub, second: i64) {
        let values = self.values.iter();
        let values = values.map(|(key, value)| (key.clone().into(), value.clone()));
        let start = Timestamp::now().as_second();
        let state = DeviceState {
            device: self.device.id.clone(),
            at: Some(Timestamp::from_second(start + second).unwrap()),
            values: values.collect(),
            health: Health::ONLINE,
            era: 0,
            held: BTreeMap::default(),
        };
        hub.put_device(Arc::clone(&self.device), Arc::new(state));
    }
}

/// An output with these sections at work.
pub(crate) fn run(output: &dyn Output, toml: &str, hub: &Hub, port: u16) -> DropGuard {
    let file = File::parse(toml, "test.toml").unwrap_or_else(|problems| panic!("{problems}"));
    let outlet = output.configure(&file);
    let outlet = outlet.unwrap_or_else(|problems| panic!("{problems}\n{toml}"));
    let stop = CancellationToken::new();
    let running = outlet.run(Context {
        feed: hub.feed(),
        mqtt: MqttSettings {
            port: Some(port),
            ..MqttSettings::default()
        },
        bridge: Identity::named("b2c3d4"),
        clock: Clock::system(),
        past: History::off().reader(),
        stop: stop.clone(),
    });
    tokio::spawn(async move { running.await.unwrap() });
    stop.drop_guard()
}
