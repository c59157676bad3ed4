//! What is to be sent, slot by slot.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::history::{SeriesKind, Stretch};
use crate::model::{Decimal, DeviceId, Quantity};

/// Slots in the order of time.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Load {
    /// The slots that have anything.
    pub slots: Vec<LoadSlot>,
    /// Up to here this is all there is, in seconds since 1970.
    pub through: i64,
}

/// One slot: five minutes, `(end - 300 s, end]`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LoadSlot {
    /// Its end, in seconds since 1970.
    pub end: i64,
    /// What each device said in it.
    pub devices: Vec<LoadDevice>,
    /// The energy of the day so far in Wh, for each of which the target wants it.
    pub energies: Vec<Option<i64>>,
}

/// What one device said in a slot.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadDevice {
    /// Which device.
    pub id: DeviceId,
    /// What people call it.
    pub name: String,
    /// Its values by their keys, in the order in which the device declares them.
    pub values: Vec<(String, LoadValue)>,
}

/// A value of a slot.
#[derive(Debug, Clone, PartialEq)]
pub enum LoadValue {
    /// The mean, of a counter the last value, in the unit of its quantity.
    Number {
        /// The value.
        number: Decimal,
        /// What it measures.
        quantity: Option<Quantity>,
        /// Whether it is a counter for ever.
        is_lifetime: bool,
    },
    /// The last that was said.
    OnOff(bool),
    /// A state or a text, as it was at the end.
    Text(String),
}

impl LoadValue {
    /// The number, if it is one.
    pub const fn number(&self) -> Option<Decimal> {
        match self {
            Self::Number { number, .. } => Some(*number),
            Self::OnOff(_) | Self::Text(_) => None,
        }
    }
}

impl LoadSlot {
    /// The moment of its end.
    pub fn at(&self) -> Timestamp {
        Timestamp::from_second(self.end).unwrap_or(Timestamp::MAX)
    }

    /// The value of a device.
    pub fn value(&self, device: &DeviceId, key: &str) -> Option<&LoadValue> {
        let device = self.devices.iter().find(|one| one.id == *device)?;
        let (_, value) = device.values.iter().find(|(own, _)| own == key)?;
        Some(value)
    }
}

impl Load {
    /// What the history has, without the slots that were given up.
    pub fn of(stretch: &Stretch, given_up: &BTreeSet<i64>) -> Self {
        let slots = stretch.slots.iter();
        let slots = slots.filter(|slot| !given_up.contains(&slot.end));
        let slots = slots.map(|slot| {
            let mut devices: Vec<LoadDevice> = Vec::new();
            let mut rows = slot.rows.clone();
            rows.sort_by_key(|(place, _)| *place);
            for (place, row) in rows {
                let Some(info) = stretch.series.get(place) else {
                    continue;
                };
                let value = match info.about.kind {
                    SeriesKind::OnOff => LoadValue::OnOff(row.value != 0),
                    kind => LoadValue::Number {
                        number: Decimal::new(row.value, info.about.decimals),
                        quantity: info.about.quantity,
                        is_lifetime: kind == SeriesKind::Lifetime,
                    },
                };
                let id = &info.series.device;
                let device = of_device(&mut devices, id, &info.about.device_name);
                device.values.push((info.series.key.clone(), value));
            }
            for (series, word) in &slot.words {
                let value = match word.as_str() {
                    "ON" => LoadValue::OnOff(true),
                    "OFF" => LoadValue::OnOff(false),
                    word => LoadValue::Text(word.to_owned()),
                };
                let device = of_device(&mut devices, &series.device, "");
                if !device.values.iter().any(|(key, _)| *key == series.key) {
                    device.values.push((series.key.clone(), value));
                }
            }
            LoadSlot {
                end: slot.end,
                devices,
                energies: slot.energies.clone(),
            }
        });
        Self {
            slots: slots.collect(),
            through: stretch.through,
        }
    }
}

fn of_device<'a>(
    devices: &'a mut Vec<LoadDevice>,
    id: &DeviceId,
    name: &str,
) -> &'a mut LoadDevice {
    let place = match devices.iter().position(|device| device.id == *id) {
        Some(place) => place,
        None => {
            devices.push(LoadDevice {
                id: id.clone(),
                name: name.to_owned(),
                values: Vec::new(),
            });
            devices.len() - 1
        }
    };
    #[allow(clippy::indexing_slicing, reason = "the place was found or made above")]
    &mut devices[place]
}
