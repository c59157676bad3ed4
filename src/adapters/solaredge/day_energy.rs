//! The energy of the local day, from what a device counts over other times.
//!
//! An inverter counts its whole life, and by that a day is what was gained since the last record before
//! midnight. If there is a long gap between that one and the first of the day, the count since it woke up says
//! what the morning brought; it begins anew when the inverter restarts, so it is the least and the gain of the
//! gap the most: the smaller one counts, since less is better than what is made up. Where no record before
//! midnight is known at all, the day begins with the interval of the first one.
//!
//! An optimizer counts since it woke up only. What it had before it restarted is added.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// Between records that follow each other without one missing, in seconds.
const CLOSE: i64 = 15 * 60;
/// More than any inverter gains in a second, in thousandths of a watt-hour: 200 kW.
const MOST_IN_A_SECOND: i64 = 200_000_000 / 3600;
/// What may be gained at once, in thousandths of a watt-hour: clocks and counters have steps.
const STEP: i64 = 1_000_000;
/// The seconds of uptime that two bytes hold.
const WRAP: u32 = 1 << 16;

/// A local day, and how many seconds of it have passed.
fn day_of(at: u32, zone: &TimeZone) -> Option<(Date, i64)> {
    let zoned = Timestamp::from_second(at.into())
        .ok()?
        .to_zoned(zone.clone());
    let start = zoned.start_of_day().ok()?;
    Some((
        zoned.date(),
        zoned.timestamp().as_second() - start.timestamp().as_second(),
    ))
}

/// A moment in seconds since 1970, as records say it.
pub fn seconds(at: Timestamp) -> u32 {
    u32::try_from(at.as_second()).unwrap_or_default()
}

/// Whether a day lies ahead of a moment: a clock stood wrong, and what was counted by it does not last.
pub fn is_ahead(day: Option<Date>, at: Timestamp, zone: &TimeZone) -> bool {
    let now = at.to_zoned(zone.clone()).date();
    let next = now.tomorrow().unwrap_or(now);
    day.is_some_and(|day| day > next)
}

/// What a record says of energy, in thousandths of a watt-hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// Seconds since 1970.
    pub at: u32,
    /// In its whole life.
    pub total: Option<i64>,
    /// Since it woke up.
    pub since_wake: Option<i64>,
    /// In the interval that ends now.
    pub interval: Option<i64>,
    /// Seconds since it woke up.
    pub uptime: Option<u32>,
}

/// Thousandths of a watt-hour.
pub fn milliwatt_hours(energy: Option<f32>) -> Option<i64> {
    let energy = energy.filter(|energy| (0.0..1e9).contains(energy))?;
    Some((f64::from(energy) * 1000.0).round() as i64)
}

/// The day of an inverter.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InverterDay {
    day: Option<Date>,
    /// The last record before this day, by its time and total.
    before: Option<(u32, i64)>,
    /// The first one of this day.
    first: Option<First>,
    /// The last one so far.
    latest: Option<(u32, i64)>,
    /// What this day had brought when the counter began anew.
    carried: i64,
    /// A total that does not follow from the latest one. It counts once another one follows from it.
    odd: Option<(u32, i64)>,
}

/// Whether a counter can stand there after the other record.
fn follows((before_at, before): (u32, i64), at: u32, total: i64) -> bool {
    let elapsed = i64::from(at) - i64::from(before_at);
    let most = elapsed
        .saturating_mul(MOST_IN_A_SECOND)
        .saturating_add(STEP);
    elapsed > 0 && (0..=most).contains(&total.saturating_sub(before))
}

/// The first record of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct First {
    at: u32,
    total: i64,
    /// What the interval that ended then had brought.
    interval: i64,
    /// What it had counted since it woke up, if that was on this day.
    since_wake: Option<i64>,
}

impl InverterDay {
    /// Takes a record, of the past perhaps: one from before midnight tells where this day began.
    pub fn add(&mut self, count: Count, zone: &TimeZone) {
        let (Some((day, passed)), Some(total)) = (day_of(count.at, zone), count.total) else {
            return;
        };
        match self.day {
            Some(known) if day < known => {
                if self.before.is_none_or(|(at, _)| count.at > at) {
                    self.before = Some((count.at, total));
                }
                return;
            }
            Some(known) if day == known => {}
            _ => {
                *self = Self {
                    day: Some(day),
                    before: self.latest.or(self.before),
                    ..Self::default()
                };
            }
        }
        let first = || {
            let woken = i64::from(count.uptime.unwrap_or(u32::MAX)) <= passed;
            let interval = count.interval.unwrap_or_default();
            First {
                at: count.at,
                total,
                interval,
                since_wake: count.since_wake.filter(|_| woken),
            }
        };
        match self.latest {
            None => {
                self.first = Some(first());
                self.latest = Some((count.at, total));
            }
            Some((at, _)) if count.at <= at => {
                if self.carried == 0 && self.first.is_some_and(|it| count.at < it.at) {
                    self.first = Some(first());
                }
            }
            Some(latest) => {
                let odd = self.odd.take();
                if !follows(latest, count.at, total) {
                    let Some((at, base)) = odd.filter(|odd| follows(*odd, count.at, total)) else {
                        self.odd = Some((count.at, total));
                        return;
                    };
                    // The counter has begun anew: a new board, or all of it was reset.
                    self.carried = self.energy().unwrap_or_default();
                    self.before = None;
                    self.first = Some(First {
                        at,
                        total: base,
                        interval: 0,
                        since_wake: None,
                    });
                }
                self.latest = Some((count.at, total));
            }
        }
    }

    /// What the day has brought so far, in thousandths of a watt-hour.
    pub fn energy(&self) -> Option<i64> {
        let (first, (_, latest)) = (self.first?, self.latest?);
        let gained = latest.saturating_sub(first.total).max(0);
        let until_first = match self.before.filter(|(_, total)| *total <= first.total) {
            Some((at, total)) => {
                let gap = first.total - total;
                let is_close = i64::from(first.at) - i64::from(at) <= CLOSE;
                let least = first.since_wake.unwrap_or(first.interval);
                if is_close {
                    gap
                } else {
                    gap.min(least.max(first.interval))
                }
            }
            // As long as nothing is known of the day, 0 would be made up: what is less than a watt-hour waits.
            None if self.carried == 0 && first.interval.saturating_add(gained) < 1000 => {
                return None;
            }
            None => first.interval,
        };
        Some(
            self.carried
                .saturating_add(until_first)
                .saturating_add(gained),
        )
    }

    /// Which day that is.
    pub const fn day(&self) -> Option<Date> {
        self.day
    }
}

/// The day of an optimizer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OptimizerDay {
    day: Option<Date>,
    /// When it was heard last.
    at: u32,
    uptime: u32,
    /// Its count then.
    count: i64,
    /// What is to be added to its count: what it had before it restarted, less what was of another day.
    carried: i64,
}

impl OptimizerDay {
    /// Takes a record; what is older than the last one changes nothing.
    pub fn add(&mut self, count: Count, zone: &TimeZone) {
        let (Some((day, passed)), Some(energy)) = (day_of(count.at, zone), count.since_wake) else {
            return;
        };
        let uptime = count.uptime.unwrap_or_default();
        let is_first = self.day.is_none();
        if !is_first && count.at <= self.at {
            return;
        }
        let elapsed = count.at.saturating_sub(self.at);
        // Its uptime has two bytes: less of it can be the same run.
        let wrapped = self
            .uptime
            .checked_add(elapsed)
            .is_some_and(|expected| expected >= WRAP && (expected % WRAP).abs_diff(uptime) < 600);
        let is_lower = uptime < self.uptime && !wrapped;
        let has_restarted = !is_first && (energy < self.count || is_lower);
        if self.day != Some(day) {
            // What it had counted before midnight is of another day, if it counts on.
            let woken_today = i64::from(uptime) <= passed && !wrapped;
            self.carried = if is_first || has_restarted || woken_today {
                0
            } else {
                -self.count
            };
            self.day = Some(day);
        } else if has_restarted {
            self.carried = self.carried.saturating_add(self.count);
        }
        (self.at, self.uptime, self.count) = (count.at, uptime, energy);
    }

    /// What the day has brought so far, in thousandths of a watt-hour.
    pub fn energy(&self) -> Option<i64> {
        self.day
            .map(|_| self.count.saturating_add(self.carried).max(0))
    }

    /// Which day that is.
    pub const fn day(&self) -> Option<Date> {
        self.day
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// 2024-06-11 00:00 in New York.
    const MIDNIGHT: u32 = 1_718_078_400;

    fn zone() -> TimeZone {
        TimeZone::get("America/New_York").unwrap()
    }

    fn count(at: u32, total: i64, since_wake: i64, uptime: u32) -> Count {
        Count {
            at,
            total: Some(total * 1000),
            since_wake: Some(since_wake * 1000),
            interval: Some(0),
            uptime: Some(uptime),
        }
    }

    fn day_of_inverter(counts: &[Count]) -> Option<i64> {
        let mut day = InverterDay::default();
        for count in counts {
            day.add(*count, &zone());
            let saved = serde_json::to_value(&day).unwrap();
            day = serde_json::from_value(saved).unwrap();
        }
        day.energy().map(|energy| energy / 1000)
    }

    #[test]
    fn a_day_is_what_was_gained_since_the_one_before() {
        let evening = count(MIDNIGHT - 3600, 1000, 700, 50_000);
        let morning = count(MIDNIGHT + 6 * 3600, 1003, 3, 600);
        assert_eq!(day_of_inverter(&[evening, morning]), Some(3));
        let noon = count(MIDNIGHT + 12 * 3600, 1100, 100, 22_000);
        assert_eq!(day_of_inverter(&[evening, morning, noon]), Some(100));
        // It restarted in the morning and counts anew since.
        let restarted = count(MIDNIGHT + 12 * 3600, 1100, 12, 600);
        assert_eq!(day_of_inverter(&[evening, morning, restarted]), Some(100));
    }

    #[test]
    fn what_was_gained_while_nobody_listened_is_not_all_of_today() {
        let yesterday_noon = count(MIDNIGHT - 12 * 3600, 1000, 300, 20_000);
        let today = count(MIDNIGHT + 8 * 3600, 1500, 80, 7200);
        assert_eq!(day_of_inverter(&[yesterday_noon, today]), Some(80));
        // The afternoon before comes afterwards, as it is sent again.
        let evening = count(MIDNIGHT - 2 * 3600, 1420, 720, 50_000);
        assert_eq!(day_of_inverter(&[yesterday_noon, evening, today]), Some(80));
        assert_eq!(day_of_inverter(&[yesterday_noon, today, evening]), Some(80));
        assert_eq!(day_of_inverter(&[today]), None);
    }

    #[test]
    fn a_counter_that_begins_anew_takes_nothing_away() {
        let evening = count(MIDNIGHT - 3 * 3600, 960, 700, 50_000);
        let morning = count(MIDNIGHT + 7 * 3600, 1000, 40, 3600);
        let replaced = count(MIDNIGHT + 9 * 3600, 5, 5, 600);
        let later = count(MIDNIGHT + 9 * 3600 + 300, 25, 25, 900);
        assert_eq!(day_of_inverter(&[evening, morning, replaced]), Some(40));
        assert_eq!(
            day_of_inverter(&[evening, morning, replaced, later]),
            Some(60)
        );
    }

    #[test]
    fn a_total_that_nothing_agrees_with_changes_nothing() {
        let morning = count(MIDNIGHT + 7 * 3600, 10_000, 40, 3600);
        let later = count(MIDNIGHT + 8 * 3600, 12_000, 2040, 7200);
        let usual = count(MIDNIGHT + 8 * 3600 + 600, 12_100, 2140, 7800);
        for odd in [5, 450_000, 40_000_000] {
            let odd = count(MIDNIGHT + 8 * 3600 + 300, odd, 2100, 7500);
            assert_eq!(day_of_inverter(&[morning, later, odd]), Some(2000));
            assert_eq!(day_of_inverter(&[morning, later, odd, usual]), Some(2100));
        }
        // As the first of the day, it may take the morning away, but never makes up a day.
        let first = count(MIDNIGHT + 7 * 3600, 40_000_000, 0, 3600);
        let day = day_of_inverter(&[first, later, usual]);
        assert!(day.is_some_and(|day| day <= 2100), "{day:?}");
    }

    #[test]
    fn an_optimizer_that_restarts_counts_on() {
        let mut day = OptimizerDay::default();
        let mut check = |at: u32, energy: i64, uptime: u32, expected: i64| {
            day.add(count(MIDNIGHT + at, 0, energy, uptime), &zone());
            assert_eq!(day.energy(), Some(expected * 1000), "at {at}");
        };
        check(6 * 3600, 10, 600, 10);
        check(7 * 3600, 50, 4200, 50);
        check(8 * 3600, 5, 60, 55);
        check(9 * 3600, 65, 3660, 115);
        // Of the past.
        check(8 * 3600 + 300, 6, 360, 115);
        check(30 * 3600, 3, 600, 3);
    }

    #[test]
    fn a_long_uptime_is_no_restart() {
        let mut day = OptimizerDay::default();
        day.add(count(MIDNIGHT + 3600, 0, 100, 65_400), &zone());
        day.add(count(MIDNIGHT + 3900, 0, 101, 164), &zone());
        assert_eq!(day.energy(), Some(101_000));
    }

    proptest! {
        #[test]
        fn the_day_is_never_more_than_was_gained(
            gains in prop::collection::vec((1_u32..40, 0_i64..500), 1..40),
        ) {
            let (mut at, mut total, mut woken, mut day) = (MIDNIGHT - 86_400, 0, 0, InverterDay::default());
            let mut by_day = std::collections::BTreeMap::<_, i64>::new();
            let mut uptime = 0;
            for (steps, gain) in gains {
                let before = day_of(at, &zone()).unwrap().0;
                at += steps * 300;
                uptime += steps * 300;
                let now = day_of(at, &zone()).unwrap().0;
                if now != before {
                    (woken, uptime) = (0, 1);
                }
                total += gain;
                woken += gain;
                *by_day.entry(now).or_default() += gain;
                day.add(count(at, total, woken, uptime), &zone());
                let energy = day.energy().unwrap_or_default() / 1000;
                prop_assert!(energy <= by_day[&now], "{energy} of {}", by_day[&now]);
            }
        }
    }
}
