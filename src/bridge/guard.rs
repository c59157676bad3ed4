//! The counter guard: lifetime counters never fall and never jump.
//!
//! Devices send false zeros and false totals after a reboot, and sometimes at random. One of them
//! passed on is counted as consumption by everything that sums up a counter. So a value that falls,
//! or gains more than the device can have moved in the time, is held back and the last good value
//! shown in its place. Only when three values in a row agree with each other does the guard believe
//! that the counter really starts anew, as after an exchange of the device. A zero after anything
//! larger is never believed.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::model::Decimal;

/// Agreeing samples that make a new baseline.
const CONFIRMATIONS: u8 = 3;
/// Gain that is always plausible, in thousandths of the counter's unit (1 kWh): the resolution of
/// coarse counters, and the delay between measuring and reporting.
const SLACK: i64 = 1000;

/// What the guard remembers of one counter, also over restarts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Guard {
    /// The last good value.
    accepted: Option<Point>,
    /// A value that was held back and may turn out to be true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    candidate: Option<Candidate>,
    /// The day of the counter's own calendar that the value belongs to (daily counters).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    day: Option<Date>,
}

/// A value in thousandths of the counter's unit (watt-hours for kWh).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Point {
    value: i64,
    /// When it was heard, by our own clock: bounds what can have been counted meanwhile.
    heard: Timestamp,
    /// When it was measured, by the device's clock: tells whether it is another sample at all.
    measured: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Candidate {
    point: Point,
    seen: u8,
}

/// One value of a counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sample {
    /// The value as reported.
    pub value: Decimal,
    /// When it was heard, by our own clock.
    pub heard: Timestamp,
    /// When it was measured, by the device's clock.
    pub measured: Timestamp,
    /// On which day of the device's calendar.
    pub day: Date,
}

/// What the guard made of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The sample is good.
    Accepted,
    /// The counter starts anew: a sample that was held back has been confirmed.
    NewBaseline {
        /// The last good value before.
        from: Decimal,
    },
    /// The sample is not to be shown.
    Held {
        /// What to show in its place; `None` for unknown.
        show: Option<Decimal>,
        /// Why.
        reason: Reason,
    },
}

/// Why a sample is held back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
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
    pub(super) fn last(&self) -> Option<Decimal> {
        self.accepted.map(|point| Decimal::new(point.value, 3))
    }

    /// Judges a sample of a counter that never starts again. `power` is the most, in thousandths
    /// of the counter's unit per hour (watts for kWh), that it can gain.
    pub(super) fn judge_lifetime(&mut self, sample: &Sample, power: u32) -> Verdict {
        let point = Point::new(sample);
        self.judge(point, power)
    }

    /// Judges a sample of a counter that starts again at 0 on each day.
    pub(super) fn judge_daily(&mut self, sample: &Sample, power: u32) -> Verdict {
        let point = Point::new(sample);
        if self
            .day
            .is_some_and(|known| is_far_before(sample.day, known))
        {
            self.day = Some(sample.day);
        }
        let new_day = self.day.is_some_and(|day| sample.day > day);
        let restarted = self.accepted.is_some_and(|last| point.value < last.value);
        // Some devices go on showing yesterday's value for a while after midnight: the day counts
        // as begun only when the value has fallen.
        if new_day && restarted && point.value >= 0 && within(point.value, SLACK, power, 24 * 3600)
        {
            self.accept(point);
            self.day = Some(sample.day);
            return Verdict::Accepted;
        }
        let before = self.accepted.map(|last| last.value);
        let verdict = self.judge(point, power);
        // A value that grows, or is zero, belongs to today; one that only stays may be a leftover.
        let counting = self
            .accepted
            .is_some_and(|now| now.value == 0 || before != Some(now.value));
        if counting {
            self.day = Some(latest(self.day, sample.day));
        }
        verdict
    }

    fn judge(&mut self, point: Point, power: u32) -> Verdict {
        let Some(last) = self.accepted else {
            return self.judge_first(point);
        };
        let show = Some(Decimal::new(last.value, 3));
        let reason = if point.value < 0 {
            return Verdict::Held {
                show,
                reason: Reason::Negative,
            };
        } else if point.value == 0 && last.value > 0 {
            return Verdict::Held {
                show,
                reason: Reason::Zero,
            };
        } else if point.value < last.value {
            Reason::Fall
        } else if !plausible(last, point, power) {
            Reason::Jump
        } else {
            self.accept(point);
            return Verdict::Accepted;
        };
        if self.confirm(point, power) {
            self.accept(point);
            return Verdict::NewBaseline {
                from: Decimal::new(last.value, 3),
            };
        }
        Verdict::Held { show, reason }
    }

    fn judge_first(&mut self, point: Point) -> Verdict {
        if point.value < 0 {
            return Verdict::Held {
                show: None,
                reason: Reason::Negative,
            };
        }
        if point.value > 0 || self.confirm(point, 0) {
            self.accept(point);
            return Verdict::Accepted;
        }
        Verdict::Held {
            show: None,
            reason: Reason::FirstZero,
        }
    }

    /// Counts a sample that does not fit; true when enough of them fit each other.
    fn confirm(&mut self, point: Point, power: u32) -> bool {
        let agrees = |earlier: &Candidate| {
            point.value >= earlier.point.value && plausible(earlier.point, point, power)
        };
        let seen = match self.candidate {
            // The same moment again says nothing new.
            Some(earlier) if earlier.point.is_same(point) => return false,
            Some(earlier) if agrees(&earlier) => earlier.seen + 1,
            _ => 1,
        };
        self.candidate = Some(Candidate { point, seen });
        seen >= CONFIRMATIONS
    }

    fn accept(&mut self, point: Point) {
        self.accepted = Some(point);
        self.candidate = None;
    }
}

/// The day that counts now. It does not go back, as a device may report of yesterday after
/// midnight; but one that goes back further shows that the clock stood wrong before.
pub(super) fn latest(known: Option<Date>, day: Date) -> Date {
    match known {
        Some(known) if !is_far_before(day, known) => known.max(day),
        _ => day,
    }
}

fn is_far_before(day: Date, known: Date) -> bool {
    day.tomorrow().is_ok_and(|next| next < known)
}

fn plausible(from: Point, to: Point, power: u32) -> bool {
    let elapsed = to.heard.as_second().saturating_sub(from.heard.as_second());
    let elapsed = elapsed.max(0);
    within(to.value.saturating_sub(from.value), SLACK, power, elapsed)
}

/// Whether a gain is within the slack plus what `power` can do in `seconds`.
fn within(gain: i64, slack: i64, power: u32, seconds: i64) -> bool {
    i128::from(gain) <= i128::from(slack) + i128::from(power) * i128::from(seconds) / 3600
}

#[cfg(test)]
mod tests;
