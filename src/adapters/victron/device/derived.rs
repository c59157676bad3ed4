//! What follows from values that were told.

use super::values::HeldValues;
use crate::adapters::victron::interpret;
use crate::adapters::victron::wire::words;
use crate::model::{Decimal, Value};

/// The number of the state of a device that has shut down.
const FAULT: i64 = 2;

/// What follows from these values, as far as anything does.
pub fn derived(values: &HeldValues) -> [(&'static str, Option<Value>); 3] {
    let number = |key: &str| values.get(key).map(Value::as_number);
    let product = |volts: &str, amperes: &str| {
        let (volts, amperes) = (number(volts)?, number(amperes)?);
        let watts = volts
            .zip(amperes)
            .map(|(volts, amperes)| power(volts, amperes));
        Some(Value::from(watts))
    };
    let measures_power = values.is_measured("battery_power");
    let battery = product("battery_voltage", "battery_current").filter(|_| !measures_power);
    let load = product("battery_voltage", "load_current");
    let fault = fault(values);
    [
        ("battery_power", battery),
        ("load_power", load),
        ("fault", fault),
    ]
}

/// Whether a device says that something is wrong: by an error, by a warning of an inverter, or by what
/// it does.
fn fault(values: &HeldValues) -> Option<Value> {
    let told = |key: &str, is_fault: fn(&str) -> bool| {
        Some(match values.get(key)? {
            Value::Text(word) => Some(is_fault(word)),
            _ => None,
        })
    };
    let told: Vec<Option<bool>> = [
        told("error", |word| Some(word) != words::ERROR.word(0)),
        told("warning", |word| word != interpret::NO_BITS),
        told("state", |word| Some(word) == words::STATE.word(FAULT)),
    ]
    .into_iter()
    .flatten()
    .collect();
    Some(match told.as_slice() {
        [] => return None,
        all if all.contains(&Some(true)) => true.into(),
        all if all.contains(&None) => Value::Unknown,
        _ => false.into(),
    })
}

/// In watts, to a tenth.
fn power(volts: Decimal, amperes: Decimal) -> Decimal {
    let (volts, amperes) = (volts.with_scale(3), amperes.with_scale(3));
    let microwatts = volts.mantissa().saturating_mul(amperes.mantissa());
    Decimal::new(microwatts, 6).with_scale(1)
}
