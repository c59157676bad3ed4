//! The energy of the local day.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// What was counted since midnight, in millionths of a watt-hour.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayCount {
    /// Since when it was counted, by the wall clock as it was set when the last good answer was heard. Which day
    /// that is shows whether it is today's.
    since: Option<Timestamp>,
    energy: Vec<u64>,
}

/// When the local day of a moment began.
fn midnight(at: Timestamp, zone: &TimeZone) -> Timestamp {
    let start = at.to_zoned(zone.clone()).start_of_day();
    start.map_or(at, |start| start.timestamp())
}

fn moved(at: Timestamp, seconds: i64) -> Timestamp {
    at.checked_add(SignedDuration::from_secs(seconds))
        .unwrap_or(at)
}

impl DayCount {
    /// What is today's of it, if the wall clock was set by so many seconds since the last good answer.
    pub fn energy(&self, shift: i64, now: Timestamp, zone: &TimeZone) -> Vec<u64> {
        let is_today = self
            .since
            .is_some_and(|since| moved(since, shift) >= midnight(now, zone));
        if is_today {
            self.energy.clone()
        } else {
            Vec::new()
        }
    }

    /// The wall clock was set.
    pub fn shift(&mut self, seconds: i64) {
        self.since = self.since.map(|since| moved(since, seconds));
    }

    /// Whether it was counted at a time that has not come yet: the clock stood wrong then.
    pub fn is_ahead(&self, now: Timestamp) -> bool {
        self.since.is_some_and(|since| since > now)
    }

    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Adds what came evenly in so many seconds until now, as far as they are of today.
    pub fn add(&mut self, added: &[u64], span: u32, now: Timestamp, zone: &TimeZone) {
        let midnight = midnight(now, zone);
        if self.since.is_some_and(|since| since < midnight) {
            self.clear();
        }
        if added.iter().all(|energy| *energy == 0) {
            return;
        }
        let passed = now.duration_since(midnight).as_secs().max(0);
        let began = moved(now, -i64::from(span)).max(midnight);
        self.since = Some(self.since.map_or(began, |since| since.min(began)));
        if self.energy.len() < added.len() {
            self.energy.resize(added.len(), 0);
        }
        for (sum, energy) in self.energy.iter_mut().zip(added) {
            let share = if passed >= i64::from(span) {
                *energy
            } else {
                let part = u128::from(*energy) * u128::from(passed.unsigned_abs());
                let part = part.checked_div(u128::from(span)).unwrap_or_default();
                u64::try_from(part).unwrap_or(*energy)
            };
            *sum = sum.saturating_add(share);
        }
    }
}
