//! Values as lines of JSON, one object for each report.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value as Json, json};

use crate::model::{Device, DeviceId, Readings, Report, Value};

/// Remembers the descriptions that the readings refer to.
#[derive(Debug, Default)]
pub struct JsonLines {
    devices: BTreeMap<DeviceId, Device>,
}

impl JsonLines {
    /// The lines for some reports.
    pub fn of(&mut self, reports: Vec<Report>) -> Vec<String> {
        let mut lines = Vec::new();
        for report in reports {
            match report {
                Report::Device(device) => drop(self.devices.insert(device.id.clone(), *device)),
                Report::Readings(readings) => lines.extend(self.readings(&readings)),
                Report::Days(_)
                | Report::Gone(_)
                | Report::Health(..)
                | Report::Absent(..)
                | Report::Source(_)
                | Report::Complete(_) => {}
            }
        }
        lines
    }

    fn readings(&self, readings: &Readings) -> Option<String> {
        let device = self.devices.get(&readings.device)?;
        let values = readings
            .values
            .iter()
            .map(|reading| (reading.key.as_ref(), &reading.value));
        Some(line(device, Some(readings.at), values))
    }
}

/// One line for a device and its values.
pub fn line<'a>(
    device: &Device,
    at: Option<Timestamp>,
    values: impl Iterator<Item = (&'a str, &'a Value)>,
) -> String {
    let known: BTreeMap<&str, &Value> = values.collect();
    let mut readings = Map::new();
    // In the order of the table, which is the order that makes sense to people.
    for metric in &device.metrics {
        if let Some(value) = known.get(metric.key.as_ref()) {
            let value = match value {
                Value::Number(number) => Value::Number(number.rounded(metric.decimals)),
                other => (*other).clone(),
            };
            readings.insert(metric.key.to_string(), value.to_json());
        }
    }
    let at = at
        .filter(|at| *at != Timestamp::UNIX_EPOCH)
        .map(Value::Timestamp);
    json!({
        "device": device.id.as_str(),
        "model": device.model,
        "serial": device.serial,
        "at": at.map_or(Json::Null, |at| at.to_json()),
        "readings": readings,
    })
    .to_string()
}
