//! What can be true of a house: what lies outside is told, and not believed.

use jiff::civil::{Date, date};
use jiff::{Timestamp, ToSpan};

use super::row::ForeignTime;
use crate::model::{Decimal, Quantity};

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
