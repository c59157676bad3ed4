//! Which values of which devices are the sun, the grid and the battery of a house.

use std::collections::{BTreeMap, BTreeSet};

use super::settings::FlowSettings;
use crate::bridge::Known;
use crate::bridge::sums;
use crate::history;
use crate::model::{Device, DeviceId, EnergyPart, HealthCode, Metric, Quantity};

/// A value that has a role.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RoleMember {
    /// The device.
    pub device: DeviceId,
    /// The key of its metric.
    pub key: String,
}

/// Who is what.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChosenRoles {
    members: BTreeMap<EnergyPart, Vec<RoleMember>>,
    /// Parts that several devices claim, of which there can be only one.
    disputed: BTreeSet<EnergyPart>,
}

/// What is one thing, known by several values: the power of a moment, and counters.
const GRID: &[EnergyPart] = &[
    EnergyPart::Grid,
    EnergyPart::GridTaken,
    EnergyPart::GridGiven,
    EnergyPart::GridImport,
    EnergyPart::GridExport,
];

impl ChosenRoles {
    /// Chooses among these devices, parents before their children.
    pub fn of(devices: &[Known], settings: &FlowSettings) -> Self {
        let devices: Vec<&Device> = devices
            .iter()
            .filter(|known| known.state.health.code != HealthCode::Disabled)
            .map(|known| known.device.as_ref())
            .collect();
        let mut roles = Self::default();
        for part in EnergyPart::ALL {
            roles.choose(*part, &devices);
        }
        roles.prefer_monitors(&devices);
        roles.choose_one_connection(&devices);
        let named = [
            (&settings.sun, EnergyPart::Sun, EnergyPart::SunEnergy),
            (&settings.grid, EnergyPart::Grid, EnergyPart::Grid),
            (
                &settings.grid_import,
                EnergyPart::GridImport,
                EnergyPart::GridImport,
            ),
            (
                &settings.grid_export,
                EnergyPart::GridExport,
                EnergyPart::GridExport,
            ),
            (&settings.battery, EnergyPart::Battery, EnergyPart::Battery),
            (
                &settings.battery_in,
                EnergyPart::BatteryIn,
                EnergyPart::BatteryIn,
            ),
            (
                &settings.battery_out,
                EnergyPart::BatteryOut,
                EnergyPart::BatteryOut,
            ),
            (
                &settings.battery_level,
                EnergyPart::BatteryLevel,
                EnergyPart::BatteryLevel,
            ),
            (&settings.house, EnergyPart::House, EnergyPart::House),
        ];
        for (members, power, energy) in named {
            roles.name(members, power, energy, &devices);
        }
        roles
    }

    /// The values of a part.
    pub fn members(&self, part: EnergyPart) -> &[RoleMember] {
        self.members.get(&part).map_or(&[], Vec::as_slice)
    }

    /// Whether several devices claim to be what only one can be.
    pub fn is_disputed(&self, part: EnergyPart) -> bool {
        self.disputed.contains(&part)
    }

    /// What the history is to know of them.
    pub fn for_history(&self) -> history::HouseRoles {
        let members = self.all().filter(|(part, _)| *part != EnergyPart::House);
        let members = members.map(|(part, it)| (part, it.device.clone(), it.key.clone()));
        let mut roles = history::HouseRoles::of(members);
        // Several are no longer one meter.
        if let [only] = self.members(EnergyPart::House) {
            roles.house = Some((only.device.clone(), only.key.clone()));
        }
        roles
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = (EnergyPart, &RoleMember)> {
        self.members
            .iter()
            .flat_map(|(part, members)| members.iter().map(|member| (*part, member)))
    }

    /// The metrics that say to be this part. What stands behind a device that has it too is in that one.
    fn choose(&mut self, part: EnergyPart, devices: &[&Device]) {
        let has = |device: &Device| of(device, part).next().is_some();
        let mut above: BTreeSet<&DeviceId> = BTreeSet::new();
        let mut members = Vec::new();
        for device in devices {
            let is_inside = device.via.as_ref().is_some_and(|via| above.contains(via));
            if is_inside || has(device) {
                // Its children are in it, however deep.
                above.insert(&device.id);
            }
            if is_inside {
                continue;
            }
            let own = of(device, part).filter(|metric| !is_substitute(metric));
            let mut own: Vec<&Metric> = own.collect();
            if own.is_empty() {
                own.extend(of(device, part));
            }
            members.extend(
                own.into_iter()
                    .map(|metric| RoleMember::new(device, metric)),
            );
        }
        if !members.is_empty() {
            self.members.insert(part, members);
        }
    }

    /// What charges a battery knows only its own part of it: where a device of the same adapter knows how full it is,
    /// that one knows the power.
    fn prefer_monitors(&mut self, devices: &[&Device]) {
        let is_monitor = |device: &&&Device| {
            let has = |part| of(device, part).next().is_some();
            has(EnergyPart::Battery) && has(EnergyPart::BatteryLevel)
        };
        let monitors: Vec<_> = devices.iter().filter(is_monitor).collect();
        let has_monitor = |device: &Device| {
            monitors
                .iter()
                .any(|monitor| monitor.adapter == device.adapter)
        };
        let is_left_out = |member: &RoleMember| {
            let device = devices.iter().find(|device| device.id == member.device);
            device.is_some_and(|device| has_monitor(device) && !is_monitor(&device))
        };
        if let Some(members) = self.members.get_mut(&EnergyPart::Battery) {
            members.retain(|member| !is_left_out(member));
        }
    }

    /// A house has one connection to the grid. Who knows it best says all of it; nobody, if there are several.
    fn choose_one_connection(&mut self, devices: &[&Device]) {
        let is_first_hand = |device: &&&Device| {
            let metrics = device.metrics.iter();
            metrics.clone().any(|metric| {
                GRID.iter()
                    .any(|part| is(metric, *part) && !is_substitute(metric))
            })
        };
        let has_any =
            |device: &&&Device| GRID.iter().any(|part| of(device, *part).next().is_some());
        let mut best: Vec<&DeviceId> = devices
            .iter()
            .filter(is_first_hand)
            .map(|device| &device.id)
            .collect();
        if best.is_empty() {
            best.extend(devices.iter().filter(has_any).map(|device| &device.id));
        }
        match best.as_slice() {
            [] => {}
            [only] => {
                for part in GRID {
                    if let Some(members) = self.members.get_mut(part) {
                        members.retain(|member| member.device == **only);
                    }
                }
                self.members.retain(|_, members| !members.is_empty());
            }
            _ => {
                for part in GRID {
                    self.members.remove(part);
                }
                self.disputed.extend(GRID);
            }
        }
    }

    /// What the section names takes the place of what was chosen.
    fn name(
        &mut self,
        named: &[sums::Member],
        power: EnergyPart,
        energy: EnergyPart,
        devices: &[&Device],
    ) {
        if named.is_empty() {
            return;
        }
        let mut powers = BTreeSet::new();
        let mut energies = BTreeSet::new();
        for device in devices {
            for member in named
                .iter()
                .filter(|member| member.names(device.id.as_str()))
            {
                let Some(metric) = device.metric(member.key()) else {
                    continue;
                };
                if metric.quantity == Some(Quantity::Energy) {
                    energies.insert(RoleMember::new(device, metric));
                } else {
                    powers.insert(RoleMember::new(device, metric));
                    // Who is the sun by its power is the sun by its counters.
                    if power != energy && metric.part.is_some_and(|it| it.part == power) {
                        energies.extend(
                            of(device, energy).map(|metric| RoleMember::new(device, metric)),
                        );
                    }
                }
            }
        }
        let mut put = |part: EnergyPart, members: BTreeSet<RoleMember>| {
            self.disputed.remove(&part);
            self.members.insert(part, members.into_iter().collect());
        };
        if power == EnergyPart::Grid {
            for other in [EnergyPart::GridTaken, EnergyPart::GridGiven] {
                put(other, BTreeSet::new());
            }
        }
        if power == energy {
            powers.append(&mut energies);
            put(power, powers);
        } else {
            put(power, powers);
            put(energy, energies);
        }
    }
}

impl RoleMember {
    fn new(device: &Device, metric: &Metric) -> Self {
        Self {
            device: device.id.clone(),
            key: metric.key.to_string(),
        }
    }
}

fn is(metric: &Metric, part: EnergyPart) -> bool {
    metric.part.is_some_and(|it| it.part == part)
}

fn is_substitute(metric: &Metric) -> bool {
    metric.part.is_some_and(|it| it.is_substitute)
}

fn of(device: &Device, part: EnergyPart) -> impl Iterator<Item = &Metric> {
    device.metrics.iter().filter(move |metric| is(metric, part))
}
