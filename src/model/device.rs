//! Devices and the identity that their history hangs on.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Control, Metric};

/// `<adapter>_<serial>`, lower case, `[a-z0-9_]` only. Never changes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DeviceId(Arc<str>);

impl DeviceId {
    /// The id of the device that `adapter` knows by `serial`. Letters and digits stay, everything
    /// else becomes one underscore.
    pub fn new(adapter: &str, serial: &str) -> Self {
        let mut id = String::with_capacity(adapter.len() + 1 + serial.len());
        for c in adapter.chars().chain(['_']).chain(serial.chars()) {
            match c.to_ascii_lowercase() {
                c if c.is_ascii_alphanumeric() => id.push(c),
                _ if id.ends_with('_') => {}
                _ => id.push('_'),
            }
        }
        Self(id.trim_end_matches('_').into())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A device as its adapter describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// Identity, from the adapter and the serial number.
    pub id: DeviceId,
    /// The adapter that reports it.
    pub adapter: Cow<'static, str>,
    /// The serial number as printed on the device.
    pub serial: String,
    /// What a person calls it.
    pub name: String,
    /// Who made it.
    pub manufacturer: Cow<'static, str>,
    /// The product, if known.
    pub model: Option<String>,
    /// What its maker numbers the product by, if the device says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_id: Option<String>,
    /// The firmware version, if known.
    pub firmware: Option<String>,
    /// The device through which it is reached.
    pub via: Option<DeviceId>,
    /// The room to propose for it.
    pub area: Option<String>,
    /// A page of the device itself.
    pub url: Option<String>,
    /// The most power in watts that it can move; bounds what its energy counters can gain.
    pub rated_power: Option<u32>,
    /// How long its values hold when nothing more is heard of it: after this the bridge takes them
    /// for unknown. Longer than the longest regular pause, the night's included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patience: Option<Duration>,
    /// What it can report.
    pub metrics: Vec<Metric>,
    /// What can be set on it; empty unless the user allowed control.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub controls: Vec<Control>,
}

impl Device {
    /// A device with the least that must be said of it.
    pub fn new(
        adapter: &'static str,
        serial: impl Into<String>,
        name: impl Into<String>,
        manufacturer: &'static str,
    ) -> Self {
        let serial = serial.into();
        Self {
            id: DeviceId::new(adapter, &serial),
            adapter: adapter.into(),
            serial,
            name: name.into(),
            manufacturer: manufacturer.into(),
            model: None,
            model_id: None,
            firmware: None,
            via: None,
            area: None,
            url: None,
            rated_power: None,
            patience: None,
            metrics: Vec::new(),
            controls: Vec::new(),
        }
    }

    /// The metric of this key.
    pub fn metric(&self, key: &str) -> Option<&Metric> {
        self.metrics.iter().find(|metric| metric.key == key)
    }

    /// The control of this key.
    pub fn control(&self, key: &str) -> Option<&Control> {
        self.controls.iter().find(|control| control.key == key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_id_is_made_of_adapter_and_serial() {
        assert_eq!(
            DeviceId::new("aps_ecu", "216000000001").as_str(),
            "aps_ecu_216000000001"
        );
        assert_eq!(
            DeviceId::new("smart_meter", "1KFM-02/00 7").as_str(),
            "smart_meter_1kfm_02_00_7"
        );
    }

    proptest! {
        #[test]
        fn an_id_is_always_fit_for_a_topic(serial in ".*") {
            let id = DeviceId::new("aps_ecu", &serial);
            let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            prop_assert!(id.as_str().chars().all(fits));
        }
    }
}
