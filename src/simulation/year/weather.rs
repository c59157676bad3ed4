//! What clouds leave of the light, and how warm it is: weather comes in spells of days, and winters are grey.

use std::f64::consts::PI;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::simulation::noise::{noise, unit};

/// What a value depends on besides time, so that no two values run alike.
enum WeatherSalt {
    Spell = 21,
    Day,
    SlowCloud,
    FastCloud,
    Warmth,
}

/// The weather of a house.
#[derive(Debug, Clone, Copy)]
pub struct Weather {
    pub seed: u64,
}

impl Weather {
    fn part(self, salt: WeatherSalt, x: f64) -> f64 {
        // Moments before 1970 are none of a simulated house.
        noise(self.seed, salt as u64, 0, x.max(0.0))
    }

    /// How much a clear sky is left, from 0.12 to 1.
    pub fn clearness(self, at: Timestamp) -> f64 {
        let days = at.as_second() as f64 / 86_400.0;
        let spell = self.part(WeatherSalt::Spell, days / 2.6);
        let day = unit(self.seed, WeatherSalt::Day as u64, days.max(0.0) as u64);
        let cover = 0.6 * spell + 0.4 * day - 0.13 * summer(days);
        let slow = self.part(WeatherSalt::SlowCloud, days * 24.0);
        let fast = self.part(WeatherSalt::FastCloud, days * 24.0 * 7.0);
        let clouds = 1.5 * cover + 0.55 * slow + 0.35 * fast;
        1.0 - 0.88 * (2.2 * (clouds - 0.95)).clamp(0.0, 1.0)
    }

    /// The mean temperature of a day, in °C.
    pub fn warmth(self, date: Date) -> f64 {
        let days = f64::from(date.day_of_year()) + 365.25 * f64::from(date.year() - 1970);
        10.5 + 10.5 * summer(days) + 8.0 * (self.part(WeatherSalt::Warmth, days / 4.0) - 0.5)
    }
}

/// 1 in July and -1 in January.
fn summer(days: f64) -> f64 {
    -(2.0 * PI * (days - 15.0) / 365.25).cos()
}
