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
mod tests {
    use super::*;
    use proptest::prelude::*;

    const POWER: u32 = 5000;

    fn sample(minute: i64, watt_hours: i64) -> Sample {
        let at = Timestamp::from_second(1_780_000_000 + minute * 60).unwrap();
        let day = at.to_zoned(jiff::tz::TimeZone::UTC).date();
        Sample {
            value: Decimal::from_watt_hours(watt_hours),
            heard: at,
            measured: at,
            day,
        }
    }

    fn lifetime(guard: &mut Guard, minute: i64, watt_hours: i64) -> Verdict {
        guard.judge_lifetime(&sample(minute, watt_hours), POWER)
    }

    fn held(watt_hours: i64, reason: Reason) -> Verdict {
        Verdict::Held {
            show: Some(Decimal::from_watt_hours(watt_hours)),
            reason,
        }
    }

    #[test]
    fn a_zero_is_never_believed_however_often_it_comes() {
        let mut guard = Guard::default();
        assert_eq!(lifetime(&mut guard, 0, 4_358_100), Verdict::Accepted);
        for minute in 1..500 {
            assert_eq!(
                lifetime(&mut guard, minute, 0),
                held(4_358_100, Reason::Zero)
            );
        }
        assert_eq!(lifetime(&mut guard, 500, 4_358_200), Verdict::Accepted);
    }

    #[test]
    fn a_new_installation_may_really_be_at_zero() {
        let mut guard = Guard::default();
        let unknown = Verdict::Held {
            show: None,
            reason: Reason::FirstZero,
        };
        assert_eq!(lifetime(&mut guard, 0, 0), unknown);
        assert_eq!(lifetime(&mut guard, 5, 0), unknown);
        assert_eq!(lifetime(&mut guard, 10, 0), Verdict::Accepted);
        assert_eq!(lifetime(&mut guard, 15, 100), Verdict::Accepted);
    }

    #[test]
    fn a_zero_at_the_start_does_not_count_the_whole_lifetime_later() {
        let mut guard = Guard::default();
        assert!(matches!(
            lifetime(&mut guard, 0, 0),
            Verdict::Held { show: None, .. }
        ));
        assert_eq!(lifetime(&mut guard, 5, 12_345_000), Verdict::Accepted);
    }

    #[test]
    fn an_exchanged_device_is_believed_after_three_agreeing_samples() {
        let mut guard = Guard::default();
        lifetime(&mut guard, 0, 4_358_100);
        assert_eq!(lifetime(&mut guard, 5, 300), held(4_358_100, Reason::Fall));
        assert_eq!(lifetime(&mut guard, 10, 400), held(4_358_100, Reason::Fall));
        assert_eq!(lifetime(&mut guard, 10, 400), held(4_358_100, Reason::Fall));
        let from = Decimal::from_watt_hours(4_358_100);
        assert_eq!(lifetime(&mut guard, 15, 400), Verdict::NewBaseline { from });
        assert_eq!(lifetime(&mut guard, 20, 500), Verdict::Accepted);
    }

    #[test]
    fn one_frozen_value_does_not_confirm_itself() {
        let mut guard = Guard::default();
        lifetime(&mut guard, 0, 4_358_100);
        for minute in 5..30 {
            let frozen = Sample {
                measured: sample(5, 0).measured,
                ..sample(minute, 9_000_000)
            };
            let verdict = guard.judge_lifetime(&frozen, POWER);
            assert_eq!(verdict, held(4_358_100, Reason::Jump));
        }
    }

    #[test]
    fn a_wrong_clock_of_the_device_allows_no_jump() {
        let mut guard = Guard::default();
        lifetime(&mut guard, 0, 4_358_100);
        let later = Sample {
            measured: sample(500_000, 0).measured,
            ..sample(5, 5_358_100)
        };
        assert_eq!(
            guard.judge_lifetime(&later, POWER),
            held(4_358_100, Reason::Jump)
        );
    }

    #[test]
    fn wild_values_confirm_nothing() {
        let mut guard = Guard::default();
        lifetime(&mut guard, 0, 4_358_100);
        for (minute, value) in [(5, 9_000_000), (10, 300), (15, 7_000_000), (20, 200)] {
            assert!(matches!(
                lifetime(&mut guard, minute, value),
                Verdict::Held { .. }
            ));
        }
        assert_eq!(lifetime(&mut guard, 25, 4_358_300), Verdict::Accepted);
    }

    #[test]
    fn the_limit_grows_with_the_time_that_passed() {
        let mut guard = Guard::default();
        lifetime(&mut guard, 0, 1_000_000);
        assert_eq!(
            lifetime(&mut guard, 60, 1_006_001),
            held(1_000_000, Reason::Jump)
        );
        assert_eq!(lifetime(&mut guard, 60, 1_006_000), Verdict::Accepted);
        // Three weeks without us.
        assert_eq!(
            lifetime(&mut guard, 60 + 21 * 1440, 2_000_000),
            Verdict::Accepted
        );
    }

    #[test]
    fn a_clock_that_steps_back_costs_three_samples_at_most() {
        let mut guard = Guard::default();
        lifetime(&mut guard, 1000, 1_000_000);
        let mut verdicts = (0..4).map(|n| lifetime(&mut guard, n * 5, 1_002_000 + n * 100));
        assert!(verdicts.any(|verdict| matches!(verdict, Verdict::NewBaseline { .. })));
    }

    #[test]
    fn a_daily_counter_starts_again_with_the_day_only() {
        let mut guard = Guard::default();
        let mut daily = |minute, value| guard.judge_daily(&sample(minute, value), POWER);
        let midnight = 1440 - 1_780_000_000 / 60 % 1440;
        assert_eq!(daily(midnight + 600, 5000), Verdict::Accepted);
        assert_eq!(daily(midnight + 605, 0), held(5000, Reason::Zero));
        assert_eq!(daily(midnight + 1200, 9000), Verdict::Accepted);
        // Yesterday's value leaks over midnight, then the counter restarts.
        assert_eq!(daily(midnight + 1445, 9000), Verdict::Accepted);
        assert_eq!(daily(midnight + 1560, 0), Verdict::Accepted);
        assert_eq!(daily(midnight + 2000, 700), Verdict::Accepted);
        assert_eq!(daily(midnight + 2005, 0), held(700, Reason::Zero));
        // On the third day it starts with more than nothing.
        assert_eq!(daily(midnight + 3300, 10), Verdict::Accepted);
        // On the fourth it is first heard of when it is past the value of the third.
        assert_eq!(daily(midnight + 5000, 2000), Verdict::Accepted);
        assert_eq!(daily(midnight + 5005, 0), held(2000, Reason::Zero));
    }

    #[test]
    fn a_day_in_the_future_does_not_stay() {
        let mut guard = Guard::default();
        let midnight = 1440 - 1_780_000_000 / 60 % 1440;
        let years = 4 * 365 * 1440;
        guard.judge_daily(&sample(midnight + 600, 5000), POWER);
        // The clock stood wrong for one poll.
        guard.judge_daily(&sample(midnight + 605 + years, 5100), POWER);
        for minutes in [610, 615] {
            let verdict = guard.judge_daily(&sample(midnight + minutes, 5100), POWER);
            assert_eq!(verdict, Verdict::Accepted);
        }
        let verdict = guard.judge_daily(&sample(midnight + 620, 0), POWER);
        assert_eq!(verdict, held(5100, Reason::Zero));
        let verdict = guard.judge_daily(&sample(midnight + 1445, 0), POWER);
        assert_eq!(verdict, Verdict::Accepted);
    }

    proptest! {
        #[test]
        fn shown_values_never_fall_without_a_new_baseline(
            values in prop::collection::vec((0_i64..30, -100_i64..10_000_000), 1..200)
        ) {
            let mut guard = Guard::default();
            let (mut minute, mut shown) = (0, None);
            for (step, value) in values {
                minute += step;
                let now = match lifetime(&mut guard, minute, value) {
                    Verdict::Accepted => Some(Decimal::from_watt_hours(value)),
                    Verdict::NewBaseline { .. } => { shown = None; Some(Decimal::from_watt_hours(value)) }
                    Verdict::Held { show, .. } => show,
                };
                prop_assert!(shown.is_none() || now >= shown, "{shown:?} {now:?}");
                shown = now;
            }
        }

        #[test]
        fn a_restart_changes_nothing(
            values in prop::collection::vec(0_i64..10_000, 1..50), cut in 0_usize..50
        ) {
            let (mut one, mut two) = (Guard::default(), Guard::default());
            for (n, value) in values.iter().enumerate() {
                if n == cut {
                    two = serde_json::from_str(&serde_json::to_string(&two).unwrap()).unwrap();
                }
                let minute = n as i64 * 5;
                prop_assert_eq!(lifetime(&mut one, minute, *value), lifetime(&mut two, minute, *value));
            }
        }
    }
}
