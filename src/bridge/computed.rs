//! Metrics that the bridge computes because the device does not report them.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::guard::Behind;
use super::heard::HeardAt;
use crate::model::{Decimal, Derivation};

/// Energy summed up from power, as the area under a line from sample to sample.
///
/// No line leads from one run to the next: nobody knows what there was between the two, and the last
/// power need not have reached the store. Less is better than what is made up.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Integral {
    /// Thousandths of a joule, so that no rounding adds up. `None` before any power was known.
    millijoules: Option<i64>,
    /// The last power of this run in milliwatts, and when it was heard.
    #[serde(skip)]
    last: Option<(HeardAt, i64)>,
    /// When that was measured, by the device's clock: tells whether the next is another sample at
    /// all. How long a power lasts is never taken from that clock, as it may be set.
    #[serde(skip)]
    measured: Option<Timestamp>,
}

impl Integral {
    /// One that begins with nothing.
    pub fn anew() -> Self {
        Self {
            millijoules: Some(0),
            ..Self::default()
        }
    }

    /// Takes the power in watts at a moment, or that it is not known.
    pub fn add(&mut self, heard: HeardAt, measured: Timestamp, power: Option<Decimal>) {
        let Some(milliwatts) = power.map(|power| power.with_scale(3).mantissa()) else {
            self.last = None;
            return;
        };
        let millijoules = self.millijoules.get_or_insert(0);
        if let Some((since, before)) = self.last {
            if self.measured == Some(measured) {
                // The same sample again: the next one counts from when this one was heard first.
                return;
            }
            let elapsed = heard.since(since);
            if elapsed <= Derivation::LONGEST_GAP {
                let mean_doubled = i128::from(before.max(0)) + i128::from(milliwatts.max(0));
                let elapsed = i128::try_from(elapsed.as_millis()).unwrap_or(0);
                let gain = mean_doubled.saturating_mul(elapsed) / 2000;
                let gain = i64::try_from(gain).unwrap_or(i64::MAX);
                *millijoules = millijoules.saturating_add(gain);
            }
        }
        self.last = Some((heard, milliwatts));
        self.measured = Some(measured);
    }

    /// The energy so far, in kilowatt-hours with whole watt-hours; `None` before any power was known.
    pub fn energy(&self) -> Option<Decimal> {
        let watt_hours = self.millijoules? / 3_600_000;
        Some(Decimal::from_watt_hours(watt_hours))
    }
}

/// What a lifetime counter has gained since midnight.
///
/// A day begins where the day before it ended. Where that is not known, as after an absence of days,
/// it begins with its first value: what was gained before may be of any day. A clock that stood wrong
/// for a while, in 1970 until it had the time from the network, does not take the morning away: the
/// day that was left is remembered until it returns.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SinceMidnight {
    day: Option<Date>,
    /// The counter when the day began, in thousandths.
    base: i64,
    latest: i64,
    /// The day that counted before this one, if this one was not left for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    left: Option<Left>,
    #[serde(skip)]
    behind: Behind,
}

/// A day and its counter, when it began and when it was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Left {
    day: Date,
    base: i64,
    latest: i64,
}

impl Left {
    /// Where the day after it begins.
    fn base_of_next(&self, day: Date) -> Option<i64> {
        let is_next = self.day.tomorrow().is_ok_and(|next| next == day);
        is_next.then_some(self.latest)
    }

    /// The counter itself has started anew, and counts on from there.
    const fn shift(&mut self, lost: i64) {
        self.base = self.base.saturating_sub(lost);
        self.latest = self.latest.saturating_sub(lost);
    }
}

impl SinceMidnight {
    /// Takes a good value of the counter on a day.
    pub fn add(&mut self, heard: HeardAt, day: Date, counter: Decimal) {
        let value = counter.with_scale(3).mantissa();
        let known = self.day;
        let day = self.behind.latest(known, day, heard);
        self.day = Some(day);
        let Some(known) = known else {
            self.base = value;
            self.latest = value;
            return;
        };
        let mut before = Left {
            day: known,
            base: self.base,
            latest: self.latest,
        };
        let lost = self.latest.saturating_sub(value).max(0);
        before.shift(lost);
        if let Some(left) = &mut self.left {
            left.shift(lost);
        }
        self.base = before.base;
        self.latest = value;
        if day != known {
            self.turn_to(day, before, value);
        }
    }

    /// Another day begins, or returns, with this value.
    fn turn_to(&mut self, day: Date, before: Left, value: i64) {
        let left = self.left.replace(before);
        if let Some(base) = before.base_of_next(day) {
            self.base = base;
        } else if let Some(left) = left.filter(|left| left.day == day) {
            self.base = left.base;
            // There was no such day in between.
            self.left = None;
        } else {
            let base = left.and_then(|left| left.base_of_next(day));
            self.base = base.unwrap_or(value);
        }
    }

    /// The gain so far; `None` before the first value.
    pub fn gain(&self) -> Option<Decimal> {
        let gain = self.latest.saturating_sub(self.base);
        self.day.map(|_| Decimal::new(gain, 3))
    }

    /// The day that the gain is of.
    pub const fn day(&self) -> Option<Date> {
        self.day
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use jiff::civil::date;
    use jiff::{SignedDuration, tz::TimeZone};
    use proptest::prelude::*;
    use std::time::Duration;

    fn moment(hour: u64) -> HeardAt {
        let clock = Clock::manual(Timestamp::UNIX_EPOCH, TimeZone::UTC);
        clock.move_to(Timestamp::UNIX_EPOCH + Duration::from_secs(hour * 3600));
        HeardAt::now(&clock)
    }

    /// An integral beside a clock.
    struct Bench {
        integral: Integral,
        clock: Clock,
    }

    impl Bench {
        fn new() -> Self {
            let start = "2026-06-21T08:00:00Z".parse().unwrap();
            Self {
                integral: Integral::default(),
                clock: Clock::manual(start, TimeZone::UTC),
            }
        }

        fn energy(&self) -> Decimal {
            self.integral.energy().unwrap()
        }

        fn add(&mut self, seconds: u64, power: Option<i64>) {
            let passed = Duration::from_secs(seconds);
            self.clock.move_to(self.clock.now() + passed);
            let power = power.map(Decimal::integer);
            let heard = HeardAt::now(&self.clock);
            self.integral.add(heard, self.clock.now(), power);
        }
    }

    #[test]
    fn a_kilowatt_for_an_hour_is_a_kilowatt_hour() {
        let mut bench = Bench::new();
        for minute in 0..=60 {
            bench.add(if minute == 0 { 0 } else { 60 }, Some(1000));
        }
        assert_eq!(bench.energy(), Decimal::integer(1));
    }

    #[test]
    fn gaps_are_not_filled_in() {
        let mut bench = Bench::new();
        bench.add(0, Some(1000));
        bench.add(7200, Some(1000));
        bench.add(60, None);
        bench.add(60, Some(1000));
        assert_eq!(bench.energy(), Decimal::integer(0));
        bench.add(360, Some(1000));
        assert_eq!(bench.energy(), Decimal::new(1, 1));
    }

    #[test]
    fn a_sample_that_is_only_repeated_counts_once() {
        let mut bench = Bench::new();
        bench.add(0, Some(1000));
        let measured = bench.clock.now();
        for _ in 0..3 {
            bench
                .clock
                .move_to(bench.clock.now() + Duration::from_secs(360));
            let heard = HeardAt::now(&bench.clock);
            bench
                .integral
                .add(heard, measured, Some(Decimal::integer(1000)));
            assert_eq!(bench.energy(), Decimal::integer(0));
        }
        bench.add(360, Some(1000));
        assert_eq!(bench.energy(), Decimal::new(4, 1));
    }

    #[test]
    fn the_largest_power_there_is_does_not_wrap() {
        let mut bench = Bench::new();
        for _ in 0..3 {
            bench.add(2000, Some(i64::MAX));
        }
        assert_eq!(bench.energy(), Decimal::new(i64::MAX / 3_600_000, 3));
        let mut gain = SinceMidnight::default();
        for counter in [i64::MIN, i64::MAX, i64::MIN, i64::MIN + 1] {
            gain.add(moment(0), date(2026, 6, 1), Decimal::new(counter, 3));
        }
        assert!(gain.gain().is_some());
    }

    #[test]
    fn a_day_begins_where_the_last_one_ended() {
        let mut gain = SinceMidnight::default();
        assert_eq!(gain.gain(), None);
        gain.add(moment(0), date(2026, 6, 1), Decimal::new(1000, 1));
        gain.add(moment(0), date(2026, 6, 1), Decimal::new(1050, 1));
        assert_eq!(gain.gain(), Some(Decimal::integer(5)));
        gain.add(moment(0), date(2026, 6, 2), Decimal::new(1051, 1));
        assert_eq!(gain.gain(), Some(Decimal::new(1, 1)));
        // The device was exchanged during the day.
        gain.add(moment(0), date(2026, 6, 2), Decimal::integer(3));
        assert_eq!(gain.gain(), Some(Decimal::new(1, 1)));
        gain.add(moment(0), date(2026, 6, 2), Decimal::integer(4));
        assert_eq!(gain.gain(), Some(Decimal::new(11, 1)));
    }

    /// Says each counter on its day, with the gain that is right then.
    fn check(course: &[(u64, Date, i64, i64)]) {
        let mut gain = SinceMidnight::default();
        for (hour, day, counter, expected) in course {
            gain.add(moment(*hour), *day, Decimal::integer(*counter));
            let saved = serde_json::to_value(&gain).unwrap();
            let behind = gain.behind;
            gain = serde_json::from_value(saved).unwrap();
            gain.behind = behind;
            assert_eq!(
                gain.gain(),
                Some(Decimal::integer(*expected)),
                "{day} {hour}"
            );
        }
    }

    #[test]
    fn a_day_in_the_future_does_not_stay() {
        check(&[
            (0, date(2026, 6, 1), 100, 0),
            (0, date(2026, 6, 1), 104, 4),
            (0, date(2030, 1, 1), 105, 0),
            (0, date(2026, 6, 1), 107, 7),
            // Yesterday's report after midnight counts for today.
            (0, date(2026, 6, 2), 108, 1),
            (0, date(2026, 6, 1), 109, 2),
        ]);
    }

    #[test]
    fn a_clock_that_begins_in_1970_takes_no_morning_away() {
        check(&[
            (8, date(2026, 6, 1), 100, 0),
            (10, date(2026, 6, 1), 103, 3),
            (0, date(1970, 1, 1), 103, 0),
            (1, date(1970, 1, 1), 104, 1),
            (2, date(2026, 6, 1), 105, 5),
            (16, date(2026, 6, 2), 106, 1),
        ]);
        // It was switched off over midnight.
        check(&[
            (8, date(2026, 6, 1), 100, 0),
            (10, date(2026, 6, 1), 103, 3),
            (0, date(1970, 1, 1), 103, 0),
            (2, date(2026, 6, 2), 105, 2),
        ]);
    }

    #[test]
    fn what_was_gained_in_an_absence_of_days_is_not_of_today() {
        check(&[
            (0, date(2026, 6, 1), 100, 0),
            (1, date(2026, 6, 1), 104, 4),
            (80, date(2026, 6, 4), 150, 0),
            (81, date(2026, 6, 4), 152, 2),
        ]);
    }

    #[test]
    fn a_counter_that_starts_anew_while_the_clock_is_wrong_counts_on() {
        check(&[
            (0, date(2026, 6, 1), 100, 0),
            (1, date(2026, 6, 1), 104, 4),
            (2, date(2030, 1, 1), 3, 0),
            (3, date(2026, 6, 1), 5, 6),
        ]);
    }

    #[test]
    fn a_clock_that_stood_a_day_ahead_for_a_while_costs_no_midnight() {
        check(&[
            (10, date(2026, 6, 1), 100, 0),
            (12, date(2026, 6, 1), 104, 4),
            // The clock is set ahead, and back.
            (13, date(2026, 6, 2), 105, 1),
            (14, date(2026, 6, 1), 107, 3),
            (15, date(2026, 6, 1), 108, 8),
            (16, date(2026, 6, 1), 109, 9),
            (26, date(2026, 6, 2), 110, 1),
        ]);
    }

    /// What a run finds of the one before.
    fn restarted<T: Serialize + serde::de::DeserializeOwned>(before: &T) -> T {
        serde_json::from_value(serde_json::to_value(before).unwrap()).unwrap()
    }

    #[test]
    fn no_energy_is_made_up_for_the_time_between_two_runs() {
        let mut bench = Bench::new();
        bench.add(0, Some(1000));
        bench.add(3600 / 2, Some(1000));
        let before = bench.energy();
        bench.integral = restarted(&bench.integral);
        bench.add(600, Some(1000));
        assert_eq!(bench.energy(), before);
        // From the first power of this run on it counts.
        bench.add(360, Some(1000));
        assert_eq!(bench.energy(), Decimal::new(6, 1));
    }

    #[test]
    fn what_older_versions_saved_is_read() {
        let integral: Integral = serde_json::from_value(serde_json::json!({
            "millijoules": 3_600_000_000_i64,
            "last": ["2026-06-21T08:00:00Z", 1_000_000],
        }))
        .unwrap();
        assert_eq!(integral.energy(), Some(Decimal::integer(1)));
        let gain: SinceMidnight = serde_json::from_value(serde_json::json!({
            "day": "2026-06-01", "base": 100_000, "latest": 104_000,
        }))
        .unwrap();
        assert_eq!(gain.gain(), Some(Decimal::integer(4)));
    }

    proptest! {
        /// Steps of the wall clock, of any size and at any moment, make neither more nor less.
        #[test]
        fn energy_is_the_same_whatever_the_wall_clock_does(
            steps in prop::collection::vec(
                (0_u64..4000, prop::option::of(-50_i64..9000), prop::option::of(-40_000_000_i64..40_000_000)),
                1..100,
            )
        ) {
            let (mut steady, mut stepped) = (Bench::new(), Bench::new());
            let mut before = None;
            for (pause, power, step) in steps {
                if let Some(minutes) = step {
                    stepped.clock.step(SignedDuration::from_mins(minutes));
                }
                // Time passes between any two samples.
                steady.add(pause + 1, power);
                stepped.add(pause + 1, power);
                let energy = stepped.integral.energy();
                prop_assert!(energy >= before);
                prop_assert_eq!(energy, steady.integral.energy());
                before = energy;
            }
        }
    }
}
