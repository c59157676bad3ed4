//! Which values are kept, and what is kept of what they are.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::energy::{CounterKind, rank};
use crate::model::{Behavior, Decimal, Device, DeviceId, HousePart, Metric, Quantity, Role, Value};

/// The id under which the house as a whole has its series.
pub const HOUSE: &str = "house";

/// The same as the id of a device.
pub fn house_id() -> DeviceId {
    DeviceId::new(HOUSE, "")
}

/// Which series: a device and the key of its metric.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeriesKey {
    /// The device, or [`HOUSE`].
    pub device: DeviceId,
    /// The key of the metric.
    pub key: String,
}

impl SeriesKey {
    /// That of a device and a key.
    pub fn new(device: &DeviceId, key: impl Into<String>) -> Self {
        Self {
            device: device.clone(),
            key: key.into(),
        }
    }

    /// One of the house.
    pub fn house(key: impl Into<String>) -> Self {
        Self::new(&house_id(), key)
    }

    /// As the file has it.
    pub(super) fn read(device: &str, key: String) -> Option<Self> {
        let device = serde_json::from_value(device.into()).ok()?;
        Some(Self { device, key })
    }
}

impl fmt::Display for SeriesKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.device, self.key)
    }
}

/// How the values of a series behave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SeriesKind {
    /// A number of the moment: slots have the mean.
    Measurement,
    /// A counter for ever: slots have its last value, days its gain.
    Lifetime,
    /// A counter that begins at 0 each day: the same.
    Daily,
    /// On or off: slots have the last, as 1 or 0.
    OnOff,
    /// Energy of each slot: days have the sum.
    Flow,
    /// A number that stands until another takes its place: slots and days have the last.
    Figure,
}

impl SeriesKind {
    /// As which counter it counts, if so.
    pub const fn counter(self) -> Option<CounterKind> {
        match self {
            Self::Lifetime => Some(CounterKind::Lifetime),
            Self::Daily => Some(CounterKind::Daily),
            Self::Measurement | Self::OnOff | Self::Flow | Self::Figure => None,
        }
    }

    /// Whether a slot has the last value and not the mean.
    pub const fn has_last(self) -> bool {
        !matches!(self, Self::Measurement)
    }
}

/// What a series is, as the file keeps it beside its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeriesAbout {
    /// How its values behave.
    pub kind: SeriesKind,
    /// What they measure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity: Option<Quantity>,
    /// Values are integers with so many decimals. Never falls.
    pub decimals: u8,
    /// What a person calls the value.
    pub name: String,
    /// What a person calls the device.
    pub device_name: String,
    /// What it is in the energy of the house.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<HousePart>,
    /// The device through which its device is reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<DeviceId>,
}

impl SeriesAbout {
    /// What is kept of a metric of a device; `None` for what has no numbers.
    pub fn of(device: &Device, metric: &Metric) -> Option<Self> {
        let kind = match metric.behavior {
            Behavior::Measurement => SeriesKind::Measurement,
            Behavior::LifetimeCounter => SeriesKind::Lifetime,
            Behavior::DailyCounter => SeriesKind::Daily,
            Behavior::OnOff(_) => SeriesKind::OnOff,
            Behavior::Figure => SeriesKind::Figure,
            Behavior::State(_) | Behavior::Text | Behavior::Timestamp => return None,
        };
        Some(Self {
            kind,
            quantity: metric.quantity,
            decimals: metric.decimals.min(Decimal::MAX_SCALE),
            name: metric.title(),
            device_name: device.name.clone(),
            part: metric.part,
            via: device.via.clone(),
        })
    }

    /// The integer that is kept of a value.
    pub fn scaled(&self, value: &Value) -> Option<i64> {
        match value {
            Value::Number(number) => Some(number.with_scale(self.decimals).mantissa()),
            Value::OnOff(on) => Some(i64::from(*on)),
            Value::Unknown | Value::Text(_) | Value::Timestamp(_) => None,
        }
    }

    /// How good it is to tell the energy of a day, the least number first; `None` if it is no counter of energy.
    pub fn rank(&self) -> Option<u8> {
        let is_energy = self.quantity == Some(Quantity::Energy);
        let kind = self.kind.counter().filter(|_| is_energy)?;
        Some(rank(kind, self.decimals))
    }

    /// Watt-hours of an energy of this series.
    pub fn watt_hours(&self, value: i64) -> i64 {
        Decimal::new(value, self.decimals).to_watt_hours()
    }
}

/// Whether a metric is kept without being asked for: measurements and counters that are on by default, and no
/// diagnostics.
pub fn is_kept(metric: &Metric) -> bool {
    let is_number = metric.behavior == Behavior::Measurement || metric.is_counter();
    is_number && metric.enabled && metric.role == Role::Primary
}

/// Two counters of one device with the same of this count the same, in other steps.
pub fn stem(key: &str) -> &str {
    ["_total", "_today", "_computed"]
        .iter()
        .find_map(|end| key.strip_suffix(end))
        .unwrap_or(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_written_and_read() {
        let key = SeriesKey::new(&DeviceId::new("aps_ecu", "2160"), "power");
        assert_eq!(key.to_string(), "aps_ecu_2160/power");
        let read = SeriesKey::read("aps_ecu_2160", "power".to_owned());
        assert_eq!(read, Some(key));
        assert_eq!(house_id().as_str(), HOUSE);
    }

    #[test]
    fn what_people_see_is_kept() {
        let power = Metric::measurement("power", Quantity::Power);
        let energy = Metric::daily("energy_today", Quantity::Energy);
        assert!(is_kept(&power) && is_kept(&energy));
        assert!(!is_kept(&power.clone().diagnostic()));
        assert!(!is_kept(&power.off_by_default()));
        assert!(!is_kept(&Metric::figure("yield", Quantity::Energy)));
        assert_eq!(stem("energy_total"), stem("energy_today"));
        assert_ne!(stem("energy_import"), stem("energy_export"));
    }
}
