//! What all devices here have in common: how they are announced by a table of rows, and their values.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use crate::adapters::solaredge::KIND;
use crate::adapters::solaredge::metrics::Row;
use crate::model::{Behavior, Decimal, Device, DeviceId, Metric, Readings, Value};

/// Longer than any winter night in which an inverter says nothing.
const NIGHT: Duration = Duration::from_secs(36 * 3600);

/// How a device is announced.
#[derive(Debug)]
pub struct Described {
    /// As printed; what it is known by for ever.
    pub serial: String,
    /// What a person calls it.
    pub name: String,
    /// The product.
    pub model: &'static str,
    /// What it is behind.
    pub via: Option<DeviceId>,
    /// The most power in watts that it can move.
    pub max_power: Option<u32>,
}

impl Described {
    /// The device of this serial number.
    pub fn id(serial: &str) -> DeviceId {
        DeviceId::new(KIND, serial)
    }

    /// The device: of the rows those whose key it has reported, and all of `others`.
    pub fn device<R>(self, rows: &[Row<R>], keys: &BTreeSet<String>, others: &[Metric]) -> Device {
        let mut device = Device::new(KIND, self.serial, self.name, "SolarEdge");
        device.model = Some(self.model.to_owned());
        device.via = self.via;
        device.rated_power = self.max_power;
        device.patience = Some(NIGHT);
        let own = rows.iter().map(|row| &row.metric);
        let own = own.filter(|metric| keys.contains(metric.key.as_ref()));
        device.metrics = own.chain(others).cloned().collect();
        device
    }

    /// Adds the keys of what a record says.
    pub fn learn<R>(rows: &[Row<R>], record: &R, keys: &mut BTreeSet<String>) {
        for row in rows {
            let key = row.metric.key.as_ref();
            if !keys.contains(key) && (row.value)(record).is_some() {
                keys.insert(key.to_owned());
            }
        }
    }

    /// The values of a record: what it does not say this time is unknown.
    pub fn readings<R>(
        id: DeviceId,
        at: Timestamp,
        rows: &'static [Row<R>],
        keys: &BTreeSet<String>,
        record: &R,
    ) -> Readings {
        let mut readings = Readings::new(id, at);
        for row in rows
            .iter()
            .filter(|row| keys.contains(row.metric.key.as_ref()))
        {
            let value = (row.value)(record);
            // A counter that is not mentioned keeps its value.
            if value.is_some() || !row.metric.is_counter() {
                readings.push(row.metric.key.clone(), value_or_unknown(value));
            }
        }
        readings
    }

    /// The values while nothing is measured: of most nothing is known.
    pub fn asleep<R>(
        id: DeviceId,
        at: Timestamp,
        rows: &'static [Row<R>],
        keys: &BTreeSet<String>,
    ) -> Readings {
        let mut readings = Readings::new(id, at);
        let of_the_moment =
            |metric: &Metric| matches!(metric.behavior, Behavior::Measurement | Behavior::State(_));
        let rows = rows.iter().filter(|row| of_the_moment(&row.metric));
        for row in rows.filter(|row| keys.contains(row.metric.key.as_ref())) {
            let value = row
                .asleep
                .map(|number| Value::from(Decimal::integer(number)));
            readings.push(row.metric.key.clone(), value_or_unknown(value));
        }
        readings
    }
}

/// Not knowing is a value.
pub fn value_or_unknown(value: Option<Value>) -> Value {
    value.unwrap_or(Value::Unknown)
}
