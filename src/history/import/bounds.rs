//! What can be true of a house: what lies outside is told, and not believed.

use jiff::civil::{Date, date};
use jiff::{Timestamp, ToSpan};

use super::row::ForeignTime;
use crate::model::{Decimal, Metric, Quantity};

/// Seconds that are granted beside those that have passed: a kWh.
const SLACK: i64 = 4;
/// Nobody has measured a house before.
const FIRST: Date = date(1990, 1, 1);

/// Why a value is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Improbable {
    /// It is of before anybody measured.
    #[error("it is from before 1990")]
    TooOld,
    /// It has not been yet.
    #[error("it has not been yet; is the time zone right?")]
    Future,
    /// It is more than can be.
    #[error("{value} {unit} is not possible here")]
    Value {
        /// The value.
        value: Decimal,
        /// Its unit.
        unit: &'static str,
    },
    /// The counter has grown by more than can be.
    #[error(
        "{gain} {unit} within {minutes} minutes, by the value of {other}, is not possible here"
    )]
    Gain {
        /// By how much.
        gain: Decimal,
        /// Its unit.
        unit: &'static str,
        /// In what time.
        minutes: i64,
        /// When the other value was.
        other: Timestamp,
    },
}

/// Whether there can be a value of then.
///
/// # Errors
///
/// Why not.
pub fn check_moment(time: ForeignTime, now: Timestamp, today: Date) -> Result<(), Improbable> {
    let (is_old, is_future) = match time {
        ForeignTime::Day(day) => (day < FIRST, day > today),
        ForeignTime::Moment(at) => {
            let first = FIRST.to_zoned(jiff::tz::TimeZone::UTC);
            let latest = now.checked_add(10.minutes()).unwrap_or(now);
            (first.is_ok_and(|first| at < first.timestamp()), at > latest)
        }
    };
    match (is_old, is_future) {
        (true, _) => Err(Improbable::TooOld),
        (_, true) => Err(Improbable::Future),
        _ => Ok(()),
    }
}

/// Whether something can be so much.
///
/// # Errors
///
/// Why not.
pub fn check_value(
    quantity: Option<Quantity>,
    time: ForeignTime,
    value: Decimal,
) -> Result<(), Improbable> {
    let is_day = matches!(time, ForeignTime::Day(_));
    let (least, most) = match quantity {
        // A megawatt for a day, and for a hundred years.
        Some(Quantity::Energy | Quantity::ReactiveEnergy) if is_day => (0, 24_000),
        Some(Quantity::Energy | Quantity::ReactiveEnergy) => (0, 1_000_000_000),
        Some(Quantity::Power | Quantity::ApparentPower | Quantity::ReactivePower) => {
            (-1_000_000, 1_000_000)
        }
        Some(Quantity::Voltage | Quantity::Current) => (-100_000, 100_000),
        Some(Quantity::StateOfCharge | Quantity::SignalQuality) => (0, 100),
        Some(Quantity::Temperature) => (-100, 1_000),
        _ => (-1_000_000_000, 1_000_000_000),
    };
    if Decimal::integer(least) <= value && value <= Decimal::integer(most) {
        return Ok(());
    }
    let unit = quantity.and_then(Quantity::unit).unwrap_or("of this");
    Err(Improbable::Value { value, unit })
}

/// Whether a counter can have come from one value to another, which is later, in the time between.
///
/// # Errors
///
/// Why not. `other` is the moment of the one that was there before.
pub fn check_gain(
    metric: &Metric,
    (from, before): (Timestamp, Decimal),
    (to, after): (Timestamp, Decimal),
    other: Timestamp,
) -> Result<(), Improbable> {
    let is_energy = matches!(
        metric.quantity,
        Some(Quantity::Energy | Quantity::ReactiveEnergy)
    );
    if !metric.is_counter() || !is_energy || after <= before {
        return Ok(());
    }
    let seconds = (to.as_second() - from.as_second()).max(0);
    // A megawatt, and what the coarsest counters go on by at once.
    let most = Decimal::new(seconds.saturating_add(SLACK) * 1000 / 36, 2);
    let gain = Decimal::total([(after, false), (before, true)]);
    if gain <= most {
        return Ok(());
    }
    let unit = metric
        .quantity
        .and_then(Quantity::unit)
        .unwrap_or("of this");
    Err(Improbable::Gain {
        gain,
        unit,
        minutes: seconds / 60,
        other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_gains_no_more_than_a_house_can() {
        let at = |minute: i64| Timestamp::from_second(minute * 60).unwrap();
        let check = |metric: &Metric, after: i64, minutes: i64| {
            let before = (at(0), Decimal::integer(100));
            let after = (at(minutes), Decimal::integer(after));
            check_gain(metric, before, after, at(0)).is_ok()
        };
        let total = Metric::lifetime("energy_total", Quantity::Energy);
        assert!(check(&total, 1_000, 60) && !check(&total, 1_200, 60));
        assert!(!check(&total, 1_000_000, 10));
        assert!(check(&total, 1_000_000, 60 * 1000));
        assert!(check(&total, 101, 0), "a step of a coarse counter");
        assert!(check(&total, 5, 10), "it was replaced");
        let today = Metric::daily("energy_today", Quantity::Energy);
        assert!(!check(&today, 1_000_000, 10));
        let power = Metric::measurement("power", Quantity::Power);
        assert!(check(&power, 1_000_000, 10));
    }
}
