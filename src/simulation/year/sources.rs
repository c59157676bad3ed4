//! Where each metric takes its value from, by its part in the energy of the house, else by its key. A metric
//! of which the house knows nothing is left out.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::YearPlan;
use super::physics::{Energies, OF_A_WATT_HOUR, Physics};
use super::plant::{HousePlant, PlantRole, panel_number};
use crate::model::{
    Behavior, Decimal, Device, DeviceId, EnergyPart, Metric, Quantity, Reading, Role, Value,
};
use crate::simulation::noise::{hash, unit};

/// What every device of a house tells.
#[derive(Debug)]
pub struct Sources {
    devices: Vec<DeviceSources>,
}

#[derive(Debug)]
struct DeviceSources {
    id: DeviceId,
    metrics: Vec<MetricSource>,
    has_own_day: bool,
}

#[derive(Debug)]
struct MetricSource {
    key: Cow<'static, str>,
    decimals: u8,
    source: ValueSource,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
enum ValueSource {
    /// W of this flow, divided by so many phases.
    Power(Flow, i32),
    /// A, of a flow in so many phases at so many V.
    Current(Flow, i32, i32),
    /// A counter that begins with so much, in its own smallest unit.
    Lifetime(Flow, i64),
    /// A counter of the day; on the last day it is stretched by this ratio, so that it ends as it should.
    Daily(Flow, Option<(i64, i64)>),
    /// % of the battery; in the end it is off by so many thousandths.
    Level(i64),
    /// V of the mains, that wobble; between phases if so.
    Mains(bool, u64),
    /// V of the battery, by its level.
    BatteryVoltage,
    /// How many devices are behind this one.
    Children(i64),
}

/// What flows somewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Flow {
    Panels(Vec<usize>),
    Charger,
    Grid,
    Taken,
    Given,
    Battery,
    Charged,
    Discharged,
    Gas,
    Water,
    Heat,
}

impl Flow {
    fn watts(&self, physics: &Physics<'_>) -> i32 {
        let panel = |panel: &usize| physics.panels.get(*panel).copied().unwrap_or(0);
        match self {
            Self::Panels(panels) => panels.iter().map(panel).sum(),
            Self::Charger => physics.charger,
            Self::Grid => physics.grid,
            Self::Taken => physics.grid.max(0),
            Self::Given => (-physics.grid).max(0),
            Self::Battery => physics.battery,
            Self::Charged => physics.battery.max(0),
            Self::Discharged => (-physics.battery).max(0),
            Self::Gas | Self::Water | Self::Heat => 0,
        }
    }

    /// Watt seconds; what flows both ways is no energy of one counter.
    fn energy(&self, energies: &Energies) -> i64 {
        let panel = |panel: &usize| energies.panels.get(*panel).copied().unwrap_or(0);
        match self {
            Self::Panels(panels) => panels.iter().map(panel).sum(),
            Self::Charger => energies.charger,
            Self::Taken => energies.import,
            Self::Given => energies.export,
            Self::Charged => energies.charged,
            Self::Discharged => energies.discharged,
            Self::Gas => energies.gas,
            Self::Water => energies.water,
            Self::Heat => energies.heat,
            Self::Grid | Self::Battery => 0,
        }
    }
}

impl Sources {
    pub fn of(plan: &YearPlan, plant: &HousePlant) -> Self {
        let roles = plan.devices.iter().zip(&plant.roles);
        let devices = roles.map(|(device, role)| {
            let metrics = device.metrics.iter().filter(|metric| is_kept(metric));
            let metrics = metrics.filter_map(|metric| {
                Some(MetricSource {
                    key: metric.key.clone(),
                    decimals: metric.decimals,
                    source: source(metric, device, role, plan, plant)?,
                })
            });
            let metrics: Vec<MetricSource> = metrics.collect();
            let is_daily = |it: &MetricSource| matches!(it.source, ValueSource::Daily(..));
            DeviceSources {
                id: device.id.clone(),
                has_own_day: metrics.iter().any(is_daily),
                metrics,
            }
        });
        Self {
            devices: devices.collect(),
        }
    }

    /// Shifts counters so that they stand at these values when all of a plan has happened.
    pub fn end_at(&mut self, ends: &BTreeMap<(DeviceId, String), Decimal>, physics: &Physics<'_>) {
        for device in &mut self.devices {
            for metric in &mut device.metrics {
                let key = (device.id.clone(), metric.key.to_string());
                let Some(end) = ends.get(&key) else { continue };
                let end = end.with_scale(metric.decimals).mantissa();
                match &mut metric.source {
                    ValueSource::Lifetime(flow, begin) => {
                        *begin = end - units(flow.energy(&physics.total), metric.decimals);
                    }
                    ValueSource::Daily(flow, stretch) => {
                        let own = units(flow.energy(&physics.today), metric.decimals);
                        *stretch = (own > 0).then_some((end, own));
                    }
                    ValueSource::Level(off) => {
                        let own = physics.level();
                        *off = end * 10_i64.pow(3 - u32::from(metric.decimals.min(3))) - own;
                    }
                    _ => {}
                }
            }
        }
    }

    /// Whether the counters of a device follow a day of its own clock.
    pub fn has_own_day(&self, device: usize) -> bool {
        self.devices.get(device).is_some_and(|it| it.has_own_day)
    }

    /// All values of a device.
    pub fn values(&self, device: usize, physics: &Physics<'_>) -> Vec<Reading> {
        let metrics = self.devices.get(device).map(|it| it.metrics.as_slice());
        let metrics = metrics.unwrap_or_default().iter();
        let reading = |metric: &MetricSource| Reading {
            key: metric.key.clone(),
            value: Value::Number(metric.value(physics)),
        };
        metrics.map(reading).collect()
    }

    /// Which values of a device are energies, by their place among its values, with whether each begins anew
    /// each day.
    pub fn counters(&self, device: usize) -> impl Iterator<Item = (usize, bool)> + '_ {
        let metrics = self.devices.get(device).map(|it| it.metrics.as_slice());
        let metrics = metrics.unwrap_or_default().iter().enumerate();
        metrics.filter_map(|(place, metric)| match metric.source {
            ValueSource::Lifetime(..) => Some((place, false)),
            ValueSource::Daily(..) => Some((place, true)),
            _ => None,
        })
    }
}

impl MetricSource {
    fn value(&self, physics: &Physics<'_>) -> Decimal {
        let scaled = |number: Decimal| number.with_scale(self.decimals);
        match &self.source {
            ValueSource::Power(flow, phases) => {
                let mut watts = i64::from(flow.watts(physics));
                if *phases > 1 {
                    watts = watts * 10 / i64::from(*phases);
                    return scaled(Decimal::new(watts, 1));
                }
                scaled(Decimal::integer(watts))
            }
            ValueSource::Current(flow, phases, volts) => {
                let watts = i64::from(flow.watts(physics));
                let milliamperes = watts * 1000 / i64::from(*phases) / i64::from(*volts);
                scaled(Decimal::new(milliamperes, 3))
            }
            ValueSource::Lifetime(flow, begin) => {
                let gained = units(flow.energy(&physics.total), self.decimals);
                Decimal::new(begin + gained, self.decimals)
            }
            ValueSource::Daily(flow, stretch) => {
                let mut gained = units(flow.energy(&physics.today), self.decimals);
                if let (Some((end, own)), true) = (stretch, physics.is_last_day) {
                    gained = gained * end / own;
                }
                Decimal::new(gained, self.decimals)
            }
            ValueSource::Level(off) => {
                let share = physics.ending(6 * 3600);
                let level = physics.level() + (*off as f64 * share) as i64;
                scaled(Decimal::new(level.clamp(0, 100_000), 3))
            }
            ValueSource::Mains(is_between, salt) => {
                let wobble = unit(*salt, 0, physics.turn.unsigned_abs());
                let volts = if *is_between { 3980.0 } else { 2300.0 };
                scaled(Decimal::new((volts + 60.0 * (wobble - 0.5)) as i64, 1))
            }
            ValueSource::BatteryVoltage => {
                // Four cells of 3.2 to 3.4 V, more where it is large.
                let cells = if physics.is_large_battery() { 16 } else { 4 };
                let millivolts = cells * (3_180 + physics.level() / 500);
                scaled(Decimal::new(millivolts, 3))
            }
            ValueSource::Children(count) => scaled(Decimal::integer(*count)),
        }
    }
}

/// Watt seconds in the smallest unit of a counter in kWh; what is not full yet is not counted.
fn units(energy: i64, decimals: u8) -> i64 {
    let watt_hours = energy.div_euclid(OF_A_WATT_HOUR);
    match decimals {
        0..=3 => watt_hours.div_euclid(10_i64.pow(3 - u32::from(decimals))),
        _ => watt_hours * 10_i64.pow(u32::from(decimals) - 3),
    }
}

/// What a history keeps of its own accord.
fn is_kept(metric: &Metric) -> bool {
    metric.enabled
        && metric.role == Role::Primary
        && (metric.behavior == Behavior::Measurement || metric.is_counter())
}

fn source(
    metric: &Metric,
    device: &Device,
    role: &PlantRole,
    plan: &YearPlan,
    plant: &HousePlant,
) -> Option<ValueSource> {
    let key = metric.key.as_ref();
    let own = match role {
        PlantRole::Sun(panels) => Some(Flow::Panels(panels.clone())),
        PlantRole::Charger => Some(Flow::Charger),
        _ => None,
    };
    let salt = key
        .bytes()
        .fold(device.id.as_str().len() as u64, |salt, byte| {
            hash(salt, byte.into())
        });
    match metric.quantity? {
        Quantity::Energy => {
            let flow = energy_flow(metric, device, own, plant)?;
            Some(match metric.behavior {
                Behavior::DailyCounter => ValueSource::Daily(flow, None),
                // What was counted before, by a number of its own for each.
                _ => ValueSource::Lifetime(flow, (salt % 900_000) as i64),
            })
        }
        Quantity::Gas => Some(ValueSource::Lifetime(Flow::Gas, 4_321_987)),
        Quantity::Water => Some(ValueSource::Lifetime(Flow::Water, 872_234)),
        Quantity::Heat if key == "heat" => Some(ValueSource::Lifetime(Flow::Heat, 240_860)),
        Quantity::Power => power_flow(metric, device, own, plant),
        Quantity::StateOfCharge if *role == PlantRole::Battery => Some(ValueSource::Level(0)),
        Quantity::Count if key == "inverters_online" => {
            let behind = |it: &&_| Device::clone(it).via.as_ref() == Some(&device.id);
            let count = plan
                .devices
                .iter()
                .filter(|it| behind(&it.as_ref()))
                .count();
            Some(ValueSource::Children(i64::try_from(count).unwrap_or(0)))
        }
        Quantity::Voltage if key.starts_with("battery_voltage") => {
            Some(ValueSource::BatteryVoltage)
        }
        Quantity::Voltage if key.starts_with("voltage") => {
            Some(ValueSource::Mains(key.matches("_l").count() == 2, salt))
        }
        Quantity::Current if *role == PlantRole::Meter && key.starts_with("current_l") => {
            Some(ValueSource::Current(Flow::Grid, 3, 230))
        }
        Quantity::Current if key == "battery_current" => {
            let volts = if plan.battery > 4_000 { 52 } else { 13 };
            let flow = if *role == PlantRole::Charger {
                Flow::Charger
            } else {
                Flow::Battery
            };
            Some(ValueSource::Current(flow, 1, volts))
        }
        _ => None,
    }
}

/// The panel of a device that a key such as `panel_2_power` speaks of.
fn panel_of(key: &str, device: &Device, plant: &HousePlant) -> Option<Flow> {
    panel_number(key)?;
    let number = key.split('_').nth(1)?;
    let power = format!("panel_{number}_power");
    let is_it = |panel: &super::PlantPanel| panel.device == device.id && panel.key == power;
    Some(Flow::Panels(vec![plant.panels.iter().position(is_it)?]))
}

fn energy_flow(
    metric: &Metric,
    device: &Device,
    own: Option<Flow>,
    plant: &HousePlant,
) -> Option<Flow> {
    match metric.part.map(|part| part.part) {
        Some(EnergyPart::GridImport) => Some(Flow::Taken),
        Some(EnergyPart::GridExport) => Some(Flow::Given),
        Some(EnergyPart::BatteryIn) => Some(Flow::Charged),
        Some(EnergyPart::BatteryOut) => Some(Flow::Discharged),
        Some(EnergyPart::SunEnergy) => own,
        // An optimizer's day, and the panels of an inverter.
        _ if metric.key == "energy_today" => own,
        _ => panel_of(&metric.key, device, plant),
    }
}

fn power_flow(
    metric: &Metric,
    device: &Device,
    own: Option<Flow>,
    plant: &HousePlant,
) -> Option<ValueSource> {
    let key = metric.key.as_ref();
    let flow = match metric.part.map(|part| part.part) {
        Some(EnergyPart::Grid) => Flow::Grid,
        Some(EnergyPart::GridTaken) => Flow::Taken,
        Some(EnergyPart::GridGiven) => Flow::Given,
        Some(EnergyPart::Sun) => own?,
        Some(EnergyPart::Battery) if own != Some(Flow::Charger) => Flow::Battery,
        Some(EnergyPart::Battery) => Flow::Charger,
        _ => match key {
            "power" | "dc_power" => own?,
            "power_l1" | "power_l2" | "power_l3" => return Some(ValueSource::Power(own?, 3)),
            "power_import_l1" | "power_import_l2" | "power_import_l3" => {
                return Some(ValueSource::Power(Flow::Taken, 3));
            }
            "power_export_l1" | "power_export_l2" | "power_export_l3" => {
                return Some(ValueSource::Power(Flow::Given, 3));
            }
            _ => panel_of(key, device, plant).filter(|_| key.ends_with("_power"))?,
        },
    };
    Some(ValueSource::Power(flow, 1))
}
