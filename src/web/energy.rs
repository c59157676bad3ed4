//! Which counters belong into Home Assistant's Energy dashboard, and where.
//!
//! The table here is what docs/energy-dashboard.md says too; a test compares them.

use serde::Serialize;
use utoipa::ToSchema;

use super::key::WebKey;
use crate::bridge::Known;
use crate::config::Language;
use crate::flow::{ChosenRoles, FlowSettings};
use crate::model::{Behavior, Device, DeviceId, EnergyPart, Metric, Quantity};
use crate::say;

/// A place in the dashboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DashboardPlace {
    /// Its name in the API.
    pub name: &'static str,
    /// What belongs there.
    pub wants: PlaceWants,
    /// What it is called in Home Assistant, and in the documentation.
    pub words: &'static str,
}

/// What belongs in a place of the dashboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlaceWants {
    /// What is this in the energy of the house.
    Part(EnergyPart),
    /// Every counter of this.
    Counter(Quantity),
}

impl PlaceWants {
    /// Whether a metric can stand there: of energies, counters only that never fall.
    pub fn is_for(self, metric: &Metric) -> bool {
        match self {
            Self::Part(part) => is_for(metric, part),
            Self::Counter(quantity) => {
                metric.quantity == Some(quantity)
                    && matches!(metric.behavior, Behavior::LifetimeCounter)
            }
        }
    }
}

/// Every place.
pub const PLACES: &[DashboardPlace] = &[
    DashboardPlace {
        name: "solar",
        wants: PlaceWants::Part(EnergyPart::SunEnergy),
        words: "Solar production energy",
    },
    DashboardPlace {
        name: "grid_import",
        wants: PlaceWants::Part(EnergyPart::GridImport),
        words: "Energy imported from grid",
    },
    DashboardPlace {
        name: "grid_export",
        wants: PlaceWants::Part(EnergyPart::GridExport),
        words: "Energy exported to grid",
    },
    DashboardPlace {
        name: "battery_in",
        wants: PlaceWants::Part(EnergyPart::BatteryIn),
        words: "energy that goes into the battery",
    },
    DashboardPlace {
        name: "battery_out",
        wants: PlaceWants::Part(EnergyPart::BatteryOut),
        words: "energy that comes out of it",
    },
    DashboardPlace {
        name: "power",
        wants: PlaceWants::Part(EnergyPart::Grid),
        words: "Power measurement of the same connection",
    },
    DashboardPlace {
        name: "gas",
        wants: PlaceWants::Counter(Quantity::Gas),
        words: "Gas consumption",
    },
    DashboardPlace {
        name: "water",
        wants: PlaceWants::Counter(Quantity::Water),
        words: "Water consumption",
    },
];

/// What belongs into a place.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ToldPlace {
    /// `solar`, `grid_import`, `grid_export`, `battery_in`, `battery_out`, `power`, `gas` or `water`.
    pub place: &'static str,
    /// What it is called in Home Assistant.
    pub words: &'static str,
    /// Any of them, or all.
    pub entries: Vec<DashboardEntry>,
    /// What does not belong there beside them.
    pub not: Vec<NotBeside>,
    /// Whether only the user knows which of the entries it is.
    #[serde(skip)]
    pub is_disputed: bool,
}

/// A counter, or a power.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct DashboardEntry {
    /// The device.
    #[serde(rename = "ref")]
    pub reference: String,
    /// The key of its metric.
    pub key: String,
    /// What the device is called.
    pub device: String,
    /// What the metric is called.
    pub name: String,
    /// The key of the power of the same source, for which Home Assistant may ask.
    pub power: Option<String>,
    /// What to know of it; may be empty.
    pub remark: String,
    /// Its id in topics and its key: the unique id of the entity.
    pub unique_id: String,
    /// The same of the power.
    #[serde(skip)]
    pub power_unique_id: Option<String>,
    /// What Home Assistant calls it, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entity_id: Option<String>,
    /// Whether it is in the dashboard, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used: Option<bool>,
    /// Why it is not added: `off` where the entity is switched off, `behind` where what is behind the device is in the
    /// dashboard already, `other` where another counter of the same energy is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held: Option<&'static str>,
    /// The unique ids of all that count the same energy: of the device, of those it is behind, and of those behind it.
    #[serde(skip)]
    pub same_unique_ids: Vec<String>,
}

/// Devices of which the same energy would count twice.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct NotBeside {
    /// The device that they are behind.
    #[serde(rename = "ref")]
    pub reference: String,
    device: String,
    /// They.
    refs: Vec<String>,
    words: String,
    /// The unique ids of their counters.
    #[serde(skip)]
    pub unique_ids: Vec<String>,
}

#[cfg(test)]
impl NotBeside {
    /// Behind this device, with these counters.
    pub fn of(reference: &str, unique_ids: &[&str]) -> Self {
        Self {
            reference: reference.to_owned(),
            device: reference.to_owned(),
            refs: Vec::new(),
            words: String::new(),
            unique_ids: unique_ids.iter().map(|it| (*it).to_owned()).collect(),
        }
    }
}

/// What belongs where, of all devices.
pub fn told(
    devices: &[Known],
    flow: &FlowSettings,
    key: &WebKey,
    language: Language,
) -> Vec<ToldPlace> {
    let roles = ChosenRoles::of(devices, flow);
    let find = |id: &DeviceId| {
        devices
            .iter()
            .map(|known| &*known.device)
            .find(|it| it.id == *id)
    };
    let tell_part = |place: &DashboardPlace, part: EnergyPart| {
        let mut entries = Vec::new();
        let mut not = Vec::new();
        if roles.is_disputed(part) {
            for device in devices.iter().map(|known| &*known.device) {
                let metrics = device.metrics.iter().filter(|metric| is_for(metric, part));
                let remark = language.say(&say!("Several devices measure a connection to the grid: choose the one that is that of your house."));
                let entry = |metric| entry(device, metric, remark.clone(), key, language);
                entries.extend(metrics.map(entry));
            }
        }
        for member in roles.members(part) {
            let Some(device) = find(&member.device) else {
                continue;
            };
            let Some(metric) = device.metric(&member.key).filter(|it| is_for(it, part)) else {
                continue;
            };
            let mut entry = entry(
                device,
                metric,
                remark(device, metric, language),
                key,
                language,
            );
            entry.same_unique_ids = same_energy(device, metric, devices);
            entries.push(entry);
            not.extend(not_beside(device, part, devices, key));
        }
        ToldPlace {
            place: place.name,
            words: place.words,
            entries,
            not,
            is_disputed: roles.is_disputed(part),
        }
    };
    let tell = |place: &DashboardPlace| match place.wants {
        PlaceWants::Part(part) => tell_part(place, part),
        PlaceWants::Counter(_) => counters(place, devices, key, language),
    };
    PLACES.iter().map(tell).collect()
}

/// Every counter that a place wants.
fn counters(
    place: &DashboardPlace,
    devices: &[Known],
    key: &WebKey,
    language: Language,
) -> ToldPlace {
    let all = devices.iter().map(|known| &*known.device);
    let entries = all.flat_map(|device| {
        let metrics = device.metrics.iter();
        let metrics = metrics.filter(|metric| place.wants.is_for(metric));
        metrics.map(|metric| {
            entry(
                device,
                metric,
                remark(device, metric, language),
                key,
                language,
            )
        })
    });
    ToldPlace {
        place: place.name,
        words: place.words,
        entries: entries.collect(),
        not: Vec::new(),
        is_disputed: false,
    }
}

fn entry(
    device: &Device,
    metric: &Metric,
    remark: String,
    key: &WebKey,
    language: Language,
) -> DashboardEntry {
    let is_power = |it: &&Metric| it.part.is_some_and(|part| part.part == EnergyPart::Sun);
    let is_sun = metric
        .part
        .is_some_and(|part| part.part == EnergyPart::SunEnergy);
    let power = device.metrics.iter().find(is_power).filter(|_| is_sun);
    DashboardEntry {
        reference: key.reference(&device.id),
        key: metric.key.to_string(),
        device: device.name.clone(),
        name: language.name(metric),
        power: power.map(|metric| metric.key.to_string()),
        remark,
        unique_id: unique_id(device, metric),
        power_unique_id: power.map(|power| unique_id(device, power)),
        entity_id: None,
        used: None,
        held: None,
        same_unique_ids: Vec::new(),
    }
}

/// Whatever else counts the energy of a metric, also by the day, by tariff or as its substitute.
fn same_energy(device: &Device, metric: &Metric, devices: &[Known]) -> Vec<String> {
    let Some(part) = metric.part.map(|it| it.part) else {
        return Vec::new();
    };
    let all = || devices.iter().map(|known| &*known.device);
    let mut family = vec![device];
    // As many steps as there are devices, so that a circle ends.
    let mut above = device;
    for _ in all() {
        let via = above.via.as_ref();
        let Some(parent) = via.and_then(|via| all().find(|it| it.id == *via)) else {
            break;
        };
        family.push(parent);
        above = parent;
    }
    let mut behind = vec![&device.id];
    // Parents come before their children.
    for child in all() {
        if child.via.as_ref().is_some_and(|via| behind.contains(&via)) {
            behind.push(&child.id);
            family.push(child);
        }
    }
    let is_part = |it: &Metric| it.part.is_some_and(|it| it.part == part);
    let ids = family.into_iter().flat_map(|device| {
        let metrics = device.metrics.iter().filter(move |it| {
            let whole = it.share_of.as_ref().and_then(|key| device.metric(key));
            is_part(it) || whole.is_some_and(is_part)
        });
        metrics.map(|metric| unique_id(device, metric))
    });
    let own = unique_id(device, metric);
    ids.filter(|id| *id != own).collect()
}

fn unique_id(device: &Device, metric: &Metric) -> String {
    format!("{}_{}", device.id, metric.key)
}

/// Whether a metric can stand in the place of a part: of energies, counters only that never fall.
fn is_for(metric: &Metric, part: EnergyPart) -> bool {
    let is_part = metric.part.is_some_and(|it| it.part == part);
    let is_counter = matches!(metric.behavior, Behavior::LifetimeCounter);
    let is_power = matches!(metric.behavior, Behavior::Measurement);
    is_part
        && if part == EnergyPart::Grid {
            is_power
        } else {
            is_counter
        }
}

fn remark(device: &Device, metric: &Metric, language: Language) -> String {
    let is_substitute = metric.part.is_some_and(|part| part.is_substitute);
    let is_sun = metric
        .part
        .is_some_and(|it| it.part == EnergyPart::SunEnergy);
    let is_of = |it: &Metric| it.share_of.as_ref() == Some(&metric.key);
    let sentence = if metric.derived.is_some() {
        say!(
            "It is summed up from the power while wattbridge runs, and misses what is produced meanwhile."
        )
    } else if is_substitute && is_sun {
        say!(
            "It can be set to 0 at the device. Where there is another counter of the same, take that."
        )
    } else if is_substitute {
        say!("Only as long as there is no meter of its own for it.")
    } else if metric.is_summed_here && device.via.is_none() {
        say!("It begins at 0 when wattbridge meets the device.")
    } else if device.metrics.iter().any(is_of) {
        say!("Or the tariffs that it consists of, each with a price of its own; never both.")
    } else {
        return String::new();
    };
    language.say(&sentence)
}

/// Devices behind this one that count the same energy.
fn not_beside(
    parent: &Device,
    part: EnergyPart,
    devices: &[Known],
    key: &WebKey,
) -> Option<NotBeside> {
    let mut above = vec![&parent.id];
    let mut refs = Vec::new();
    let mut unique_ids = Vec::new();
    // Parents come before their children.
    for device in devices.iter().map(|known| &*known.device) {
        if device.via.as_ref().is_some_and(|via| above.contains(&via)) {
            above.push(&device.id);
            let counters = device.metrics.iter().filter(|metric| is_for(metric, part));
            let before = unique_ids.len();
            unique_ids.extend(counters.map(|metric| unique_id(device, metric)));
            if unique_ids.len() > before {
                refs.push(key.reference(&device.id));
            }
        }
    }
    let words = match refs.len() {
        0 => return None,
        1 => "not also the device behind it: the same energy would count twice".to_owned(),
        count => {
            format!("not also the {count} devices behind it: the same energy would count twice")
        }
    };
    Some(NotBeside {
        reference: key.reference(&parent.id),
        device: parent.name.clone(),
        refs,
        words,
        unique_ids,
    })
}

#[cfg(test)]
mod tests;
