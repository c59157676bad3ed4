//! A publisher with a clock in our hands.

use std::borrow::Cow;

use serde_json::Value;

use super::super::super::config::HomeAssistantSettings;
use super::super::super::discovery::announcement;
use super::super::*;
use crate::model::{Decimal, Device, Health, HealthCode, Metric, Quantity, Value as ModelValue};
use crate::outputs::mqtt::MqttSettings;
use crate::store::Identity;

const JITTER: Duration = Duration::from_secs(1);

/// A publisher, its clock, and what it published.
pub struct Bench {
    pub publisher: Publisher,
    pub now: Instant,
    /// What it wants to hear.
    pub listened: Vec<String>,
    /// Whose computed energies it wants to begin anew.
    pub begun_anew: Vec<DeviceId>,
    pub orphans: fn(&str) -> bool,
}

impl Bench {
    pub fn new() -> Self {
        Self::with(HomeAssistantSettings::default())
    }

    pub fn with(settings: HomeAssistantSettings) -> Self {
        Self::of(settings, &Identity::named("b2c3d4"))
    }

    /// Of this bridge.
    pub fn of(settings: HomeAssistantSettings, identity: &Identity) -> Self {
        let plan = Plan {
            topics: settings.topics(&MqttSettings::default(), identity),
            settings,
        };
        Self {
            publisher: Publisher::new(plan),
            now: Instant::now(),
            listened: Vec::new(),
            begun_anew: Vec::new(),
            orphans: |_| false,
        }
    }

    /// Connected, and the first announcements are out.
    pub fn connected(devices: Vec<Known>) -> Self {
        let mut bench = Self::new();
        bench.connect(devices);
        bench.advance(Duration::from_millis(100));
        bench
    }

    pub fn connect(&mut self, devices: Vec<Known>) {
        self.publisher.connected(devices, self.now);
    }

    /// Lets time pass, tick by tick, and returns what was published.
    pub fn advance(&mut self, time: Duration) -> Vec<Message> {
        let end = self.now + time;
        let mut published = self.drain();
        while let Some(next) = self.publisher.next().filter(|next| *next <= end) {
            assert!(
                next >= self.now || published.len() < 10_000,
                "time stands still"
            );
            self.now = self.now.max(next);
            self.publisher.tick(self.now, self.orphans);
            published.extend(self.drain());
        }
        self.now = end;
        published
    }

    pub fn drain(&mut self) -> Vec<Message> {
        let mut published = Vec::new();
        while let Some(step) = self.publisher.step() {
            match step {
                Step::Publish(message) => published.push(message),
                Step::Listen(topics) => self.listened.extend(topics),
                Step::BeginAnew(device) => self.begun_anew.push(device),
            }
        }
        published
    }

    pub fn receive(&mut self, topic: &str, payload: impl Into<Vec<u8>>, retain: bool) {
        let message = Incoming {
            topic: topic.to_owned(),
            payload: payload.into(),
            retain,
        };
        self.publisher.received(message, JITTER, self.now);
    }

    pub fn birth(&mut self) {
        self.receive("homeassistant/status", "online", false);
    }

    pub fn payload(&self, known: &Known) -> Vec<u8> {
        let announcement = announcement(&known.device, &self.publisher.plan);
        announcement.to_string().into_bytes()
    }

    pub fn put(&mut self, known: &Known) {
        self.publisher.device(known.clone(), self.now);
        self.publisher.state(Arc::clone(&known.state), self.now);
    }
}

pub fn known(serial: &str, keys: &[&'static str], code: HealthCode) -> Known {
    let mut device = Device::new("smart_meter", serial, format!("Meter {serial}"), "Kaifa");
    let metrics = keys
        .iter()
        .map(|key| Metric::measurement(key, Quantity::Power));
    device.metrics = metrics.collect();
    let value = ModelValue::from(Decimal::integer(5));
    let values = keys.iter().map(|key| (Cow::Borrowed(*key), value.clone()));
    let state = DeviceState {
        device: device.id.clone(),
        at: None,
        values: values.collect(),
        health: Health::new(code),
        era: 0,
        held: Default::default(),
    };
    Known {
        device: Arc::new(device),
        state: Arc::new(state),
    }
}

pub fn meter(serial: &str) -> Known {
    known(serial, &["power"], HealthCode::Online)
}

/// Last part of the topic, with the serial number of the device before it.
pub fn short(messages: &[Message]) -> Vec<String> {
    let short = |message: &Message| {
        let topic = message.topic.replace("homeassistant/device/", "");
        let topic = topic.replace("wattbridge/", "").replace("smart_meter_", "");
        match str::from_utf8(&message.payload).unwrap() {
            "" => format!("{topic} cleared"),
            words @ ("online" | "offline") => format!("{topic} {words}"),
            _ => topic,
        }
    };
    messages.iter().map(short).collect()
}

pub fn json(message: &Message) -> Value {
    serde_json::from_slice(&message.payload).unwrap()
}
