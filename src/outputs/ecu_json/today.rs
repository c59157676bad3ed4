//! The energy of a day while it passes, as the history counts it.

use jiff::civil::Date;

use crate::history::{Before, CounterKind, DayEnergy};
use crate::model::Decimal;

/// Counters are counted in thousandths of a watt-hour.
const DECIMALS: u8 = 6;

/// What the history knows of a counter on the day on which the program starts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SeenBefore {
    /// The last value before the day, in kWh, and when that was.
    pub before: Option<(Decimal, Option<i64>)>,
    /// Values of the day, in seconds since 1970 and in kWh.
    pub values: Vec<(i64, Decimal)>,
}

/// Where the energy of the first day comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FirstDay {
    /// All of it is known.
    Whole,
    /// A counter of the day tells it itself.
    Told,
    /// What was before the start of the program is not known.
    Unknown,
}

/// One counter and its day.
#[derive(Debug)]
pub struct EnergyToday {
    kind: CounterKind,
    day: Date,
    energy: DayEnergy,
    first_day: FirstDay,
    last: Option<(i64, Decimal)>,
}

impl EnergyToday {
    /// A counter on a day of which the history knows this; `None` if it knows nothing.
    pub fn new(kind: CounterKind, day: Date, seen: Option<SeenBefore>) -> Self {
        let first_day = match (&seen, kind) {
            (Some(_), _) => FirstDay::Whole,
            (None, CounterKind::Daily) => FirstDay::Told,
            (None, CounterKind::Lifetime) => FirstDay::Unknown,
        };
        let seen = seen.unwrap_or_default();
        let before = seen.before.map(|(value, at)| Before {
            value: small(value),
            at,
        });
        let mut today = Self {
            kind,
            day,
            energy: DayEnergy::new(kind, DECIMALS, before),
            first_day,
            last: None,
        };
        for (at, value) in seen.values {
            today.energy.push(at, small(value));
            today.last = Some((at, value));
        }
        today
    }

    /// A value in kWh, when that was in seconds since 1970, and on which day.
    pub fn push(&mut self, at: i64, day: Date, value: Decimal) {
        if day < self.day {
            // Of the evening, heard after midnight.
            if self.energy.energy().is_none() {
                self.last = Some((at, value));
                self.begin();
            }
            return;
        }
        self.turn(day);
        self.energy.push(at, small(value));
        self.last = Some((at, value));
    }

    /// Midnight may have passed.
    pub fn turn(&mut self, day: Date) {
        if day > self.day {
            self.day = day;
            self.begin();
        }
    }

    fn begin(&mut self) {
        let before = self.last.map(|(at, value)| Before {
            value: small(value),
            at: Some(at),
        });
        self.energy = DayEnergy::new(self.kind, DECIMALS, before);
        if before.is_some() {
            self.first_day = FirstDay::Whole;
        }
    }

    /// The energy of the day so far in Wh, if it is known.
    pub fn watt_hours(&self) -> Option<Decimal> {
        match self.first_day {
            FirstDay::Unknown => None,
            FirstDay::Told => {
                let (_, value) = self.last?;
                value.times_plus(Decimal::integer(1000), Decimal::integer(0))
            }
            FirstDay::Whole => {
                // After midnight nothing has come yet, if it was known before.
                let nothing = self.last.map(|_| 0);
                let gained = self.energy.energy().or(nothing)?;
                Some(Decimal::new(gained, DECIMALS - 3))
            }
        }
    }
}

const fn small(value: Decimal) -> i64 {
    value.with_scale(DECIMALS).mantissa()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(day: i8) -> Date {
        jiff::civil::date(2026, 6, day)
    }

    fn kwh(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    fn wh(text: &str) -> Option<Decimal> {
        Some(kwh(text))
    }

    #[test]
    fn a_counter_for_ever_needs_to_know_where_the_day_began() {
        let mut today = EnergyToday::new(CounterKind::Lifetime, day(15), None);
        today.push(1000, day(15), kwh("12.5"));
        assert_eq!(today.watt_hours(), None);
        today.turn(day(16));
        assert_eq!(today.watt_hours(), wh("0"));
        today.push(90_000, day(16), kwh("12.5125"));
        assert_eq!(today.watt_hours(), wh("12.5"));
    }

    #[test]
    fn a_restart_goes_on_where_the_history_is() {
        let seen = SeenBefore {
            before: Some((kwh("10"), None)),
            values: vec![(500, kwh("10.2")), (800, kwh("10.3"))],
        };
        let mut today = EnergyToday::new(CounterKind::Lifetime, day(15), Some(seen));
        assert_eq!(today.watt_hours(), wh("300"));
        today.push(1000, day(15), kwh("10.35"));
        assert_eq!(today.watt_hours(), wh("350"));
        // A device that is new begins with its first value.
        let new = Some(SeenBefore::default());
        let mut today = EnergyToday::new(CounterKind::Lifetime, day(15), new);
        assert_eq!(today.watt_hours(), None);
        today.push(1000, day(15), kwh("10.35"));
        assert_eq!(today.watt_hours(), wh("0"));
    }

    #[test]
    fn a_counter_of_the_day_is_believed_until_midnight_and_counted_then() {
        let mut today = EnergyToday::new(CounterKind::Daily, day(15), None);
        today.push(1000, day(15), kwh("3.21"));
        assert_eq!(today.watt_hours(), wh("3210"));
        today.turn(day(16));
        assert_eq!(today.watt_hours(), wh("0"));
        // It is yesterday's until it falls.
        today.push(2000, day(16), kwh("3.21"));
        assert_eq!(today.watt_hours(), wh("0"));
        today.push(3000, day(16), kwh("0.005"));
        assert_eq!(today.watt_hours(), wh("5"));
        // Late words of yesterday change nothing.
        today.push(1500, day(15), kwh("3.3"));
        assert_eq!(today.watt_hours(), wh("5"));
    }
}
