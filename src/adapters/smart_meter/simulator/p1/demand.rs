//! Mean powers, for which some operators charge: of the running quarter of an hour, the highest of this month,
//! and those of the months before.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use super::sample::Peak;
use crate::simulation::noise::{hash, unit};

/// Seconds of a quarter of an hour.
const QUARTER: i64 = 900;
/// How many months are remembered.
const MONTHS: u32 = 13;
/// The one of them in which nobody took anything.
const EMPTY_MONTH: u32 = 11;
/// Months that were before the simulation have a peak of their own.
const SALT: u64 = 71;

#[derive(Debug, Clone)]
pub struct Demand {
    /// When the first telegram of this quarter of an hour came, and the Wh that were taken by then.
    since: Timestamp,
    energy: u32,
    month: Date,
    /// Watts of the running quarter.
    pub average: u32,
    pub month_peak: Peak,
    pub past: Vec<(Timestamp, Peak)>,
}

impl Demand {
    /// From this moment on; months before it are made up.
    pub fn new(now: Timestamp, energy: u32, zone: &TimeZone, seed: u64) -> Self {
        let month = month_of(now, zone);
        let ends = (0..MONTHS).rev().filter_map(|age| {
            let end = month.checked_sub(Span::new().months(age)).ok()?;
            let begin = end.checked_sub(Span::new().months(1)).ok()?;
            let (begin, end) = (midnight(begin, zone)?, midnight(end, zone)?);
            let peak = match age {
                EMPTY_MONTH => Peak::default(),
                _ => made_up(begin, end, seed),
            };
            Some((end, peak))
        });
        let past = ends.collect();
        let begin = midnight(month, zone).unwrap_or(now);
        let quarter = now.as_second().div_euclid(QUARTER) * QUARTER;
        let until = Timestamp::from_second(quarter).unwrap_or(now);
        Self {
            since: now,
            energy,
            month,
            average: 0,
            month_peak: made_up(begin, until, seed),
            past,
        }
    }

    /// Wh that have been taken by now.
    pub fn note(&mut self, now: Timestamp, energy: u32, zone: &TimeZone) {
        let quarter = |at: Timestamp| at.as_second().div_euclid(QUARTER);
        let mean = self.mean(now, energy);
        if quarter(now) == quarter(self.since) {
            self.average = mean;
            return;
        }
        let end = (quarter(self.since) + 1) * QUARTER;
        if mean > self.month_peak.watts
            && let Ok(end) = Timestamp::from_second(end)
        {
            self.month_peak = Peak {
                at: Some(end),
                watts: mean,
            };
        }
        let month = month_of(now, zone);
        if month != self.month {
            self.month = month;
            let over = std::mem::take(&mut self.month_peak);
            self.past
                .extend(midnight(month, zone).map(|end| (end, over)));
            let surplus = self.past.len().saturating_sub(MONTHS as usize);
            self.past.drain(..surplus);
        }
        (self.since, self.energy, self.average) = (now, energy, 0);
    }

    fn mean(&self, now: Timestamp, energy: u32) -> u32 {
        let seconds = now.duration_since(self.since).as_secs();
        let taken = u64::from(energy.saturating_sub(self.energy)) * 3600;
        let mean = u64::try_from(seconds)
            .ok()
            .and_then(|it| taken.checked_div(it));
        mean.and_then(|it| u32::try_from(it).ok()).unwrap_or(0)
    }
}

/// A peak between two moments; none where there is no quarter of an hour between them.
fn made_up(begin: Timestamp, end: Timestamp, seed: u64) -> Peak {
    let quarters = (end.as_second() - begin.as_second()) / QUARTER;
    if quarters <= 0 {
        return Peak::default();
    }
    let month = begin.as_second().unsigned_abs();
    let chosen = (hash(seed.wrapping_add(SALT), month) >> 1) as i64 % quarters + 1;
    Peak {
        at: Timestamp::from_second(begin.as_second() + chosen * QUARTER).ok(),
        watts: 2_200 + (2_800.0 * unit(seed, SALT, month)) as u32,
    }
}

fn month_of(at: Timestamp, zone: &TimeZone) -> Date {
    zone.to_datetime(at).date().first_of_month()
}

fn midnight(date: Date, zone: &TimeZone) -> Option<Timestamp> {
    Some(date.to_zoned(zone.clone()).ok()?.timestamp())
}
