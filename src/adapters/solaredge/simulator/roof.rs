//! The panels on a roof, over some of which a shadow moves. The same moment brings the same light.

use std::f64::consts::TAU;

use jiff::Timestamp;

use crate::simulation::noise::noise;
use crate::simulation::sky::seconds;
use crate::simulation::{Flows, House, Sky};

use super::settings::InverterSettings;

/// What a shadow leaves of the light.
const SHADED: f64 = 0.3;
/// Seconds that it takes from one panel to the next.
const PACE: f64 = 90.0;
/// What the one weak panel gives.
const WEAK: f64 = 0.7;
/// What becomes alternating current.
const EFFICIENCY: f64 = 0.975;
/// How much of the day is over when the inverter wakes up; it falls asleep as long before sunset.
const DAWN: f64 = 0.01;
/// Most watts into the battery and out of it, and the seconds from full to full.
const BATTERY: (f64, f64) = (1500.0, 4.0 * 3600.0);

/// The panels on a roof, and a battery in the cellar.
#[derive(Debug, Clone)]
pub struct Roof {
    house: House,
    panels: usize,
    watts: f64,
    has_battery: bool,
}

impl Roof {
    /// That of an inverter.
    pub fn new(settings: &InverterSettings) -> Self {
        Self {
            house: settings.house.clone(),
            panels: settings.optimizers,
            watts: settings.panel,
            has_battery: settings.has_battery,
        }
    }

    const fn sky(&self) -> Sky {
        self.house.sky()
    }

    /// Watts of all panels, at so many seconds since 1970.
    pub fn panels(&self, at: i64) -> Vec<f64> {
        let local = self.house.local(time(at));
        let light = if self.is_day(at) {
            self.sky().light(local)
        } else {
            0.0
        };
        let now = seconds(local);
        let shaded = (self.panels * 2).div_ceil(3).max(1) as f64;
        // It comes from beyond the first panel and leaves behind the last that it reaches.
        let shadow = (now / PACE).rem_euclid(shaded + 3.0) - 1.0;
        let seed = self.sky().seed();
        let watts = |panel: usize| {
            let cover = (1.5 - (panel as f64 - shadow).abs()).clamp(0.0, 1.0);
            let cover = if (panel as f64) < shaded { cover } else { 0.0 };
            let shade = 1.0 - (1.0 - SHADED) * cover;
            let own = 0.98 + 0.04 * noise(seed, 70, panel as u64, now / 300.0);
            let weak = if panel == self.weak() { WEAK } else { 1.0 };
            self.watts * light * shade * own * weak
        };
        (0..self.panels).map(watts).collect()
    }

    /// The weak panel: one that no shadow reaches, where there are enough of them.
    const fn weak(&self) -> usize {
        self.panels.saturating_sub(2)
    }

    /// Whether there is light enough to be awake.
    pub fn is_day(&self, at: i64) -> bool {
        let phase = self.sky().phase(self.house.local(time(at)));
        phase.is_some_and(|phase| (DAWN..=1.0 - DAWN).contains(&phase))
    }

    /// The last sunrise, or a day ago at most.
    pub fn woken(&self, at: i64) -> i64 {
        let age = self.sky().age(self.house.local(time(at)));
        let dawn = self.sky().hours() * 3600.0 * DAWN;
        at - (age - dawn).clamp(0.0, 86_400.0) as i64
    }

    /// Watts that the inverter delivers, if these come from its panels.
    pub fn delivered(panels: &[f64]) -> f64 {
        EFFICIENCY * panels.iter().sum::<f64>()
    }

    /// Watts into the battery, negative for those out of it, and the watt-hours in it above half of it.
    pub fn battery(&self, at: i64) -> (f64, f64) {
        let (most, period) = BATTERY;
        let angle = TAU * (at as f64 / period).fract();
        let energy = most * period / TAU / 3600.0;
        (most * angle.sin(), -energy * angle.cos())
    }

    /// What flows.
    pub fn flows(&self, at: i64) -> Flows {
        let charging = if self.has_battery {
            self.battery(at).0 as i32
        } else {
            0
        };
        Flows {
            production: Self::delivered(&self.panels(at)).round() as i32,
            consumption: 0,
            charging,
        }
    }
}

/// A moment, from seconds since 1970.
pub fn time(at: i64) -> Timestamp {
    Timestamp::from_second(at).unwrap_or(Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roof(panels: usize) -> (Roof, i64) {
        let noon: jiff::Zoned = "2026-06-21T13:00:00[Europe/Vienna]".parse().unwrap();
        let house = House::new(&noon, Sky::default());
        let settings = InverterSettings {
            optimizers: panels,
            ..InverterSettings::new(house)
        };
        (Roof::new(&settings), noon.timestamp().as_second())
    }

    #[test]
    fn a_shadow_moves_over_some_panels_and_one_is_weak() {
        let (roof, noon) = roof(12);
        let mut shaded = [false; 12];
        for minute in 0..60 {
            let watts = roof.panels(noon + minute * 60);
            let mut sorted = watts.clone();
            sorted.sort_by(f64::total_cmp);
            let usual = sorted[8];
            assert!(usual > 50.0, "{usual}");
            assert!((0.6..0.8).contains(&(watts[10] / usual)), "{watts:?}");
            for (was, watts) in shaded.iter_mut().zip(&watts) {
                *was |= *watts < 0.5 * usual;
            }
        }
        let expected: Vec<bool> = (0..12).map(|panel| panel < 8).collect();
        assert_eq!(shaded.to_vec(), expected);
    }

    #[test]
    fn at_night_there_is_nothing_and_one_panel_is_enough_for_a_day() {
        let (roof, noon) = roof(1);
        assert_eq!(roof.panels(noon + 11 * 3600), [0.0]);
        assert!(!roof.is_day(noon + 11 * 3600) && roof.is_day(noon));
        assert!(roof.flows(noon).production > 20);
        assert!((6 * 3600..8 * 3600).contains(&(noon - roof.woken(noon))));
    }
}
