//! The ECU's clock against ours.
//!
//! Answers carry the ECU's local wall-clock time without a zone. The zone is the configured one,
//! else the one the ECU names, else the host's. When the ECU's clock is still off by hours (it does
//! not follow daylight saving time, or its zone was never set), the difference is learned, in steps
//! of a quarter of an hour, from values that are known to be new.

use std::time::Duration;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// ECU-R and ECU-B always name this zone, wherever they are.
const NO_ZONE: &str = "Etc/GMT-8";
/// Zones differ by multiples of this.
const QUARTER: i64 = 900;
/// A clock may be so much ahead of ours without being in another zone.
const AHEAD: i64 = 120;

/// Converts the ECU's times.
#[derive(Debug, Clone)]
pub(super) struct LocalTime {
    configured: Option<TimeZone>,
    zone: TimeZone,
    /// Seconds to add to what the zone gives.
    shift: i64,
    /// Another shift that was seen once; `None` also before the first.
    seen: Option<i64>,
    learned: bool,
}

impl LocalTime {
    /// `configured` as the user wrote it, `host` as the host is set.
    pub(super) fn new(configured: Option<TimeZone>, host: &TimeZone) -> Self {
        let zone = configured.clone().unwrap_or_else(|| host.clone());
        Self {
            configured,
            zone,
            shift: 0,
            seen: None,
            learned: false,
        }
    }

    /// The zone in use.
    pub(super) const fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// Takes the zone that the ECU names.
    pub(super) fn named(&mut self, name: &str, host: &TimeZone) {
        if self.configured.is_none() {
            let named = (name != NO_ZONE)
                .then(|| TimeZone::get(name).ok())
                .flatten();
            self.zone = named.unwrap_or_else(|| host.clone());
        }
    }

    /// Takes the time of values that have just changed, which therefore are minutes old at most.
    pub(super) fn learn(&mut self, at: DateTime, now: Timestamp) {
        let Some(difference) = self.difference(at, now) else {
            return;
        };
        let shift = (difference + AHEAD).div_euclid(QUARTER) * QUARTER;
        // Values of an ECU with a long rhythm may be older than a quarter: a change of the zone
        // has to show twice.
        if !self.learned || self.seen == Some(shift) {
            self.shift = shift;
        }
        self.learned = true;
        self.seen = Some(shift);
    }

    /// Takes what the ECU's clock shows at this very moment.
    pub(super) fn learn_clock(&mut self, clock: DateTime, now: Timestamp) {
        let Some(difference) = self.difference(clock, now) else {
            return;
        };
        self.shift = (difference + QUARTER / 2).div_euclid(QUARTER) * QUARTER;
        self.learned = true;
        self.seen = Some(self.shift);
    }

    /// The moment of a time of the ECU.
    pub(super) fn moment(&self, at: DateTime) -> Option<Timestamp> {
        let zoned = at.to_zoned(self.zone.clone()).ok()?;
        zoned
            .timestamp()
            .checked_add(SignedDuration::from_secs(self.shift))
            .ok()
    }

    /// The day that the ECU's clock shows at a moment.
    pub(super) fn day(&self, now: Timestamp) -> Date {
        let shifted = now.checked_sub(SignedDuration::from_secs(self.shift));
        shifted.unwrap_or(now).to_zoned(self.zone.clone()).date()
    }

    /// How old a time of the ECU is.
    pub(super) fn age(&self, at: DateTime, now: Timestamp) -> Duration {
        let age = self.moment(at).map(|moment| now.duration_since(moment));
        age.and_then(|age| Duration::try_from(age).ok())
            .unwrap_or_default()
    }

    fn difference(&self, at: DateTime, now: Timestamp) -> Option<i64> {
        let zoned = at.to_zoned(self.zone.clone()).ok()?;
        Some(now.as_second() - zoned.timestamp().as_second())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn now() -> Timestamp {
        "2026-06-21T10:02:00Z".parse().unwrap()
    }

    fn berlin() -> TimeZone {
        TimeZone::get("Europe/Berlin").unwrap()
    }

    #[test]
    fn the_zone_is_the_configured_one_then_the_ecus_then_the_hosts() {
        let mut time = LocalTime::new(None, &berlin());
        time.named("America/New_York", &berlin());
        assert_eq!(time.zone().iana_name(), Some("America/New_York"));
        time.named(NO_ZONE, &berlin());
        assert_eq!(time.zone().iana_name(), Some("Europe/Berlin"));
        time.named("No/Where", &berlin());
        assert_eq!(time.zone().iana_name(), Some("Europe/Berlin"));
        let mut fixed = LocalTime::new(Some(TimeZone::UTC), &berlin());
        fixed.named("America/New_York", &berlin());
        assert_eq!(fixed.zone(), &TimeZone::UTC);
    }

    #[test]
    fn a_right_clock_needs_no_correction() {
        let mut time = LocalTime::new(None, &berlin());
        let at = date(2026, 6, 21).at(12, 0, 0, 0);
        time.learn(at, now());
        assert_eq!(time.age(at, now()), Duration::from_secs(120));
    }

    #[test]
    fn a_clock_without_daylight_saving_is_corrected() {
        let mut time = LocalTime::new(None, &berlin());
        let at = date(2026, 6, 21).at(11, 0, 0, 0);
        time.learn(at, now());
        assert_eq!(time.age(at, now()), Duration::from_secs(120));
        assert_eq!(time.day(now() + Duration::from_secs(12 * 3600)), at.date());
        // Hours later the same values are hours old: the correction is kept.
        let later = now() + Duration::from_secs(7200);
        assert_eq!(time.age(at, later), Duration::from_secs(7320));
    }

    #[test]
    fn old_values_are_no_other_zone() {
        let mut time = LocalTime::new(None, &berlin());
        time.learn(date(2026, 6, 21).at(12, 0, 0, 0), now());
        // Fifteen minutes old, once in a while.
        time.learn(date(2026, 6, 21).at(11, 44, 0, 0), now());
        assert_eq!(time.shift, 0);
        time.learn(date(2026, 6, 21).at(12, 0, 0, 0), now());
        assert_eq!(time.shift, 0);
        // The clocks were changed: from now on it shows in every answer.
        time.learn(date(2026, 6, 21).at(11, 0, 0, 0), now());
        time.learn(date(2026, 6, 21).at(11, 1, 0, 0), now());
        assert_eq!(time.shift, 3600);
    }

    #[test]
    fn a_clock_that_is_read_tells_its_zone_however_wrong_it_is() {
        for (minutes, shift) in [(-5, 0), (0, 0), (6, 0), (55, -3600), (-64, 3600)] {
            let mut time = LocalTime::new(None, &berlin());
            let clock = date(2026, 6, 21).at(12, 2, 0, 0);
            let clock = clock
                .checked_add(jiff::Span::new().minutes(minutes))
                .unwrap();
            time.learn_clock(clock, now());
            assert_eq!(time.shift, shift, "{minutes}");
        }
    }

    #[test]
    fn a_clock_that_is_a_little_ahead_is_not_a_zone_away() {
        let mut time = LocalTime::new(None, &berlin());
        time.learn(date(2026, 6, 21).at(12, 3, 0, 0), now());
        assert_eq!(
            time.age(date(2026, 6, 21).at(12, 3, 0, 0), now()),
            Duration::ZERO
        );
        assert_eq!(time.shift, 0);
    }
}
