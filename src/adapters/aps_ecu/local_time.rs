//! The ECU's clock against ours.
//!
//! Answers carry the ECU's local wall-clock time without a zone. The zone is the configured one,
//! else the one the ECU names, else the host's. When the ECU's clock is still off by hours (it does
//! not follow daylight saving time, or its zone was never set), the difference is learned, in steps
//! of a quarter of an hour, from values that are known to be new. Until it is, what the ECU's clock
//! shows follows from the times in its answers.

use std::time::Duration;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::clock::Moment;

/// ECU-R and ECU-B always name this zone, wherever they are.
const NO_ZONE: &str = "Etc/GMT-8";
/// Zones differ by multiples of this.
const QUARTER: i64 = 900;
/// A clock may be so much ahead of ours without being in another zone.
const AHEAD: i64 = 120;

/// Converts the ECU's times.
#[derive(Debug, Clone)]
pub struct LocalTime {
    configured: Option<TimeZone>,
    zone: TimeZone,
    /// Seconds to add to what the zone gives.
    shift: i64,
    /// Another shift that was seen once; `None` also before the first.
    seen: Option<i64>,
    learned: bool,
    /// The latest time in an answer, and when it was first seen.
    latest: Option<(DateTime, Duration)>,
}

/// What has been learned of the ECU's clock, for the next run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Learned {
    /// The zone that the shift is counted from.
    zone: String,
    shift: i64,
}

impl LocalTime {
    /// `configured` as the user wrote it, `host` as the host is set.
    pub fn new(configured: Option<TimeZone>, host: &TimeZone) -> Self {
        let zone = configured.clone().unwrap_or_else(|| host.clone());
        Self {
            configured,
            zone,
            shift: 0,
            seen: None,
            learned: false,
            latest: None,
        }
    }

    /// Goes on from what an earlier run has learned.
    pub fn resume(&mut self, learned: &Learned) {
        let Ok(zone) = TimeZone::get(&learned.zone) else {
            return;
        };
        if self.configured.as_ref().is_none_or(|own| *own == zone) {
            self.zone = zone;
            self.shift = learned.shift;
            self.learned = true;
        }
    }

    /// What the next run should know.
    pub fn learned(&self) -> Option<Learned> {
        let zone = self.zone.iana_name().filter(|_| self.learned)?.to_owned();
        let shift = self.shift;
        Some(Learned { zone, shift })
    }

    /// Whether it is known what the ECU's clock shows, even before it has said so in this run.
    pub const fn is_certain(&self) -> bool {
        self.learned || self.latest.is_some() || self.configured.is_some()
    }

    /// Our own clock has been set: the shift is to be learned anew.
    pub fn forget(&mut self) {
        self.learned = false;
    }

    /// Takes a time that has not been in an answer before.
    pub fn note(&mut self, at: DateTime, now: Moment) {
        self.latest = Some((at, now.steady));
    }

    /// The zone in use.
    pub const fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// Takes the zone that the ECU names.
    pub fn named(&mut self, name: &str, host: &TimeZone) {
        if self.configured.is_none() {
            let named = (name != NO_ZONE)
                .then(|| TimeZone::get(name).ok())
                .flatten();
            self.zone = named.unwrap_or_else(|| host.clone());
        }
    }

    /// Takes the time of values that have just changed, which therefore are minutes old at most.
    pub fn learn(&mut self, at: DateTime, now: Timestamp) {
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
    pub fn learn_clock(&mut self, clock: DateTime, now: Timestamp) {
        let Some(difference) = self.difference(clock, now) else {
            return;
        };
        self.shift = (difference + QUARTER / 2).div_euclid(QUARTER) * QUARTER;
        self.learned = true;
        self.seen = Some(self.shift);
    }

    /// The moment of a time of the ECU.
    pub fn moment(&self, at: DateTime) -> Option<Timestamp> {
        let zoned = at.to_zoned(self.zone.clone()).ok()?;
        zoned
            .timestamp()
            .checked_add(SignedDuration::from_secs(self.shift))
            .ok()
    }

    /// What the ECU's clock shows.
    pub fn local(&self, now: Moment) -> DateTime {
        if let Some((at, seen)) = self.latest.filter(|_| !self.learned) {
            let passed = SignedDuration::try_from(now.since(seen)).unwrap_or_default();
            return at.saturating_add(passed);
        }
        let shifted = now.wall.checked_sub(SignedDuration::from_secs(self.shift));
        let shifted = shifted.unwrap_or(now.wall);
        shifted.to_zoned(self.zone.clone()).datetime()
    }

    /// The day that the ECU's clock shows.
    pub fn day(&self, now: Moment) -> Date {
        self.local(now).date()
    }

    /// How old a time of the ECU is.
    pub fn age(&self, at: DateTime, now: Timestamp) -> Duration {
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

    fn moment(wall: Timestamp) -> Moment {
        let steady = Duration::ZERO;
        Moment { wall, steady }
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
        assert_eq!(
            time.day(moment(now() + Duration::from_secs(12 * 3600))),
            at.date()
        );
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

    /// An ECU in Los Angeles on a host in UTC, before anything is learned.
    #[test]
    fn until_the_shift_is_learned_the_ecus_own_times_tell_its_day() {
        let mut time = LocalTime::new(None, &TimeZone::UTC);
        let mut now = moment("2026-06-22T05:30:00Z".parse().unwrap());
        let at = date(2026, 6, 21).at(22, 30, 0, 0);
        time.note(at, now);
        assert_eq!(time.day(now), at.date());
        now.steady += Duration::from_secs(3600);
        assert_eq!(time.local(now), date(2026, 6, 21).at(23, 30, 0, 0));
        // Whatever our own clock shows.
        now.wall += Duration::from_secs(86_400);
        now.steady += Duration::from_secs(3600);
        assert_eq!(time.day(now), date(2026, 6, 22));
    }

    #[test]
    fn what_was_learned_is_known_after_a_restart() {
        let mut time = LocalTime::new(None, &TimeZone::UTC);
        assert_eq!((time.learned(), time.is_certain()), (None, false));
        time.learn(date(2026, 6, 21).at(20, 0, 0, 0), now());
        let learned = time.learned().unwrap();
        let mut after = LocalTime::new(None, &berlin());
        after.resume(&learned);
        assert!(after.is_certain());
        assert_eq!(
            after.local(moment(now())),
            date(2026, 6, 21).at(20, 2, 0, 0)
        );
        // A zone that the user has written since counts more.
        let mut configured = LocalTime::new(Some(berlin()), &berlin());
        configured.resume(&learned);
        assert_eq!(
            configured.local(moment(now())),
            date(2026, 6, 21).at(12, 2, 0, 0)
        );
    }

    #[test]
    fn when_our_own_clock_is_set_the_next_values_tell_the_shift_anew() {
        let mut time = LocalTime::new(None, &berlin());
        time.learn(date(2026, 6, 21).at(12, 0, 0, 0), now());
        time.forget();
        let later = now() + Duration::from_secs(3 * 3600);
        time.learn(date(2026, 6, 21).at(12, 1, 0, 0), later);
        assert_eq!(time.shift, 3 * 3600);
    }
}
