//! Which values of the house are panels.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::model::{Behavior, Device, DeviceId, EnergyPart, Metric, Quantity};

/// Where the power of a panel is told: a device, and the key of its metric.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PanelPlace {
    /// The device.
    pub device: DeviceId,
    /// The key.
    pub key: String,
}

/// A panel of the house.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoofPanel {
    /// Where its power is told.
    pub place: PanelPlace,
    /// What it is called until the user names it.
    pub name: String,
    /// The product it hangs on.
    pub model: Option<String>,
    /// The inverter: the device itself, or the one behind which a panel of its own is.
    pub inverter: DeviceId,
    /// What that is called.
    pub inverter_name: String,
}

/// All panels of these devices, in their order. A panel is each metric with a key such as `panel_2_power`, and each
/// device that is a panel of its own: behind one that brings sun, with a power that is part of it and of nothing
/// else.
pub fn panels_of<'a>(devices: impl IntoIterator<Item = &'a Device>) -> Vec<RoofPanel> {
    let devices: Vec<&Device> = devices.into_iter().collect();
    let by_id: BTreeMap<&DeviceId, &Device> = devices.iter().map(|it| (&it.id, *it)).collect();
    let parents: BTreeSet<&DeviceId> = devices.iter().filter_map(|it| it.via.as_ref()).collect();
    let mut panels = Vec::new();
    for device in devices {
        let name = shown_name(device);
        let inputs = inputs(device);
        let is_only = inputs.len() == 1;
        for (number, metric) in &inputs {
            let given = given_name(metric, *number);
            panels.push(RoofPanel {
                place: PanelPlace::new(device, metric),
                name: match given {
                    Some(given) => given.to_owned(),
                    None if is_only => name.clone(),
                    None => format!("{name} {number}"),
                },
                model: device.model.clone(),
                inverter: device.id.clone(),
                inverter_name: name.clone(),
            });
        }
        let parent = device.via.as_ref().and_then(|via| by_id.get(via));
        let (true, false, Some(parent)) = (inputs.is_empty(), parents.contains(&device.id), parent)
        else {
            continue;
        };
        let is_part_of_none = device.metrics.iter().all(|metric| metric.part.is_none());
        let power = device.metric("power").filter(|metric| is_power(metric));
        if let Some(power) = power.filter(|_| is_part_of_none && brings_sun(parent)) {
            panels.push(RoofPanel {
                place: PanelPlace::new(device, power),
                name,
                model: device.model.clone(),
                inverter: parent.id.clone(),
                inverter_name: shown_name(parent),
            });
        }
    }
    panels
}

/// The key of the energy of a panel, the best one that its device has: a counter of its whole life before one of the
/// day.
pub fn panel_energy<'a>(device: &'a Device, power: &str) -> Option<&'a str> {
    // `panel_1_power` goes with `panel_1_energy_total`, `power` with `energy_total`.
    let stem = power.strip_suffix("power")?;
    let endings = ["energy_total", "energy_computed", "energy_today"];
    endings.iter().find_map(|ending| {
        let key = format!("{stem}{ending}");
        let metric = device.metric(&key).filter(|metric| metric.is_counter())?;
        Some(metric.key.as_ref())
    })
}

impl PanelPlace {
    fn new(device: &Device, metric: &Metric) -> Self {
        Self {
            device: device.id.clone(),
            key: metric.key.to_string(),
        }
    }
}

/// The inputs of an inverter, by their numbers.
fn inputs(device: &Device) -> Vec<(u8, &Metric)> {
    let numbered = device.metrics.iter().filter(|metric| is_power(metric));
    let mut inputs: Vec<(u8, &Metric)> = numbered
        .filter_map(|metric| Some((panel_number(&metric.key)?, metric)))
        .collect();
    inputs.sort_by_key(|(number, _)| *number);
    inputs
}

/// The number in a key such as `panel_2_power`.
fn panel_number(key: &str) -> Option<u8> {
    let number = key.strip_prefix("panel_")?.strip_suffix("_power")?;
    let is_number = number.bytes().all(|digit| digit.is_ascii_digit());
    number.parse().ok().filter(|_| is_number)
}

/// What the user calls an input: its metric is then not named like all others.
fn given_name(metric: &Metric, number: u8) -> Option<&str> {
    let name = metric.name.as_deref()?;
    let usual = format!("Panel {number} power");
    (name != usual).then(|| name.strip_suffix(" power").unwrap_or(name))
}

/// The name of a device. One that holds the whole serial number is cut to its end: names are for everybody.
fn shown_name(device: &Device) -> String {
    const END: usize = 4;
    let serial = device.serial.as_str();
    let length = serial.chars().count();
    if length <= END {
        return device.name.clone();
    }
    let end: String = serial.chars().skip(length - END).collect();
    device.name.replace(serial, &end)
}

fn is_power(metric: &Metric) -> bool {
    metric.quantity == Some(Quantity::Power) && metric.behavior == Behavior::Measurement
}

fn brings_sun(device: &Device) -> bool {
    let parts = device.metrics.iter().filter_map(|metric| metric.part);
    parts.into_iter().any(|it| it.part == EnergyPart::Sun)
}
