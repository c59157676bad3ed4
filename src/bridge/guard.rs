//! The counter guard: counters never fall and never jump.
//!
//! Devices send false zeros and false totals after a reboot, and sometimes at random. One of them
//! passed on is counted as consumption by everything that sums up a counter. So a value that falls,
//! or gains more than the device can have moved in the time, is held back and the last good value
//! shown in its place. That the counter really starts anew, as after an exchange of the device, is
//! believed when values that agree with each other have come three times and for a minute: a burst of
//! false values is over by then, and a slow device has had three of its own cycles, as a value that
//! it only repeats does not count again. A zero after anything larger is never believed.
//!
//! The first value of all has nothing to be compared with but what is possible: it is not above what
//! such a counter can ever reach, and the energy of a lifetime is not below that of today.
//!
//! A daily counter starts again once on each new date, and that is its first fall on this date. That
//! it grows does not mean yet that it has begun the new day: the last of yesterday's data may arrive
//! after midnight.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::heard::HeardAt;
use crate::model::Decimal;

/// Agreeing samples that make a new baseline ...
const CONFIRMATIONS: u8 = 3;
/// ... if they come for so long.
const CONFIRMED_FOR: Duration = Duration::from_secs(60);
/// Samples of a new date that grow ...
const GROWTHS: u8 = 5;
/// ... for so long are of that date, whether the counter was seen to fall or not.
const GROWN_FOR: Duration = Duration::from_secs(20 * 60);
/// How late data of yesterday can be.
const LATE: Duration = Duration::from_secs(3600);
/// Gain that is always plausible, in thousandths of the counter's unit (1 kWh): the resolution of
/// coarse counters, and the delay between measuring and reporting.
const SLACK: i64 = 1000;
const DAY: Duration = Duration::from_secs(24 * 3600);

/// What the guard remembers of one counter, also over restarts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guard {
    /// The last good value.
    accepted: Option<Point>,
    /// A value that was held back and may turn out to be true.
    #[serde(skip)]
    candidate: Option<Candidate>,
    /// The day of the counter's own calendar that the value belongs to (daily counters).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    day: Option<Date>,
    /// What it was before it last started again (daily counters).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    yesterday: Option<i64>,
    /// How often, and since when, it has grown on a new date without having fallen.
    #[serde(skip)]
    grown: Option<(u8, HeardAt)>,
    #[serde(skip)]
    behind: Behind,
}

/// A value in thousandths of the counter's unit (watt-hours for kWh).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Point {
    value: i64,
    /// When it was heard, by our own clock: bounds what can have been counted meanwhile.
    heard: HeardAt,
    /// When it was measured, by the device's clock: tells whether it is another sample at all.
    measured: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Candidate {
    point: Point,
    since: HeardAt,
    seen: u8,
}

/// What is possible for a counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The most that it can gain in an hour, in thousandths of its unit: watts for kilowatt-hours.
    pub power: u32,
    /// The most that it can ever reach, in thousandths of its unit.
    pub ceiling: i64,
    /// What it cannot be below, such as the energy of today for that of a lifetime.
    pub floor: i64,
    /// Whether it is no wonder that it begins with zero.
    pub begins_at_zero: bool,
}

/// One value of a counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// The value as reported.
    pub value: Decimal,
    /// When it was heard, by our own clock.
    pub heard: HeardAt,
    /// When it was measured, by the device's clock.
    pub measured: Timestamp,
    /// On which day of the device's calendar.
    pub day: Date,
}

/// What the guard made of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The sample is good.
    Accepted,
    /// The counter starts anew: samples that were held back have been confirmed.
    NewBaseline {
        /// The last good value before.
        from: Decimal,
    },
    /// The last good value stays.
    Held(Reason),
}

/// Why a sample is held back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// Zero after a larger value.
    Zero,
    /// The first value of all is zero, which may be a device that is still starting.
    FirstZero,
    /// Less than before.
    Fall,
    /// More than the device can have counted since.
    Jump,
    /// Less than nothing.
    Negative,
    /// More than any such device ever counts.
    Absurd,
    /// Less than what was counted today alone.
    BelowToday,
}

impl Point {
    /// Whether it is the same sample once more.
    fn is_same(self, other: Self) -> bool {
        self.value == other.value && self.measured == other.measured
    }

    fn new(sample: &Sample) -> Self {
        Self {
            value: sample.value.with_scale(3).mantissa(),
            heard: sample.heard,
            measured: sample.measured,
        }
    }
}

impl Guard {
    /// The last good value.
    pub fn last(&self) -> Option<Decimal> {
        self.accepted.map(|point| Decimal::new(point.value, 3))
    }

    /// The day that a daily counter is in.
    pub const fn day(&self) -> Option<Date> {
        self.day
    }

    /// Judges a sample of a counter that never starts again.
    pub fn judge_lifetime(&mut self, sample: &Sample, limits: &Limits) -> Verdict {
        self.judge(Point::new(sample), limits)
    }

    /// Judges a sample of a counter that starts again at 0 on each day.
    pub fn judge_daily(&mut self, sample: &Sample, limits: &Limits) -> Verdict {
        let point = Point::new(sample);
        let day = self.behind.latest(self.day, sample.day, sample.heard);
        if self.day.is_some_and(|known| day < known) {
            self.begin(day);
        }
        let is_new_day = self.day.is_some_and(|day| sample.day > day);
        let before = self.accepted.map(|last| last.value);
        if is_new_day && self.starts_again(point, limits) {
            self.yesterday = before;
            self.begin(sample.day);
            self.accept(point);
            return Verdict::Accepted;
        }
        // Yesterday's value once more: the day had begun, and no one counts that fast.
        let jumps = self
            .accepted
            .is_some_and(|last| point.value > last.value && !plausible(last, point, limits.power));
        if jumps && self.yesterday == Some(point.value) {
            return Verdict::Held(Reason::Jump);
        }
        let verdict = self.judge(point, limits);
        if !matches!(verdict, Verdict::Held(_)) {
            let gain = before.map_or(0, |before| point.value.saturating_sub(before));
            let is_first = self.day.is_none();
            let has_begun = before == Some(0) && gain > 0;
            if is_first || is_new_day && (has_begun || self.keeps_growing(gain, point)) {
                self.begin(sample.day);
            }
        }
        verdict
    }

    /// Whether a sample of a new date is the start of the day.
    fn starts_again(&self, point: Point, limits: &Limits) -> bool {
        let falls = self.accepted.is_some_and(|last| point.value < last.value);
        // Zero stays zero.
        let stays = point.value == 0 && self.accepted.is_some_and(|last| last.value == 0);
        (falls || stays) && point.value >= 0 && within(point.value, limits.power, DAY)
    }

    /// Whether a counter that has not fallen on a new date counts for that date by now. `gain` is
    /// what it has gained with this sample.
    fn keeps_growing(&mut self, gain: i64, point: Point) -> bool {
        if gain <= 0 {
            return false;
        }
        let (seen, since) = self.grown.unwrap_or((0, point.heard));
        let seen = seen.saturating_add(1);
        self.grown = Some((seen, since));
        seen >= GROWTHS && point.heard.since(since) >= GROWN_FOR
    }

    const fn begin(&mut self, day: Date) {
        self.day = Some(day);
        self.grown = None;
    }

    fn judge(&mut self, point: Point, limits: &Limits) -> Verdict {
        if point.value < 0 {
            return Verdict::Held(Reason::Negative);
        }
        if point.value > limits.ceiling {
            return Verdict::Held(Reason::Absurd);
        }
        let Some(last) = self.accepted else {
            return self.judge_first(point, limits);
        };
        let reason = if point.value == 0 && last.value > 0 {
            return Verdict::Held(Reason::Zero);
        } else if point.value < last.value {
            Reason::Fall
        } else if !plausible(last, point, limits.power) {
            Reason::Jump
        } else {
            self.accept(point);
            return Verdict::Accepted;
        };
        if point.value >= limits.floor && self.confirm(point, limits.power) {
            self.accept(point);
            return Verdict::NewBaseline {
                from: Decimal::new(last.value, 3),
            };
        }
        Verdict::Held(reason)
    }

    fn judge_first(&mut self, point: Point, limits: &Limits) -> Verdict {
        if point.value < limits.floor {
            return Verdict::Held(Reason::BelowToday);
        }
        if point.value > 0 || limits.begins_at_zero || self.confirm(point, 0) {
            self.accept(point);
            return Verdict::Accepted;
        }
        Verdict::Held(Reason::FirstZero)
    }

    /// Counts a sample that does not fit; true when enough of them fit each other for long enough.
    fn confirm(&mut self, point: Point, power: u32) -> bool {
        let agrees = |earlier: &Candidate| {
            point.value >= earlier.point.value && plausible(earlier.point, point, power)
        };
        let candidate = match self.candidate {
            // The same sample again says nothing new.
            Some(earlier) if earlier.point.is_same(point) => return false,
            Some(earlier) if agrees(&earlier) => Candidate {
                point,
                since: earlier.since,
                seen: earlier.seen.saturating_add(1),
            },
            _ => Candidate {
                point,
                since: point.heard,
                seen: 1,
            },
        };
        self.candidate = Some(candidate);
        candidate.seen >= CONFIRMATIONS && point.heard.since(candidate.since) >= CONFIRMED_FOR
    }

    fn accept(&mut self, point: Point) {
        self.accepted = Some(point);
        self.candidate = None;
    }
}

/// Since when days are reported that come before the one that counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Behind(Option<HeardAt>);

impl Behind {
    /// The day that counts now. It does not go back, as a device may report of yesterday after
    /// midnight; but one that goes back further, or for longer than any data is late, shows that a
    /// clock stood wrong before.
    pub fn latest(&mut self, known: Option<Date>, day: Date, heard: HeardAt) -> Date {
        let Some(known) = known.filter(|known| day < *known && !is_far_before(day, *known)) else {
            self.0 = None;
            return day;
        };
        let since = *self.0.get_or_insert(heard);
        if heard.since(since) < LATE {
            return known;
        }
        self.0 = None;
        day
    }
}

fn is_far_before(day: Date, known: Date) -> bool {
    day.tomorrow().is_ok_and(|next| next < known)
}

fn plausible(from: Point, to: Point, power: u32) -> bool {
    let gain = to.value.saturating_sub(from.value);
    within(gain, power, to.heard.since(from.heard))
}

/// Whether a gain is within the slack plus what `power` can do in a time.
fn within(gain: i64, power: u32, time: Duration) -> bool {
    i128::from(gain) <= i128::from(SLACK) + i128::from(power) * i128::from(time.as_secs()) / 3600
}

/// What a gain in a time comes to at most, in thousandths, for who has to bound another value by it.
pub fn most_of_a_day(power: u32) -> i64 {
    SLACK.saturating_add(i64::from(power).saturating_mul(24))
}

#[cfg(test)]
mod tests;
