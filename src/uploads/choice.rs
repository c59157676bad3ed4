//! Which devices and values are sent.

use crate::config::fits;
use crate::history::{HOUSE, SeriesAbout, SeriesKey};
use crate::model::DeviceId;

/// Devices, or single values of them, as a section names them: `aps_ecu_216000000001`, `victron_*`,
/// `victron_*/panel_power`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choice {
    named: Vec<(String, Option<String>)>,
}

impl Choice {
    /// What is named; nothing stands for every device that is not behind another one.
    pub fn new(names: &[String]) -> Self {
        let named = names.iter().map(|name| match name.split_once('/') {
            Some((device, key)) => (device.to_owned(), Some(key.to_owned())),
            None => (name.clone(), None),
        });
        Self {
            named: named.collect(),
        }
    }

    /// Whether a value is among them.
    pub fn names(&self, series: &SeriesKey, about: &SeriesAbout) -> bool {
        if self.named.is_empty() {
            return series.device.as_str() != HOUSE && about.via.is_none();
        }
        self.names_value(&series.device, &series.key)
    }

    /// Whether a device is among them, whatever it is behind.
    pub fn names_id(&self, id: &str) -> bool {
        let mut named = self.named.iter();
        self.named.is_empty() || named.any(|(device, _)| fits(device, id))
    }

    /// The same of a value of a device of which others are among them already, such as its states.
    pub fn names_value(&self, device: &DeviceId, key: &str) -> bool {
        let id = device.as_str();
        if self.named.is_empty() {
            return true;
        }
        self.named.iter().any(|(device, own)| {
            // The house is computed from the others: only who names it means it.
            let is_meant = if id == HOUSE {
                device == HOUSE
            } else {
                fits(device, id)
            };
            is_meant && own.as_ref().is_none_or(|own| own == key)
        })
    }
}
