//! Metrics that the bridge computes because the device does not report them.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::guard::latest;
use crate::model::{Decimal, Derivation};

/// Energy summed up from power, as the area under a line from sample to sample.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Integral {
    /// Thousandths of a joule, so that no rounding adds up.
    millijoules: i64,
    last: Option<(Timestamp, i64)>,
}

impl Integral {
    /// Takes the power in watts at a moment, or that it is not known.
    pub(super) fn add(&mut self, at: Timestamp, power: Option<Decimal>) {
        let Some(milliwatts) = power.map(|power| power.with_scale(3).mantissa()) else {
            self.last = None;
            return;
        };
        if let Some((since, before)) = self.last {
            let elapsed = at.as_millisecond().saturating_sub(since.as_millisecond());
            if elapsed <= 0 {
                // The same moment again, or a clock set back: nothing can be counted.
                if elapsed < 0 {
                    self.last = Some((at, milliwatts));
                }
                return;
            }
            if elapsed <= Derivation::LONGEST_GAP.as_millis() as i64 {
                let mean_doubled = i128::from(before.max(0)) + i128::from(milliwatts.max(0));
                let gain = mean_doubled * i128::from(elapsed) / 2000;
                let gain = i64::try_from(gain).unwrap_or(i64::MAX);
                self.millijoules = self.millijoules.saturating_add(gain);
            }
        }
        self.last = Some((at, milliwatts));
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
}

impl SinceMidnight {
    /// Takes a good value of the counter on a day.
    pub(super) fn add(&mut self, day: Date, counter: Decimal) {
        let value = counter.with_scale(3).mantissa();
        match self.day {
            Some(known) if day <= known => {
                // The counter itself started anew: count on from there.
                if value < self.latest {
                    self.base -= self.latest - value;
                }
            }
            Some(_) if value >= self.latest => self.base = self.latest,
            _ => self.base = value,
        }
        self.day = Some(latest(self.day, day));
        self.latest = value;
    }

    /// The gain so far; `None` before the first value.
    pub(super) fn gain(&self) -> Option<Decimal> {
        self.day.map(|_| Decimal::new(self.latest - self.base, 3))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use proptest::prelude::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_780_000_000 + seconds).unwrap()
    }

    #[test]
    fn a_kilowatt_for_an_hour_is_a_kilowatt_hour() {
        let mut integral = Integral::default();
        for minute in 0..=60 {
            integral.add(at(minute * 60), Some(Decimal::integer(1000)));
        }
        assert_eq!(integral.energy(), Decimal::integer(1));
    }

    #[test]
    fn gaps_are_not_filled_in() {
        let mut integral = Integral::default();
        integral.add(at(0), Some(Decimal::integer(1000)));
        integral.add(at(7200), Some(Decimal::integer(1000)));
        integral.add(at(7260), None);
        integral.add(at(7320), Some(Decimal::integer(1000)));
        assert_eq!(integral.energy(), Decimal::integer(0));
        integral.add(at(7680), Some(Decimal::integer(1000)));
        assert_eq!(integral.energy(), Decimal::new(1, 1));
    }

    #[test]
    fn a_day_begins_where_the_last_one_ended() {
        let mut gain = SinceMidnight::default();
        assert_eq!(gain.gain(), None);
        gain.add(date(2026, 6, 1), Decimal::new(1000, 1));
        gain.add(date(2026, 6, 1), Decimal::new(1050, 1));
        assert_eq!(gain.gain(), Some(Decimal::integer(5)));
        gain.add(date(2026, 6, 2), Decimal::new(1051, 1));
        assert_eq!(gain.gain(), Some(Decimal::new(1, 1)));
        // The device was exchanged during the day.
        gain.add(date(2026, 6, 2), Decimal::integer(3));
        assert_eq!(gain.gain(), Some(Decimal::new(1, 1)));
        gain.add(date(2026, 6, 2), Decimal::integer(4));
        assert_eq!(gain.gain(), Some(Decimal::new(11, 1)));
    }

    #[test]
    fn a_day_in_the_future_does_not_stay() {
        let mut gain = SinceMidnight::default();
        gain.add(date(2026, 6, 1), Decimal::integer(100));
        gain.add(date(2026, 6, 1), Decimal::integer(104));
        gain.add(date(2030, 1, 1), Decimal::integer(105));
        gain.add(date(2026, 6, 1), Decimal::integer(107));
        assert_eq!(gain.gain(), Some(Decimal::integer(3)));
        // Yesterday's report after midnight counts for today.
        gain.add(date(2026, 6, 2), Decimal::integer(108));
        gain.add(date(2026, 6, 1), Decimal::integer(109));
        assert_eq!(gain.gain(), Some(Decimal::integer(2)));
    }

    proptest! {
        #[test]
        fn energy_never_falls(steps in prop::collection::vec((-100_i64..4000, prop::option::of(-50_i64..9000)), 1..100)) {
            let (mut integral, mut time, mut before) = (Integral::default(), 0, Decimal::integer(0));
            for (step, power) in steps {
                time += step;
                integral.add(at(time), power.map(Decimal::integer));
                prop_assert!(integral.energy() >= before);
                before = integral.energy();
            }
        }
    }
}
