//! Which device of a house is what, by the parts and keys of its metrics, and where its panels lie.

use std::sync::Arc;

use crate::model::{Device, DeviceId, EnergyPart, Metric, Quantity};

/// Watts of a panel whose device does not say how much it can deliver.
const USUAL_PANEL: f64 = 400.0;
/// Watts of the panels of a charger that does not say it.
const USUAL_CHARGER: f64 = 2_400.0;
/// Panels in a row of a plane, on the picture of a roof.
const IN_A_ROW: u32 = 4;

/// What is known of a house.
#[derive(Debug)]
pub struct HousePlant {
    /// What each device is, in the order of the plan.
    pub(super) roles: Vec<PlantRole>,
    /// All panels.
    pub panels: Vec<PlantPanel>,
    /// The planes in which they lie.
    pub planes: Vec<PlantPlane>,
    /// Watts of the panels at chargers, which lie nowhere.
    pub(super) charger: f64,
    /// Watts that the battery takes at most.
    pub(super) takes: i32,
    pub(super) has_battery: bool,
    /// Whether something counts gas, water or heat.
    pub(super) has_supply: bool,
}

/// A plane of the roof.
#[derive(Debug, Clone, PartialEq)]
pub struct PlantPlane {
    /// What a person calls it.
    pub name: String,
    /// Degrees from north over east: 180 is south.
    pub direction: f64,
    /// Degrees from level.
    pub steep: f64,
}

/// A panel, and what is the matter with it.
#[derive(Debug, Clone, PartialEq)]
pub struct PlantPanel {
    /// Whose it is.
    pub device: DeviceId,
    /// The metric with its power.
    pub key: String,
    /// Watts in full sun.
    pub rated: f64,
    /// Its plane, counted from 0.
    pub plane: usize,
    /// Its column and row in the plane.
    pub place: (u32, u32),
    /// What dirt and make leave of its power.
    pub share: f64,
    /// Whether a chimney stands before the sun from noon to three.
    pub is_shaded: bool,
}

/// What a device is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PlantRole {
    /// Brings sun: from these panels, its own or those of devices behind it.
    Sun(Vec<usize>),
    /// Brings sun into the battery.
    Charger,
    /// Knows what goes into the battery and out of it.
    Battery,
    /// Knows what comes from the grid and goes there.
    Meter,
    /// Counts gas, water or heat.
    Supply,
    /// Something else, of which nothing is told.
    Other,
}

impl HousePlant {
    /// Looks at what there is.
    pub fn of(devices: &[Arc<Device>]) -> Self {
        let mut plant = Self {
            roles: Vec::new(),
            panels: Vec::new(),
            planes: Vec::new(),
            charger: 0.0,
            takes: 2_500,
            has_battery: false,
            has_supply: false,
        };
        let own: Vec<Vec<usize>> = devices
            .iter()
            .map(|device| plant.add_panels(device, devices))
            .collect();
        plant.lay_out(devices);
        plant.spoil();
        for (number, device) in devices.iter().enumerate() {
            let behind = devices.iter().enumerate();
            let behind = behind.filter(|(_, it)| it.via.as_ref() == Some(&device.id));
            let mut panels = own.get(number).cloned().unwrap_or_default();
            panels.extend(behind.flat_map(|(it, _)| own.get(it).cloned().unwrap_or_default()));
            let role = if has(device, EnergyPart::GridImport) || has(device, EnergyPart::Grid) {
                PlantRole::Meter
            } else if !panels.is_empty() {
                PlantRole::Sun(panels)
            } else if has(device, EnergyPart::Sun) {
                plant.charger += device.rated_power.map_or(USUAL_CHARGER, f64::from);
                PlantRole::Charger
            } else if has(device, EnergyPart::BatteryIn) || has(device, EnergyPart::BatteryLevel) {
                plant.has_battery = true;
                PlantRole::Battery
            } else if device.metrics.iter().any(is_supply) {
                plant.has_supply = true;
                PlantRole::Supply
            } else {
                PlantRole::Other
            };
            plant.roles.push(role);
        }
        plant
    }

    /// The panels that a device has itself.
    fn add_panels(&mut self, device: &Device, all: &[Arc<Device>]) -> Vec<usize> {
        let is_power = |metric: &&Metric| metric.quantity == Some(Quantity::Power);
        let powers = device.metrics.iter().filter(is_power);
        let mut keys: Vec<&str> = powers
            .map(|metric| metric.key.as_ref())
            .filter(|key| panel_number(key).is_some_and(|rest| rest == "power"))
            .collect();
        let is_behind_sun = device.via.as_ref().is_some_and(|via| {
            let parent = all.iter().find(|it| it.id == *via);
            parent.is_some_and(|parent| has(parent, EnergyPart::Sun))
        });
        // An optimizer is a panel; what has children that bring sun has no panels of its own.
        if keys.is_empty() && is_behind_sun && device.metric("power").is_some() {
            keys.push("power");
        }
        let has_children = all.iter().any(|it| it.via.as_ref() == Some(&device.id));
        if keys.is_empty()
            && !has_children
            && has(device, EnergyPart::Sun)
            && device.metric("power").is_some()
        {
            keys.push("power");
        }
        let count = keys.len().max(1) as f64;
        let rated = device
            .rated_power
            .map_or(USUAL_PANEL, |watts| f64::from(watts) * 1.1 / count);
        let first = self.panels.len();
        self.panels.extend(keys.iter().map(|key| PlantPanel {
            device: device.id.clone(),
            key: (*key).to_owned(),
            rated,
            plane: 0,
            place: (0, 0),
            share: 1.0,
            is_shaded: false,
        }));
        (first..self.panels.len()).collect()
    }

    /// Lays the panels of each system on one plane, or on two if there are many.
    fn lay_out(&mut self, devices: &[Arc<Device>]) {
        let root_of = |id: &DeviceId| {
            let device = devices.iter().position(|it| it.id == *id)?;
            let via = devices.get(device)?.via.as_ref();
            via.and_then(|via| devices.iter().position(|it| it.id == *via))
                .or(Some(device))
        };
        let roots: Vec<Option<usize>> = self
            .panels
            .iter()
            .map(|panel| root_of(&panel.device))
            .collect();
        for (number, device) in devices.iter().enumerate() {
            let mine: Vec<usize> = (0..roots.len())
                .filter(|panel| roots.get(*panel) == Some(&Some(number)))
                .collect();
            if mine.is_empty() {
                continue;
            }
            let is_large = mine.len() > 8;
            let directions: &[(&str, f64, f64)] = match (is_large, self.planes.len() % 3) {
                (true, _) => &[(" south", 178.0, 30.0), (" west", 262.0, 38.0)],
                (false, 0) => &[("", 195.0, 25.0)],
                (false, 1) => &[("", 120.0, 35.0)],
                (false, _) => &[("", 222.0, 18.0)],
            };
            let each = mine.len().div_ceil(directions.len());
            for (lot, (name, direction, steep)) in mine.chunks(each).zip(directions) {
                let plane = self.planes.len();
                self.planes.push(PlantPlane {
                    name: format!("{}{name}", device.name),
                    direction: *direction,
                    steep: *steep,
                });
                for (place, panel) in (0..).zip(lot) {
                    if let Some(panel) = self.panels.get_mut(*panel) {
                        panel.plane = plane;
                        panel.place = (place % IN_A_ROW, place / IN_A_ROW);
                    }
                }
            }
        }
    }

    /// No two panels are alike; one is dirty, and one stands behind a chimney.
    fn spoil(&mut self) {
        let count = self.panels.len();
        for (number, panel) in self.panels.iter_mut().enumerate() {
            panel.share = 0.985 + 0.004 * ((number * 5 % 8) as f64);
        }
        if count > 3
            && let Some(dirty) = self.panels.get_mut(2)
        {
            dirty.share = 0.85;
        }
        if count > 6
            && let Some(shaded) = self.panels.get_mut(5)
        {
            shaded.is_shaded = true;
        }
    }

    /// The last inverter of the largest system: it is not heard of for some days.
    pub(super) fn lost(&self, devices: &[Arc<Device>]) -> Option<usize> {
        let children = |id: &DeviceId| {
            devices
                .iter()
                .filter(|it| it.via.as_ref() == Some(id))
                .count()
        };
        let gateway = devices.iter().max_by_key(|it| children(&it.id))?;
        let is_inverter = |number: usize| {
            matches!(self.roles.get(number), Some(PlantRole::Sun(_)))
                && devices
                    .get(number)
                    .is_some_and(|it| it.via.as_ref() == Some(&gateway.id))
        };
        (0..devices.len()).rev().find(|number| is_inverter(*number))
    }
}

fn is_supply(metric: &Metric) -> bool {
    let quantity = metric.quantity;
    matches!(
        quantity,
        Some(Quantity::Gas | Quantity::Water | Quantity::Heat)
    )
}

/// Whether a device has this part, and knows it itself.
fn has(device: &Device, part: EnergyPart) -> bool {
    let own = device.metrics.iter().filter_map(|metric| metric.part);
    own.into_iter()
        .any(|it| it.part == part && !it.is_substitute)
}

/// What stands behind the number of a panel in a key such as `panel_1_power`.
pub(super) fn panel_number(key: &str) -> Option<&str> {
    let (number, rest) = key.strip_prefix("panel_")?.split_once('_')?;
    number.parse::<u8>().ok()?;
    Some(rest)
}
