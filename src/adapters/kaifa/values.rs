//! From the items of a telegram to the values of metrics, with an eye for what cannot be.
//!
//! Most telegrams carry no more protection than the sum of their bytes, and one flipped bit of the
//! encrypted text flips one bit of a value. What no meter in a home can measure is left out and
//! counted; counters are judged by the bridge besides.

use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::metrics;
use super::wire::item::Scaling;
use super::wire::{Authentication, Item, ItemValue, MeterTime, Telegram, Unit};
use crate::model::{Decimal, Metric, Quantity, Value};

/// Volts between a phase and neutral that no home has.
const MOST_VOLTS: i64 = 300;
/// Amperes that no home has.
const MOST_AMPERES: i64 = 10_000;
/// The angle that some meters send for "not available", in degrees.
const NO_ANGLE: i64 = 400;
/// Text states longer than this are refused by receivers.
const LONGEST_TEXT: usize = 255;

/// What the values are judged by.
#[derive(Debug, Clone)]
pub(super) struct Bounds {
    /// Watts.
    pub(super) max_power: u32,
    /// Of meters that do not say how their clock is set.
    pub(super) zone: TimeZone,
    /// The host's time; `None` where there is only a file.
    pub(super) now: Option<Timestamp>,
}

/// The values of one telegram.
#[derive(Debug, Default)]
pub(super) struct Values {
    /// Each with its metric's key, in the metric's unit.
    pub(super) known: Vec<(&'static str, Value)>,
    /// Keys of those that were impossible and are left out.
    pub(super) impossible: Vec<&'static str>,
    /// Keys of totals that the telegram does not carry, summed up from its tariffs.
    pub(super) summed: Vec<&'static str>,
    /// The meter's own time.
    pub(super) at: Option<Timestamp>,
}

impl Values {
    /// The values that a telegram carries.
    pub(super) fn of(telegram: &Telegram, bounds: &Bounds) -> Self {
        let mut values = Self::default();
        let mut others = String::new();
        for item in &telegram.items {
            match item.obis.and_then(metrics::of) {
                Some(metric) => values.take(metric, item, bounds, &mut others),
                None => describe(item, &mut others),
            }
        }
        values.time(telegram.at.as_ref(), bounds);
        values.sums();
        values.net();
        if !others.is_empty() {
            let text: String = others.chars().take(LONGEST_TEXT).collect();
            values.put("other_values", text);
        }
        values
    }

    /// Adds whether the telegram is genuine, where it can be.
    pub(super) fn authenticated(mut self, authentication: Authentication) -> Self {
        let word = match authentication {
            Authentication::None => return self,
            Authentication::Verified => "verified",
            Authentication::NotChecked => "not_checked",
            Authentication::Failed => "failed",
        };
        self.put("authentication", word);
        self
    }

    /// The value of a key.
    pub(super) fn get(&self, key: &str) -> Option<&Value> {
        let found = self.known.iter().find(|(known, _)| *known == key);
        found.map(|(_, value)| value)
    }

    /// The number printed on the meter, or else its logical name.
    pub(super) fn number(&self) -> Option<&str> {
        let found = self
            .get("meter_number")
            .or_else(|| self.get("logical_name"));
        match found {
            Some(Value::Text(number)) => Some(number.as_ref()),
            _ => None,
        }
        .filter(|number| is_number(number))
    }

    /// How many tariffs of a total there are.
    pub(super) fn tariffs(&self, total: &str) -> usize {
        tariffs(total, self.known.iter().map(|(key, _)| *key))
    }

    fn put(&mut self, key: &'static str, value: impl Into<Value>) {
        if self.get(key).is_none() {
            self.known.push((key, value.into()));
        }
    }

    fn take(&mut self, metric: &'static Metric, item: &Item, bounds: &Bounds, others: &mut String) {
        let key: &'static str = match &metric.key {
            std::borrow::Cow::Borrowed(key) => key,
            std::borrow::Cow::Owned(_) => return,
        };
        match (&item.value, metric.quantity) {
            // What nobody has said the scale of may be anything.
            (ItemValue::Quantity(number), Some(_)) if number.scaling == Scaling::Unknown => {
                describe(item, others);
            }
            (ItemValue::Quantity(number), Some(quantity)) => {
                let value = number
                    .value()
                    .and_then(|value| in_unit(value, number.unit, quantity));
                let Some(value) = value else {
                    return describe(item, others);
                };
                if quantity == Quantity::Angle && value == Decimal::integer(NO_ANGLE) {
                    self.put(key, Value::Unknown);
                } else if is_possible(value, quantity, bounds.max_power) {
                    self.put(key, value);
                } else {
                    self.impossible.push(key);
                }
            }
            (ItemValue::Text(text), None) if !text.trim().is_empty() => {
                self.put(key, text.trim().to_owned());
            }
            (ItemValue::Quantity(number), None) => self.put(key, number.raw.to_string()),
            (ItemValue::Moment(time), None) => self.time(Some(time), bounds),
            (ItemValue::Text(_), None) => {}
            _ => describe(item, others),
        }
    }

    fn time(&mut self, time: Option<&MeterTime>, bounds: &Bounds) {
        let near = bounds.now.unwrap_or(Timestamp::UNIX_EPOCH);
        let Some(at) = time.and_then(|time| time.to_timestamp(&bounds.zone, near)) else {
            return;
        };
        self.at.get_or_insert(at);
        self.put("meter_time", at);
        if let Some(now) = bounds.now {
            let seconds = at.as_second().saturating_sub(now.as_second());
            self.put("clock_drift", Decimal::integer(seconds));
        }
    }

    /// A total that the meter does not send is the sum of its tariffs.
    fn sums(&mut self) {
        const TOTALS: [(&str, [&str; 4]); 2] = [
            (
                "energy_import",
                [
                    "energy_import_t1",
                    "energy_import_t2",
                    "energy_import_t3",
                    "energy_import_t4",
                ],
            ),
            (
                "energy_export",
                [
                    "energy_export_t1",
                    "energy_export_t2",
                    "energy_export_t3",
                    "energy_export_t4",
                ],
            ),
        ];
        for (total, tariffs) in TOTALS {
            let number = |key: &&str| self.get(key).and_then(Value::as_number);
            let found = tariffs.iter().filter_map(number);
            let sum = found.reduce(|a, b| {
                Decimal::from_watt_hours(a.to_watt_hours().saturating_add(b.to_watt_hours()))
            });
            if let Some(sum) = sum.filter(|_| self.get(total).is_none()) {
                self.put(total, sum);
                self.summed.push(total);
            }
        }
    }

    /// What flows in less what flows out. Only one of the two is known to be nothing as a rule, but
    /// the difference is right in any case.
    fn net(&mut self) {
        let number = |key| self.get(key).and_then(Value::as_number);
        if let (Some(import), Some(export)) = (number("power_import"), number("power_export")) {
            let scale = import.scale().max(export.scale());
            let digits = |number: Decimal| number.with_scale(scale).mantissa();
            let net = digits(import).saturating_sub(digits(export));
            self.put("power_net", Decimal::new(net, scale));
        }
    }
}

/// How many of the keys are tariffs of a total.
pub(super) fn tariffs<'a>(total: &str, keys: impl Iterator<Item = &'a str>) -> usize {
    let is_part = |key: &&str| {
        let rest = key.strip_prefix(total);
        rest.is_some_and(|rest| rest.starts_with("_t"))
    };
    keys.filter(is_part).count()
}

/// Whether a text can be the number of a meter, and so its identity for ever.
fn is_number(text: &str) -> bool {
    let letters = text.chars().filter(char::is_ascii_alphanumeric).count();
    letters >= 4 && text.chars().count() <= 64
}

/// A number in the unit of its quantity, if it is one of it at all.
fn in_unit(value: Decimal, unit: Unit, quantity: Quantity) -> Option<Decimal> {
    let thousandth =
        |value: Decimal| Decimal::new(value.mantissa(), value.scale().saturating_add(3));
    match (quantity, unit) {
        (Quantity::Power, Unit::WATT)
        | (Quantity::ReactivePower, Unit::VAR)
        | (Quantity::Voltage, Unit::VOLT)
        | (Quantity::Current, Unit::AMPERE)
        | (Quantity::Frequency, Unit::HERTZ)
        | (Quantity::Angle, Unit::DEGREE)
        | (Quantity::PowerFactor, Unit::NONE) => Some(value),
        (Quantity::Energy, Unit::WATT_HOUR) | (Quantity::ReactiveEnergy, Unit::VAR_HOUR) => {
            Some(thousandth(value))
        }
        _ => None,
    }
}

fn is_possible(value: Decimal, quantity: Quantity, max_power: u32) -> bool {
    let within =
        |least: i64, most: i64| value >= Decimal::integer(least) && value <= Decimal::integer(most);
    match quantity {
        Quantity::Voltage => within(0, MOST_VOLTS),
        Quantity::Current => within(-MOST_AMPERES, MOST_AMPERES),
        Quantity::Power | Quantity::ReactivePower => {
            within(-i64::from(max_power), i64::from(max_power))
        }
        Quantity::Frequency => within(40, 70),
        Quantity::PowerFactor => within(-1, 1),
        Quantity::Angle => within(-360, 360),
        _ => true,
    }
}

/// An item that has no metric, in words.
fn describe(item: &Item, out: &mut String) {
    if matches!(&item.value, ItemValue::Text(text) if text.is_empty()) {
        return;
    }
    if !out.is_empty() {
        out.push_str(", ");
    }
    // Writing to a String cannot fail.
    let _ = match item.obis {
        Some(obis) => write!(out, "{obis}={}", item.value),
        None => write!(out, "{}={}", item.position, item.value),
    };
}
