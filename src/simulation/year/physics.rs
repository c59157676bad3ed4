//! What flows in the house in each step, in whole watts, and what has flowed since the beginning, in watt
//! seconds: both exact, and in balance.

use super::habits::taken;
use super::plant::{HousePlant, PlantPanel, PlantRole};
use super::sun::Sun;
use super::supply::{SUPPLY_STEP, Supply};
use super::trouble::LostDevice;
use super::weather::Weather;
use super::{Instant, YearPlan};
use crate::model::DeviceId;

/// Watt seconds of a Wh.
pub const OF_A_WATT_HOUR: i64 = 3600;
/// Seconds before the end in which the sky passes into the one after it.
const PASSING: f64 = 5400.0;
/// What of the battery is never used.
const RESERVE: i64 = 5;

/// What flows, and what has flowed.
#[derive(Debug)]
pub struct Physics<'a> {
    plan: &'a YearPlan,
    plant: &'a HousePlant,
    weather: Weather,
    lost: Option<LostDevice>,
    /// The last day whose temperature was looked up.
    warmth: Option<(jiff::civil::Date, f64)>,
    /// W of each panel, and of those at the charger.
    pub panels: Vec<i32>,
    pub charger: i32,
    /// W that the house takes; into the battery; from the grid, below 0 to it.
    pub house: i32,
    pub battery: i32,
    pub grid: i32,
    /// Watt seconds in the battery.
    pub stored: i64,
    /// Watt seconds since the beginning, and on this day.
    pub total: Energies,
    pub today: Energies,
    date: Option<jiff::civil::Date>,
    /// A number that changes with each step, for what wobbles.
    pub turn: i64,
    /// Whether this is the day on which the plan ends.
    pub is_last_day: bool,
    last_day: jiff::civil::Date,
    /// Seconds until the end.
    left: i64,
}

/// Watt seconds.
#[derive(Debug, Clone, Default)]
pub struct Energies {
    pub panels: Vec<i64>,
    pub charger: i64,
    pub house: i64,
    pub import: i64,
    pub export: i64,
    pub charged: i64,
    pub discharged: i64,
    /// Gas, water and heat: of each thousandth of a m³ or a GJ as much as of a Wh.
    pub gas: i64,
    pub water: i64,
    pub heat: i64,
}

impl<'a> Physics<'a> {
    pub fn new(plan: &'a YearPlan, plant: &'a HousePlant) -> Self {
        let none = Energies {
            panels: vec![0; plant.panels.len()],
            ..Energies::default()
        };
        Self {
            plan,
            plant,
            weather: Weather { seed: plan.seed },
            lost: LostDevice::of(plan, plant),
            warmth: None,
            panels: vec![0; plant.panels.len()],
            charger: 0,
            house: 0,
            battery: 0,
            grid: 0,
            stored: plan.battery * OF_A_WATT_HOUR / 2,
            total: none.clone(),
            today: none,
            date: None,
            turn: 0,
            is_last_day: false,
            last_day: plan.zone.to_datetime(plan.end).date(),
            left: i64::MAX,
        }
    }

    /// All that comes from the sun, in W.
    pub fn sun(&self) -> i32 {
        self.panels.iter().sum::<i32>() + self.charger
    }

    /// How full the battery is, in thousandths of a percent.
    pub fn level(&self) -> i64 {
        let most = self.plan.battery.max(1) * OF_A_WATT_HOUR;
        self.stored * 100_000 / most
    }

    /// Whether it is one of 48 V.
    pub const fn is_large_battery(&self) -> bool {
        self.plan.battery > 4_000
    }

    /// How much of the last so many seconds is over, from 0 to 1.
    pub fn ending(&self, seconds: i64) -> f64 {
        (1.0 - self.left as f64 / seconds as f64).clamp(0.0, 1.0)
    }

    /// The devices and keys of the panels.
    pub fn panel_names(&self) -> Vec<(DeviceId, String)> {
        let name = |panel: &PlantPanel| (panel.device.clone(), panel.key.clone());
        self.plant.panels.iter().map(name).collect()
    }

    /// One step on.
    pub fn step(&mut self, instant: Instant) {
        self.turn += 1;
        let date = instant.date();
        self.left = self.plan.end.as_second() - instant.at.as_second();
        self.is_last_day = date == self.last_day;
        if self.date != Some(date) {
            self.date = Some(date);
            let panels = vec![0; self.panels.len()];
            self.today = Energies {
                panels,
                ..Energies::default()
            };
        }
        self.shine(instant);
        self.flow(instant);
        for energies in [&mut self.total, &mut self.today] {
            let of = |watts: i32| i64::from(watts) * instant.step;
            for (energy, watts) in energies.panels.iter_mut().zip(&self.panels) {
                *energy += of(*watts);
            }
            energies.charger += of(self.charger);
            energies.house += of(self.house);
            energies.import += of(self.grid.max(0));
            energies.export += of((-self.grid).max(0));
            energies.charged += of(self.battery.max(0));
            energies.discharged += of((-self.battery).max(0));
        }
        self.stored += i64::from(self.battery) * instant.step;
        self.supply(instant);
    }

    /// What is taken of other things, when a whole step of them is over.
    fn supply(&mut self, instant: Instant) {
        let second = instant.at.as_second();
        if !self.plant.has_supply || second.rem_euclid(SUPPLY_STEP) != 0 {
            return;
        }
        let step = second.div_euclid(SUPPLY_STEP) - 1;
        let taken = |supply: Supply| {
            let units = supply.taken_at(self.plan.seed, step, instant.start);
            units.cast_signed() * OF_A_WATT_HOUR
        };
        let (gas, water, heat) = (
            taken(Supply::Gas),
            taken(Supply::Water),
            taken(Supply::Heat),
        );
        for energies in [&mut self.total, &mut self.today] {
            energies.gas += gas;
            energies.water += water;
            energies.heat += heat;
        }
    }

    /// What the panels bring.
    fn shine(&mut self, instant: Instant) {
        let sun = Sun::at(instant.at);
        let passing = self.passing(instant);
        if !sun.is_up() && passing.is_none() {
            self.panels.fill(0);
            self.charger = 0;
            return;
        }
        let light = sun.light(self.weather.clearness(instant.at));
        let hour = instant.start.hour();
        let planes: Vec<(f64, f64)> = self
            .plant
            .planes
            .iter()
            .map(|plane| sun.on_plane(light, plane.direction, plane.steep))
            .collect();
        let passed = |own: f64| match passing {
            Some((share, light)) => own * (1.0 - share) + 0.8 * light * share,
            None => own,
        };
        for (watts, panel) in self.panels.iter_mut().zip(&self.plant.panels) {
            let (straight, diffuse) = planes.get(panel.plane).copied().unwrap_or_default();
            let is_hidden = panel.is_shaded && (12..15).contains(&hour);
            let straight = if is_hidden { straight * 0.3 } else { straight };
            let suns = passed(0.92 * (straight + diffuse) / 1000.0);
            *watts = (panel.rated * suns * panel.share).max(0.0) as i32;
        }
        if let Some(lost) = self.lost.as_ref().filter(|it| it.is_lost(instant.at)) {
            for panel in &lost.panels {
                if let Some(watts) = self.panels.get_mut(*panel) {
                    *watts = 0;
                }
            }
        }
        let (straight, diffuse) = sun.on_plane(light, 180.0, 35.0);
        self.charger = (self.plant.charger * passed(0.92 * (straight + diffuse) / 1000.0)) as i32;
    }

    /// How far the sky has passed into the one after the end, and how light that is.
    fn passing(&self, instant: Instant) -> Option<(f64, f64)> {
        let sky = self.plan.sky_after?;
        let left = (self.plan.end.as_second() - instant.at.as_second()) as f64;
        (left < PASSING).then(|| ((PASSING - left) / PASSING, sky.light(instant.start)))
    }

    /// What the house takes, what the battery gives and takes, and what is left for the grid.
    fn flow(&mut self, instant: Instant) {
        let date = instant.date();
        let warmth = match self.warmth {
            Some((of, warmth)) if of == date => warmth,
            _ => self.weather.warmth(date),
        };
        self.warmth = Some((date, warmth));
        self.house = taken(self.plan.seed, instant.at, instant.start, warmth);
        let from_roof: i32 = self.panels.iter().sum();
        if !self.plant.has_battery {
            self.battery = 0;
            self.grid = self.house - from_roof - self.charger;
            return;
        }
        let most = self.plan.battery * OF_A_WATT_HOUR;
        let watts = |energy: i64| i32::try_from(energy / instant.step).unwrap_or(0);
        let room = watts((most - self.stored).max(0));
        let there = watts((self.stored - most * RESERVE / 100).max(0));
        let takes = self.plant.takes;
        let wanted = self.house - from_roof;
        if self.plant.charger > 0.0 {
            // The charger feeds the battery and stops when it is full; what the house lacks comes out of it.
            let gives = wanted.clamp(0, takes).min(there + self.charger);
            self.charger = self.charger.min(room + gives);
            self.battery = self.charger - gives;
        } else if wanted > 0 {
            self.battery = -wanted.min(takes).min(there);
        } else {
            self.battery = (-wanted).min(takes).min(room);
        }
        self.grid = self.house + self.battery - from_roof - self.charger;
    }

    /// Whether a device is awake: what lives of the sun sleeps without it.
    pub fn is_awake(&self, device: usize) -> bool {
        match self.plant.roles.get(device) {
            // A gateway and all behind it have one night.
            Some(PlantRole::Sun(_)) => self.panels.iter().any(|watts| *watts > 0),
            Some(PlantRole::Other) | None => false,
            Some(_) => true,
        }
    }
}
