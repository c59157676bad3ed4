//! The sky above a house: when there is light, and what clouds leave of it. Nothing is random: the same
//! seed gives the same days.

use std::f64::consts::PI;

use jiff::civil;

use super::noise::{noise, unit};

/// Seconds from sunrise until somebody looks at a sky of late morning.
const MORNING: f64 = 5.0 * 3600.0;
/// Seconds from its sunrise to its sunset.
const DAY: f64 = 14.0 * 3600.0;
/// Of the late morning, and of the house below: a cloud comes and something is switched on in the first
/// minute, and for a quarter of the first hour power comes from the grid.
const SEED: u64 = 112;

/// When the sun is up, by the local clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Daylight {
    /// First light.
    pub sunrise: civil::Time,
    /// Last light; a time before sunrise makes it night for good.
    pub sunset: civil::Time,
}

impl Default for Daylight {
    fn default() -> Self {
        Self {
            sunrise: civil::time(6, 0, 0, 0),
            sunset: civil::time(20, 30, 0, 0),
        }
    }
}

/// The sky above a house.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sky {
    seed: u64,
    course: Course,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Course {
    /// Days with weather of their own.
    Days(Daylight),
    /// Late morning for good, from this moment on.
    Morning(civil::DateTime),
}

/// What a value depends on besides time, so that no two values run alike.
enum Salt {
    SlowCloud = 1,
    FastCloud,
    // The longest day of 2026 is a fair one of the first seed, which tests like.
    Cover = 8,
}

impl Default for Sky {
    fn default() -> Self {
        Self::of_days(Daylight::default(), 1)
    }
}

impl Sky {
    /// A sky of days that come and go.
    pub const fn of_days(daylight: Daylight, seed: u64) -> Self {
        let course = Course::Days(daylight);
        Self { seed, course }
    }

    /// A sky of which it is a fine late morning with passing clouds for good from this moment on; what
    /// was before was a clear morning.
    pub const fn of_late_morning(begun: civil::DateTime) -> Self {
        let course = Course::Morning(begun);
        Self { seed: SEED, course }
    }

    /// What it is made of, and what else is to be the same under the same sky.
    pub const fn seed(self) -> u64 {
        self.seed
    }

    /// Hours from sunrise to sunset.
    pub fn hours(self) -> f64 {
        match self.course {
            Course::Days(daylight) => daylight.seconds().max(0.0) / 3600.0,
            Course::Morning(_) => DAY / 3600.0,
        }
    }

    /// Seconds since sunrise by local time; negative before it.
    pub fn age(self, local: civil::DateTime) -> f64 {
        match self.course {
            Course::Days(daylight) => second_of_day(local.time()) - second_of_day(daylight.sunrise),
            Course::Morning(begun) => MORNING + since(begun, local).min(0.0),
        }
    }

    /// How much of the day is over, 0 at sunrise and 1 at sunset; `None` at night.
    pub fn phase(self, local: civil::DateTime) -> Option<f64> {
        let day = match self.course {
            Course::Days(daylight) => daylight.seconds(),
            Course::Morning(_) => DAY,
        };
        let phase = self.age(local) / day;
        (day > 0.0 && phase > 0.0 && phase < 1.0).then_some(phase)
    }

    /// What clouds leave of the light: 1 is a clear sky.
    pub fn clearness(self, local: civil::DateTime) -> f64 {
        let cloud = |salt: Salt, pace: f64| noise(self.seed, salt as u64, 0, pace);
        match self.course {
            Course::Days(_) => {
                let now = seconds(local);
                let slow = 0.65 * cloud(Salt::SlowCloud, now / 2700.0);
                let fast = 0.35 * cloud(Salt::FastCloud, now / 600.0);
                let cover = slow + fast + self.cover(local.date());
                1.0 - 0.75 * (2.5 * (cover - 1.0)).clamp(0.0, 1.0)
            }
            Course::Morning(begun) => {
                let now = since(begun, local).max(0.0);
                let slow = 0.5 * cloud(Salt::SlowCloud, now / 240.0);
                let fast = 0.5 * cloud(Salt::FastCloud, now / 40.0);
                1.0 - 0.65 * (3.0 * (slow + fast - 0.48)).clamp(0.0, 1.0)
            }
        }
    }

    /// How cloudy a day is, from 0 to 1: some are clear, some overcast, most are between.
    pub fn cover(self, date: civil::Date) -> f64 {
        unit(self.seed, Salt::Cover as u64, day_number(date))
    }

    /// The light on level ground: 1 is a clear noon.
    pub fn light(self, local: civil::DateTime) -> f64 {
        let phase = self.phase(local).unwrap_or(0.0);
        (PI * phase).sin() * self.clearness(local)
    }
}

impl Daylight {
    fn seconds(self) -> f64 {
        second_of_day(self.sunset) - second_of_day(self.sunrise)
    }
}

fn since(begun: civil::DateTime, local: civil::DateTime) -> f64 {
    local.duration_since(begun).as_secs_f64()
}

fn second_of_day(time: civil::Time) -> f64 {
    f64::from(time.hour()) * 3600.0 + f64::from(time.minute()) * 60.0 + f64::from(time.second())
}

fn day_number(date: civil::Date) -> u64 {
    u64::from(date.year().unsigned_abs()) * 372
        + u64::from(date.month().unsigned_abs()) * 31
        + u64::from(date.day().unsigned_abs())
}

/// A number that grows with local time; the gaps between months do no harm to weather.
pub fn seconds(local: civil::DateTime) -> f64 {
    day_number(local.date()) as f64 * 86_400.0 + second_of_day(local.time())
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan;

    use super::*;

    /// At night, in winter: the demo has to shine whenever it is started.
    const LOOKED_AT: civil::DateTime = civil::date(2026, 12, 24).at(22, 17, 3, 0);

    #[test]
    fn clouds_pass_and_the_sun_comes_back_on_a_late_morning_whenever_that_is() {
        let sky = Sky::of_late_morning(LOOKED_AT);
        let light: Vec<_> = (0..600_i64)
            .map(|turn| sky.light(LOOKED_AT + (turn * 6).seconds()))
            .collect();
        assert!(light.iter().any(|light| *light > 0.85));
        assert!(light.iter().any(|light| *light < 0.5));
        assert!(light.iter().all(|light| (0.2..=1.0).contains(light)));
    }

    #[test]
    fn a_cloud_comes_in_the_first_minute() {
        let sky = Sky::of_late_morning(LOOKED_AT);
        let light: Vec<_> = (0..60_i64)
            .map(|second| sky.light(LOOKED_AT + second.seconds()))
            .collect();
        let first = light.first().unwrap();
        assert!(light.iter().any(|light| light * 1.5 < *first), "{light:?}");
    }

    #[test]
    fn the_night_before_was_dark() {
        let sky = Sky::of_late_morning(LOOKED_AT);
        assert_eq!(sky.light(LOOKED_AT - 6.hours()), 0.0);
        assert!(sky.light(LOOKED_AT - 1.hour()) > 0.5);
    }

    #[test]
    fn days_have_a_noon_between_two_nights_and_weather_of_their_own() {
        let sky = Sky::default();
        let day = |number: i8| civil::date(2026, 6, number);
        let mut noons = Vec::new();
        for number in 1..=28 {
            for hour in [0, 3, 21, 23] {
                assert_eq!(sky.light(day(number).at(hour, 0, 0, 0)), 0.0);
            }
            let noon = sky.light(day(number).at(13, 0, 0, 0));
            assert!((0.2..=1.0).contains(&noon), "{noon}");
            noons.push(noon);
        }
        assert!(noons.iter().any(|noon| *noon > 0.9), "{noons:?}");
        assert!(noons.iter().any(|noon| *noon < 0.6), "{noons:?}");
        assert_ne!(sky, Sky::of_days(Daylight::default(), 2));
    }

    #[test]
    fn without_daylight_it_stays_dark() {
        let noon = civil::time(12, 0, 0, 0);
        let never = Daylight {
            sunrise: noon,
            sunset: noon,
        };
        let sky = Sky::of_days(never, 1);
        assert_eq!(sky.hours(), 0.0);
        for hour in 0..24 {
            assert_eq!(sky.phase(civil::date(2026, 6, 21).at(hour, 0, 0, 0)), None);
        }
    }
}
