//! Reports as lines of JSON, one object for each of those with values.

use std::collections::BTreeMap;

use crate::model::{Device, DeviceId, Readings, Report};
use crate::outputs::json_line;

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
                Report::Readings(readings) | Report::Late(readings) => {
                    lines.extend(self.readings(&readings));
                }
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
        Some(json_line::of_values(device, Some(readings.at), values))
    }
}
