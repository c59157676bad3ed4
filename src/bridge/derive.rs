//! Metrics that the bridge computes because the device does not report them.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::guard::Behind;
use super::moment::Moment;
use crate::model::{Decimal, Derivation};

/// Energy summed up from power, as the area under a line from sample to sample.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Integral {
    /// Thousandths of a joule, so that no rounding adds up.
    millijoules: i64,
    /// The last power in milliwatts, and when it was heard.
    last: Option<(Moment, i64)>,
    /// When that was measured, by the device's clock: tells whether the next is another sample at
    /// all. How long a power lasts is never taken from that clock, as it may be set.
    #[serde(skip)]
    measured: Option<Timestamp>,
}

impl Integral {
    /// Takes the power in watts at a moment, or that it is not known.
    pub(super) fn add(&mut self, heard: Moment, measured: Timestamp, power: Option<Decimal>) {
        let Some(milliwatts) = power.map(|power| power.with_scale(3).mantissa()) else {
            self.last = None;
            return;
        };
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
                self.millijoules = self.millijoules.saturating_add(gain);
            }
        }
        self.last = Some((heard, milliwatts));
        self.measured = Some(measured);
    }

    /// Whether any power has ever been known.
    pub(super) const fn has_begun(&self) -> bool {
        self.last.is_some() || self.millijoules != 0
    }

    /// Whether the next power counts from the last one on.
    pub(super) const fn is_under_way(&self) -> bool {
        self.last.is_some()
    }

    /// The energy so far, in kilowatt-hours with whole watt-hours.
    pub(super) const fn energy(&self) -> Decimal {
        Decimal::from_watt_hours(self.millijoules / 3_600_000)
    }
}

/// What a lifetime counter has gained since midnight.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SinceMidnight {
    day: Option<Date>,
    /// The counter when the day began, in thousandths.
    base: i64,
    latest: i64,
    #[serde(skip)]
    behind: Behind,
}

impl SinceMidnight {
    /// Takes a good value of the counter on a day.
    pub(super) fn add(&mut self, heard: Moment, day: Date, counter: Decimal) {
        let value = counter.with_scale(3).mantissa();
        match self.day {
            Some(known) if day <= known => {
                // The counter itself started anew: count on from there.
                if value < self.latest {
                    let lost = self.latest.saturating_sub(value);
                    self.base = self.base.saturating_sub(lost);
                }
            }
            Some(_) if value >= self.latest => self.base = self.latest,
            _ => self.base = value,
        }
        self.day = Some(self.behind.latest(self.day, day, heard));
        self.latest = value;
    }

    /// The gain so far; `None` before the first value.
    pub(super) fn gain(&self) -> Option<Decimal> {
        let gain = self.latest.saturating_sub(self.base);
        self.day.map(|_| Decimal::new(gain, 3))
    }

    /// The day that the gain is of.
    pub(super) const fn day(&self) -> Option<Date> {
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

    fn moment(hour: u64) -> Moment {
        let clock = Clock::manual(Timestamp::UNIX_EPOCH, TimeZone::UTC);
        clock.move_to(Timestamp::UNIX_EPOCH + Duration::from_secs(hour * 3600));
        Moment::now(&clock)
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

        fn add(&mut self, seconds: u64, power: Option<i64>) {
            let passed = Duration::from_secs(seconds);
            self.clock.move_to(self.clock.now() + passed);
            let power = power.map(Decimal::integer);
            let heard = Moment::now(&self.clock);
            self.integral.add(heard, self.clock.now(), power);
        }
    }

    #[test]
    fn a_kilowatt_for_an_hour_is_a_kilowatt_hour() {
        let mut bench = Bench::new();
        for minute in 0..=60 {
            bench.add(if minute == 0 { 0 } else { 60 }, Some(1000));
        }
        assert_eq!(bench.integral.energy(), Decimal::integer(1));
    }

    #[test]
    fn gaps_are_not_filled_in() {
        let mut bench = Bench::new();
        bench.add(0, Some(1000));
        bench.add(7200, Some(1000));
        bench.add(60, None);
        bench.add(60, Some(1000));
        assert_eq!(bench.integral.energy(), Decimal::integer(0));
        bench.add(360, Some(1000));
        assert_eq!(bench.integral.energy(), Decimal::new(1, 1));
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
            let heard = Moment::now(&bench.clock);
            bench
                .integral
                .add(heard, measured, Some(Decimal::integer(1000)));
            assert_eq!(bench.integral.energy(), Decimal::integer(0));
        }
        bench.add(360, Some(1000));
        assert_eq!(bench.integral.energy(), Decimal::new(4, 1));
    }

    #[test]
    fn the_largest_power_there_is_does_not_wrap() {
        let mut bench = Bench::new();
        for _ in 0..3 {
            bench.add(2000, Some(i64::MAX));
        }
        assert_eq!(
            bench.integral.energy(),
            Decimal::new(i64::MAX / 3_600_000, 3)
        );
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

    #[test]
    fn a_day_in_the_future_does_not_stay() {
        let mut gain = SinceMidnight::default();
        gain.add(moment(0), date(2026, 6, 1), Decimal::integer(100));
        gain.add(moment(0), date(2026, 6, 1), Decimal::integer(104));
        gain.add(moment(0), date(2030, 1, 1), Decimal::integer(105));
        gain.add(moment(0), date(2026, 6, 1), Decimal::integer(107));
        assert_eq!(gain.gain(), Some(Decimal::integer(3)));
        // Yesterday's report after midnight counts for today.
        gain.add(moment(0), date(2026, 6, 2), Decimal::integer(108));
        gain.add(moment(0), date(2026, 6, 1), Decimal::integer(109));
        assert_eq!(gain.gain(), Some(Decimal::integer(2)));
    }

    #[test]
    fn a_clock_that_stood_a_day_ahead_for_a_while_costs_no_midnight() {
        let mut gain = SinceMidnight::default();
        for (hour, day, counter, expected) in [
            (10, 1, 100, 0),
            (12, 1, 104, 4),
            // The clock is set ahead, and back.
            (13, 2, 105, 1),
            (14, 1, 107, 3),
            (15, 1, 108, 4),
            (16, 1, 109, 5),
            (26, 2, 110, 1),
        ] {
            gain.add(moment(hour), date(2026, 6, day), Decimal::integer(counter));
            assert_eq!(gain.gain(), Some(Decimal::integer(expected)), "{hour}");
        }
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
            let mut before = Decimal::integer(0);
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
