//! What a device remembers of its own past.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::{DeviceId, Reading};

/// Days of the past of one device, as it remembers them itself.
///
/// The values are those of the day as a whole, or as they stood at its end: `energy_today` of a day is what that
/// day brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Days {
    /// Whose they are.
    pub device: DeviceId,
    /// The values of each day by its date, on the device's own clock where it has one.
    pub days: BTreeMap<Date, Vec<Reading>>,
}

impl Days {
    /// No day yet.
    pub const fn new(device: DeviceId) -> Self {
        Self {
            device,
            days: BTreeMap::new(),
        }
    }
}
