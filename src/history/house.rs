//! The house as a whole: its powers in a slot, its energies of a day.

use super::day::DayFlags;
use super::roles::HouseRoles;
use super::series::{HOUSE, SeriesAbout, SeriesKind};
use super::split::{Flows, split};
use crate::model::{Decimal, DeviceId, EnergyPart, Quantity};

/// What powers are reckoned in: thousandths of a watt.
pub const MILLI: u8 = 3;

/// Keys of the house's powers, in the order of [`HousePowers::all`].
pub const POWERS: [&str; 5] = ["sun", "house", "grid", "battery", "battery_level"];
/// Keys of the house's energies of a day that are no flows, in the order of [`HouseEnergies::all`].
pub const ENERGIES: [&str; 6] = [
    "sun_energy",
    "house_energy",
    "import",
    "export",
    "charged",
    "discharged",
];

/// Wh by which the counters of a day may be apart.
const LAG: i64 = 100;
const SUN: &[EnergyPart] = &[EnergyPart::Sun];
const GRID: &[EnergyPart] = &[
    EnergyPart::Grid,
    EnergyPart::GridTaken,
    EnergyPart::GridGiven,
];
const BATTERY: &[EnergyPart] = &[EnergyPart::Battery];
const LEVEL: &[EnergyPart] = &[EnergyPart::BatteryLevel];
/// Whatever shows that there is a battery.
const ANY_BATTERY: &[EnergyPart] = &[
    EnergyPart::Battery,
    EnergyPart::BatteryIn,
    EnergyPart::BatteryOut,
];

/// What a series of the house is.
pub fn about(key: &str) -> SeriesAbout {
    let (kind, quantity, decimals) = match key {
        "battery_level" => (SeriesKind::Measurement, Quantity::StateOfCharge, 1),
        _ if POWERS.contains(&key) => (SeriesKind::Measurement, Quantity::Power, 0),
        // Thousandths of a watt-hour, so that slots add up to days.
        _ if Flows::KEYS.contains(&key) => (SeriesKind::Flow, Quantity::Energy, 6),
        _ => (SeriesKind::Flow, Quantity::Energy, 3),
    };
    SeriesAbout {
        kind,
        quantity: Some(quantity),
        decimals,
        name: key.to_owned(),
        device_name: HOUSE.to_owned(),
        part: None,
        via: None,
    }
}

/// What is known of a value with a role, in a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// The value.
    Known(Decimal),
    /// The device rests, so that its power is 0.
    Resting,
    /// Nothing.
    Unknown,
}

/// The powers of the house in a slot, in thousandths of a watt. What is not known, or is not there, is `None`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HousePowers {
    pub sun: Option<i64>,
    pub house: Option<i64>,
    pub grid: Option<i64>,
    pub battery: Option<i64>,
    /// In tenths of a percent.
    pub level: Option<i64>,
    /// Thousandths of a watt; see [`slot_energy`].
    pub flows: Option<Flows>,
}

impl HousePowers {
    /// From what the values with a role are.
    pub fn of(roles: &HouseRoles, look: impl Fn(&DeviceId, &str) -> Look) -> Self {
        let sum = |parts: &[EnergyPart]| -> Option<i64> {
            let mut of_parts = roles.of_parts(parts).peekable();
            of_parts.peek()?;
            let mut sum = 0_i64;
            for role in of_parts {
                let value = match look(&role.device, &role.key) {
                    Look::Known(value) => value.with_scale(MILLI).mantissa(),
                    Look::Resting if role.part == EnergyPart::Sun => 0,
                    Look::Resting | Look::Unknown => return None,
                };
                let is_minus = role.is_minus ^ (role.part == EnergyPart::GridGiven);
                let value = if is_minus {
                    value.saturating_neg()
                } else {
                    value
                };
                sum = sum.saturating_add(value);
            }
            Some(sum)
        };
        let sun = sum(SUN);
        let battery = sum(BATTERY);
        // Who knows the balance knows both directions, too: that is the same power once more.
        let net: &[EnergyPart] = &[EnergyPart::Grid];
        let mut grid = sum(if roles.has(net) { net } else { GRID });
        // What is not there moves nothing. A house without a meter may still have a grid.
        let sun_moves = if roles.has(SUN) { sun } else { Some(0) };
        let battery_moves = if roles.has(ANY_BATTERY) {
            battery
        } else {
            Some(0)
        };
        let measured = roles
            .house
            .as_ref()
            .map(|(device, key)| match look(device, key) {
                Look::Known(value) => Some(value.with_scale(MILLI).mantissa()),
                Look::Resting | Look::Unknown => None,
            });
        let balance = |a: Option<i64>, b: Option<i64>, c: Option<i64>| {
            Some(a?.saturating_sub(b?).saturating_add(c?))
        };
        let house = match measured {
            Some(house) => house,
            // What is given by a house without a source is of one that nobody has named.
            None => balance(sun_moves, battery_moves, grid)
                .filter(|house| *house >= 0 || roles.has(SUN) || roles.has(ANY_BATTERY))
                .map(|house| house.max(0)),
        };
        if measured.is_some() && !roles.has(GRID) {
            grid = balance(house, sun_moves, battery_moves);
        }
        let level = {
            let levels = roles
                .of_parts(LEVEL)
                .map(|role| look(&role.device, &role.key));
            let known: Vec<i64> = levels
                .filter_map(|look| match look {
                    Look::Known(value) => Some(value.with_scale(1).mantissa()),
                    Look::Resting | Look::Unknown => None,
                })
                .collect();
            // How full several are together depends on how large each is.
            match (known.as_slice(), roles.of_parts(LEVEL).count()) {
                ([only], 1) => Some(*only),
                _ => None,
            }
        };
        Self {
            sun,
            house,
            grid,
            battery,
            level,
            flows: split(sun_moves, battery_moves, grid, house),
        }
    }

    /// All powers as integers of their series, in the order of [`POWERS`].
    pub fn all(&self) -> [Option<i64>; 5] {
        let watts = |milli: Option<i64>| {
            milli.map(|milli| Decimal::new(milli, MILLI).with_scale(0).mantissa())
        };
        [
            watts(self.sun),
            watts(self.house),
            watts(self.grid),
            watts(self.battery),
            self.level,
        ]
    }
}

/// The thousandths of a watt-hour that a power in thousandths of a watt brings in five minutes.
pub const fn slot_energy(power: i64) -> i64 {
    // Rounded half up; flows are never below 0.
    power.saturating_add(6) / 12
}

/// Energies of a day in watt-hours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HouseEnergies {
    pub sun: Option<i64>,
    pub house: Option<i64>,
    pub import: Option<i64>,
    pub export: Option<i64>,
    pub charged: Option<i64>,
    pub discharged: Option<i64>,
    /// Who fed whom, in watt-hours.
    pub flows: Option<Flows>,
    pub flags: DayFlags,
}

/// What the counters with a role say of a day, in watt-hours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counted {
    pub sun: Option<i64>,
    pub import: Option<i64>,
    pub export: Option<i64>,
    pub charged: Option<i64>,
    pub discharged: Option<i64>,
    /// What is measured as power only: the sun, and the house if it has a meter of its own.
    pub sun_power: Option<i64>,
    pub house_power: Option<i64>,
    /// What the slots of the day add up to.
    pub slots: Option<Flows>,
    pub flags: DayFlags,
    /// What is special about the powers of the sun and of the house, which count where there is no counter.
    pub power_flags: (DayFlags, DayFlags),
    /// Whether one of several devices has said nothing, so that nobody knows what the house took.
    pub lacks: bool,
}

impl HouseEnergies {
    /// Counters are exact and say how much; the slots only say how much of the battery went into the grid, and of the
    /// grid into the battery. Where there is no counter, the slots have to do.
    pub fn of(roles: &HouseRoles, counted: &Counted) -> Self {
        let slots = counted.slots;
        let of_slots = |sum: fn(&Flows) -> i64| slots.as_ref().map(sum);
        let has = |parts: &[EnergyPart]| roles.has(parts);
        let has_sun = has(SUN) || has(&[EnergyPart::SunEnergy]);
        let has_battery = has(ANY_BATTERY);
        let sun = counted.sun.or(counted.sun_power);
        let import = counted
            .import
            .or_else(|| of_slots(|it| it.grid_house + it.grid_battery));
        let export = counted
            .export
            .or_else(|| of_slots(|it| it.sun_grid + it.battery_grid));
        let charged = counted
            .charged
            .or_else(|| of_slots(|it| it.sun_battery + it.grid_battery));
        let discharged = counted
            .discharged
            .or_else(|| of_slots(|it| it.battery_house + it.battery_grid));
        let there = |is_there: bool, energy: Option<i64>| if is_there { energy } else { Some(0) };
        let balance = || {
            let produced = there(has_sun, sun)?;
            let (into, out) = (
                there(has_battery, charged)?,
                there(has_battery, discharged)?,
            );
            Some((produced, into, out, import?, export?))
        };
        let known = balance().filter(|(.., export)| {
            let is_of_somebody = has_sun || has_battery || *export <= LAG;
            !counted.lacks && is_of_somebody
        });
        let house = known
            .map(|(sun, into, out, import, export)| (sun - into + out + import - export).max(0));
        let flows = match (known, slots) {
            (Some((sun, into, out, import, export)), Some(slots)) => {
                let sun = sun.max(0);
                let battery_grid = slots.battery_grid.min(out).min(export).max(0);
                let grid_battery = slots.grid_battery.min(import).min(into).max(0);
                let sun_grid = export - battery_grid;
                let sun_battery = into - grid_battery;
                // Counters do not tell of the same second. More than that is a sun of which not all is known, and
                // nobody knows then who fed whom.
                let is_whole = sun_grid + sun_battery <= sun + sun / 20 + LAG;
                let sun_grid = sun_grid.min(sun);
                let sun_battery = sun_battery.min(sun - sun_grid);
                is_whole.then_some(Flows {
                    sun_house: sun - sun_grid - sun_battery,
                    sun_battery,
                    sun_grid,
                    battery_house: out - battery_grid,
                    battery_grid,
                    grid_house: import - grid_battery,
                    grid_battery,
                })
            }
            // Without a battery nobody has to tell.
            (Some((sun, 0, 0, import, export)), None)
                if !has_battery && export <= sun + sun / 20 + LAG =>
            {
                let sun = sun.max(0);
                let sun_grid = export.min(sun);
                Some(Flows {
                    sun_house: sun - sun_grid,
                    sun_grid,
                    grid_house: import,
                    ..Flows::default()
                })
            }
            (_, slots) => slots.filter(|_| !counted.lacks),
        };
        // Slots that are missing make all that is taken from them less.
        let (of_sun, of_house) = counted.power_flags;
        let mut flags = counted.flags;
        if counted.sun.is_none() && sun.is_some() {
            flags = flags | of_sun;
        }
        let is_any = |energies: &[(Option<i64>, Option<i64>)]| {
            energies
                .iter()
                .any(|(counter, energy)| counter.is_none() && energy.is_some())
        };
        let of_slots = [
            (counted.import, import),
            (counted.export, export),
            (counted.charged, charged.filter(|_| has_battery)),
            (counted.discharged, discharged.filter(|_| has_battery)),
            (house, house.or(counted.house_power)),
        ];
        if is_any(&of_slots) {
            flags = flags | of_house;
        }
        Self {
            sun,
            house: house.or(counted.house_power),
            import,
            export,
            charged: charged.filter(|_| has_battery),
            discharged: discharged.filter(|_| has_battery),
            flows,
            flags,
        }
    }

    /// All that are no flows, in the order of [`ENERGIES`].
    pub const fn all(&self) -> [Option<i64>; 6] {
        [
            self.sun,
            self.house,
            self.import,
            self.export,
            self.charged,
            self.discharged,
        ]
    }
}

#[cfg(test)]
mod tests;
