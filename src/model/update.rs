//! What the bridge tells the outputs.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use crate::say;

use super::{Device, DeviceId, Health, Sentence, Value};

/// One change that outputs may want to pass on. Cheap to clone.
#[derive(Debug, Clone)]
pub enum Update {
    /// A device is there, or its description changed.
    Device(Arc<Device>),
    /// A device is gone for good.
    Removed(DeviceId),
    /// The latest state of a device.
    State(Arc<DeviceState>),
}

/// All that is known of a device now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceState {
    /// Whose state it is.
    pub device: DeviceId,
    /// The moment of the latest readings; `None` before the first.
    pub at: Option<Timestamp>,
    /// The value of every metric of the device, unknown ones included.
    pub values: BTreeMap<Cow<'static, str>, Value>,
    /// How the device is.
    pub health: Health,
    /// Values that are not believed, by their keys, with what is shown in their place, and why.
    pub held: BTreeMap<Cow<'static, str>, Sentence>,
    /// How often in this run the energies that are computed for it were begun anew.
    pub era: u64,
}

impl DeviceState {
    /// The value of a metric; unknown if the device has no such metric.
    pub fn value(&self, key: &str) -> &Value {
        self.values.get(key).unwrap_or(&Value::Unknown)
    }

    /// All that is not believed, in words.
    pub fn guarded(&self) -> Sentence {
        let all = self.held.values().cloned();
        all.reduce(|first, next| say!("{first}; {next}", first, next))
            .unwrap_or_else(|| say!("All values good"))
    }
}
