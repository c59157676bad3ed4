//! The device that stands for a target.

use std::time::Duration;

use jiff::Timestamp;

use crate::model::{Decimal, Device, Health, Metric, Quantity, Readings, Value};
use crate::uploads::KIND;

/// What a target tells of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetState {
    /// Why it sends, or why not.
    pub health: Health,
    /// Slots that wait.
    pub pending: i64,
    /// When something arrived last.
    pub last_success: Option<Timestamp>,
    /// Slots that are never sent.
    pub given_up: usize,
}

/// The description; `id` is what people name the target by in commands, `name` what they read.
pub fn describe(id: &str, name: String) -> Device {
    let mut device = Device::new(KIND, id, name, "wattbridge");
    // It has none.
    device.serial = String::new();
    device.model = Some("Upload".to_owned());
    // It says so itself when it cannot.
    device.patience = Some(Duration::MAX);
    device.metrics = TargetState::metrics().to_vec();
    device
}

impl TargetState {
    /// What every target tells. It is about the way there, and worth knowing most while nothing arrives.
    pub fn metrics() -> [Metric; 3] {
        [
            Metric::measurement("pending", Quantity::Count)
                .named("Waiting rows")
                .about_connection(),
            Metric::timestamp("last_success")
                .named("Last success")
                .about_connection(),
            Metric::measurement("given_up", Quantity::Count)
                .named("Given up")
                .about_connection(),
        ]
    }

    /// As readings of the device.
    pub fn readings(&self, device: &Device, at: Timestamp) -> Readings {
        let count = |number: i64| Value::from(Decimal::integer(number));
        let mut readings = Readings::new(device.id.clone(), at);
        readings.push("pending", count(self.pending));
        let last = self.last_success.map_or(Value::Unknown, Value::from);
        readings.push("last_success", last);
        let given_up = i64::try_from(self.given_up).unwrap_or(i64::MAX);
        readings.push("given_up", count(given_up));
        readings
    }
}
