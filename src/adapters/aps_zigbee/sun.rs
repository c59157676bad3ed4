//! When the sun is up at a place.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use solar_positioning::{Horizon, HorizonState, Location, SolarEvents};

/// The Julian date of 1970-01-01, midnight.
const EPOCH: f64 = 2_440_587.5;
const DAY_SECONDS: f64 = 86_400.0;
/// What the rotation of the earth lags behind atomic clocks, in seconds; a minute more or less makes no difference.
const DELTA_T: f64 = 70.0;
/// A clock before this was never set: 2025-01-01.
const NOT_SET: i64 = 1_735_689_600;
/// With the sun so high above the horizon, in degrees, there is light enough for any panel.
const LIGHT: f64 = 8.0;

/// A place on earth, in degrees.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Site {
    /// North is positive.
    latitude: f64,
    /// East is positive.
    longitude: f64,
}

/// When the sun is up on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SunDay {
    /// From sunrise to sunset.
    Between(Timestamp, Timestamp),
    /// It does not set.
    AllDay,
    /// It does not rise.
    Never,
}

impl Site {
    /// `None` if there is no such place.
    pub fn new(latitude: f64, longitude: f64) -> Option<Self> {
        let exists = (-90.0..=90.0).contains(&latitude) && (-180.0..=180.0).contains(&longitude);
        exists.then_some(Self {
            latitude,
            longitude,
        })
    }

    /// The day whose noon, by the sun, is on this date in this time zone. Sunset may be after midnight. `None` where
    /// it cannot be known.
    pub fn sun(self, date: Date, zone: &TimeZone) -> Option<SunDay> {
        self.above(Horizon::SunriseSunset, date, zone)
    }

    /// The same, for when there is light enough for any panel.
    pub fn light(self, date: Date, zone: &TimeZone) -> Option<SunDay> {
        self.above(Horizon::Custom(LIGHT), date, zone)
    }

    fn above(self, horizon: Horizon, date: Date, zone: &TimeZone) -> Option<SunDay> {
        let midnight = date.to_zoned(zone.clone()).ok()?.timestamp();
        let midnight = julian(midnight);
        let events = SolarEvents::new();
        let location = Location {
            latitude: self.latitude,
            longitude: self.longitude,
        };
        let end = midnight + 1.01;
        let noon = events
            .next_transit_from_julian(midnight, end, self.longitude, DELTA_T)
            .ok()??;
        let (from, until) = (noon - 0.5, noon + 0.5);
        let found = events
            .for_interval_from_julian(from, until, location, DELTA_T, horizon)
            .ok()?;
        // Once a year, at the edge of a polar day, one of them is missing.
        let rise = found.rises.iter().copied().find(|rise| *rise <= noon);
        let set = found.sets.iter().copied().rfind(|set| *set >= noon);
        Some(match (rise, set) {
            (None, None) if found.state_at_start == HorizonState::Above => SunDay::AllDay,
            (None, None) => SunDay::Never,
            (rise, set) => SunDay::Between(
                timestamp(rise.unwrap_or(from))?,
                timestamp(set.unwrap_or(until))?,
            ),
        })
    }
}

impl SunDay {
    /// With both ends moved by an offset: a negative one widens it. `None` where nothing is left.
    pub fn window(self, offset: SignedDuration) -> Option<(Timestamp, Timestamp)> {
        match self {
            Self::Between(rise, set) => {
                let start = rise.saturating_add(offset).ok()?;
                let end = set.saturating_sub(offset).ok()?;
                (start < end).then_some((start, end))
            }
            Self::AllDay => Some((Timestamp::MIN, Timestamp::MAX)),
            Self::Never => None,
        }
    }
}

/// Whether a wall clock shows a time at all, rather than what a computer begins with.
pub fn is_time(wall: Timestamp) -> bool {
    wall.as_second() >= NOT_SET
}

fn julian(at: Timestamp) -> f64 {
    EPOCH + at.as_second() as f64 / DAY_SECONDS
}

fn timestamp(julian: f64) -> Option<Timestamp> {
    Timestamp::from_second(((julian - EPOCH) * DAY_SECONDS).round() as i64).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use proptest::prelude::*;

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).unwrap()
    }

    fn check(place: (f64, f64), name: &str, day: Date, rise: &str, set: &str) {
        let zone = zone(name);
        let sun = Site::new(place.0, place.1).unwrap().sun(day, &zone);
        let Some(SunDay::Between(from, until)) = sun else {
            panic!("{sun:?}")
        };
        for (is, expected) in [(from, rise), (until, set)] {
            let expected: jiff::civil::DateTime = expected.parse().unwrap();
            let expected = expected.to_zoned(zone.clone()).unwrap().timestamp();
            let off = is.duration_since(expected).as_secs().abs();
            assert!(off <= 90, "{is} instead of {expected}");
        }
    }

    #[test]
    fn agrees_with_almanacs() {
        // Greenwich on the longest and the shortest day.
        let greenwich = (51.4769, 0.0);
        check(
            greenwich,
            "Europe/London",
            date(2026, 6, 21),
            "2026-06-21T04:43",
            "2026-06-21T21:21",
        );
        check(
            greenwich,
            "Europe/London",
            date(2026, 12, 21),
            "2026-12-21T08:04",
            "2026-12-21T15:53",
        );
        // The sunset of the first of January 2016 in Toronto is that of the first, though it is the second in UTC.
        check(
            (43.6532, -79.3832),
            "America/Toronto",
            date(2016, 1, 1),
            "2016-01-01T07:51",
            "2016-01-01T16:51",
        );
    }

    #[test]
    fn near_the_poles_there_are_days_without_night_and_nights_without_day() {
        let tromso = Site::new(69.65, 18.96).unwrap();
        let oslo = zone("Europe/Oslo");
        assert_eq!(tromso.sun(date(2026, 6, 21), &oslo), Some(SunDay::AllDay));
        assert_eq!(tromso.sun(date(2026, 12, 21), &oslo), Some(SunDay::Never));
        let offset = SignedDuration::from_mins(-30);
        assert_eq!(SunDay::Never.window(offset), None);
        assert!(SunDay::AllDay.window(offset).is_some());
        // The evening of this day in Iceland ends after midnight.
        let Some(SunDay::Between(rise, set)) = Site::new(64.15, -21.94)
            .unwrap()
            .sun(date(2026, 6, 21), &zone("Atlantic/Reykjavik"))
        else {
            panic!()
        };
        assert_eq!(rise.to_string().get(..13), Some("2026-06-21T02"));
        assert_eq!(set.to_string().get(..13), Some("2026-06-22T00"));
    }

    #[test]
    fn a_negative_offset_widens_both_ends() {
        let at = |text: &str| -> Timestamp { format!("2026-02-20T{text}:00Z").parse().unwrap() };
        let sun = SunDay::Between(at("07:28"), at("17:43"));
        let window = |minutes| sun.window(SignedDuration::from_mins(minutes));
        assert_eq!(window(-30), Some((at("06:58"), at("18:13"))));
        assert_eq!(window(10), Some((at("07:38"), at("17:33"))));
        assert_eq!(window(400), None);
    }

    #[test]
    fn a_place_is_on_earth() {
        for (latitude, longitude) in [(91.0, 0.0), (0.0, 181.0), (f64::NAN, 0.0)] {
            assert_eq!(Site::new(latitude, longitude), None);
        }
        assert!(!is_time(Timestamp::UNIX_EPOCH));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn every_day_everywhere_has_a_sun(
            latitude in -90.0..=90.0_f64,
            longitude in -180.0..=180.0_f64,
            day in 0..3650_i64,
        ) {
            let day = date(2025, 1, 1) + SignedDuration::from_hours(24 * day);
            // A zone that fits about, as people have it.
            let zone = TimeZone::fixed(jiff::tz::offset((longitude / 15.0).round() as i8));
            let sun = Site::new(latitude, longitude).unwrap().sun(day, &zone);
            prop_assert!(sun.is_some());
            if let Some(SunDay::Between(rise, set)) = sun {
                let noon = day.at(12, 0, 0, 0).to_zoned(zone).unwrap().timestamp();
                prop_assert!(rise < noon + SignedDuration::from_hours(1));
                prop_assert!(set > noon - SignedDuration::from_hours(1));
                prop_assert!(set.duration_since(rise) <= SignedDuration::from_hours(24));
                if latitude.abs() < 60.0 {
                    prop_assert!(set.duration_since(rise) > SignedDuration::from_hours(5));
                }
            } else {
                prop_assert!(latitude.abs() > 65.0);
            }
        }
    }
}
