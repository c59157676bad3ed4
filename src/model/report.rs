//! What adapters tell the bridge.

use std::borrow::Cow;

use jiff::Timestamp;
use jiff::civil::Date;

use super::{Days, Device, DeviceId, Health, Value};

/// One message of an adapter to the bridge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// A device is there, or its description changed. Parents come before their children.
    Device(Box<Device>),
    /// What was taken for a device is none, or not of this section.
    Gone(DeviceId),
    /// Values of a device. Metrics that are not mentioned keep their value.
    Readings(Readings),
    /// Values of a moment that is past, sent again by a device that could not before: never part of its
    /// state.
    Late(Readings),
    /// What a device remembers of its past: never part of its state.
    Days(Days),
    /// How a device is.
    Health(DeviceId, Health),
    /// How a device is that was seen not to be there: it is unplugged, exchanged, no longer listed.
    /// It is absent until another health is said of it, and there again with its next values. The
    /// bridge counts how long that lasts, and forgets it.
    Absent(DeviceId, Health),
    /// How the configured section is as a whole, while its devices are not known yet.
    Source(Health),
    /// Whether the configured section has named all devices it has. An adapter that learns of its
    /// devices step by step says `false` first: until then nothing that was announced for the
    /// section in an earlier run is obsolete.
    Complete(bool),
}

/// Values of one device that belong to one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readings {
    /// Whose values they are.
    pub device: DeviceId,
    /// The moment they were measured.
    pub at: Timestamp,
    /// The calendar day on the device's own clock, which its daily counters follow; `None` where
    /// the device has no clock and the day of the host counts.
    pub day: Option<Date>,
    /// The values.
    pub values: Vec<Reading>,
}

/// The value of one metric.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The metric's key.
    pub key: Cow<'static, str>,
    /// Its value.
    pub value: Value,
}

impl Readings {
    /// No values yet.
    pub const fn new(device: DeviceId, at: Timestamp) -> Self {
        Self {
            device,
            at,
            day: None,
            values: Vec::new(),
        }
    }

    /// Adds a value.
    pub fn push(&mut self, key: impl Into<Cow<'static, str>>, value: impl Into<Value>) {
        self.values.push(Reading {
            key: key.into(),
            value: value.into(),
        });
    }

    /// The value of a key, if it is mentioned.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.values
            .iter()
            .find(|reading| reading.key == key)
            .map(|reading| &reading.value)
    }
}
