//! What follows from values that were told.

use std::time::Duration;

use super::Unit;
use super::holding::Source;
use crate::adapters::victron::values;
use crate::adapters::victron::wire::words;
use crate::model::{Decimal, Value};

impl Unit {
    /// What follows from other values.
    pub(super) fn derive(&mut self, now: Duration) {
        let number = |key: &str| self.holding.get(key).map(Value::as_number);
        let product = |volts: &str, amperes: &str| {
            let (volts, amperes) = (number(volts)?, number(amperes)?);
            let watts = volts
                .zip(amperes)
                .map(|(volts, amperes)| power(volts, amperes));
            Some(Value::from(watts))
        };
        let measures_power = self.holding.is_measured("battery_power");
        let battery = product("battery_voltage", "battery_current").filter(|_| !measures_power);
        let load = product("battery_voltage", "load_current");
        let fault = self.fault();
        for (key, value) in [
            ("battery_power", battery),
            ("load_power", load),
            ("fault", fault),
        ] {
            if let Some(value) = value {
                self.known.carries.insert(key.to_owned());
                self.holding.put(key, value, Source::Derived, now);
            }
        }
    }

    /// Whether there is an error or, on an inverter, a warning.
    fn fault(&self) -> Option<Value> {
        let told = |key: &str, nothing: Option<&str>| {
            Some(match self.holding.get(key)? {
                Value::Text(word) => Some(Some(word.as_ref()) != nothing),
                _ => None,
            })
        };
        let errors = told("error", words::ERROR.word(0));
        let warnings = told("warning", Some(values::NO_BITS));
        Some(match (errors, warnings) {
            (None, None) => return None,
            (Some(Some(true)), _) | (_, Some(Some(true))) => true.into(),
            (Some(None), _) | (_, Some(None)) => Value::Unknown,
            _ => false.into(),
        })
    }
}

/// In watts, to a tenth.
fn power(volts: Decimal, amperes: Decimal) -> Decimal {
    let (volts, amperes) = (volts.with_scale(3), amperes.with_scale(3));
    let microwatts = volts.mantissa().saturating_mul(amperes.mantissa());
    Decimal::new(microwatts, 6).with_scale(1)
}
