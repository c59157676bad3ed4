//! From the items of a telegram to the values of metrics, with an eye for what cannot be.
//!
//! Most telegrams carry no more protection than the sum of their bytes, and one flipped bit of the
//! encrypted text flips one bit of a value. What no meter in a home can measure is left out, counted
//! and told; counters are judged by the bridge besides.

mod behind;
mod powers;
mod special;
mod text;

use std::fmt::{self, Write as _};

use jiff::Timestamp;
use jiff::tz::TimeZone;

pub use self::behind::{Behind, Medium};
use super::metrics;
use super::wire::item::Scaling;
use super::wire::telegram::Layout;
use super::wire::{Authentication, Item, ItemValue, MeterTime, Telegram, Unit};
use crate::model::{Decimal, Metric, Quantity, Sentence, Value};
use crate::say;

/// Volts between a phase and neutral that no home has.
const MOST_VOLTS: i64 = 300;
/// Volts that are surely tenths or hundredths.
const SURELY_PARTS: i64 = 1000;
/// Amperes that no home has.
const MOST_AMPERES: i64 = 10_000;
/// The angle that some meters send for "not available", in degrees.
const NO_ANGLE: i64 = 400;
/// Text states longer than this are refused by receivers.
const LONGEST_TEXT: usize = 255;
/// What the values are judged by.
#[derive(Debug, Clone)]
pub struct Bounds {
    /// Watts.
    pub max_power: u32,
    /// Of meters that do not say how their clock is set.
    pub zone: TimeZone,
    /// The host's time; `None` where there is only a file.
    pub now: Option<Timestamp>,
    /// Whether the meter's clock keeps standard time all year, as far as it has shown.
    pub standard_time: Option<bool>,
}

/// The values of one telegram.
#[derive(Debug, Default)]
pub struct Values {
    /// Each with its metric's key, in the metric's unit.
    pub known: Vec<(&'static str, Value)>,
    /// Those that cannot be and are left out.
    pub refused: Vec<Refused>,
    /// Keys of totals that the telegram does not carry, summed up from its tariffs.
    pub summed: Vec<&'static str>,
    /// Keys of values that the meter itself has no place for: powers that follow from others, and what it says
    /// that there is none of.
    pub implied: Vec<&'static str>,
    /// What may be the number of the meter, the likeliest first; of texts only.
    pub numbers: Vec<String>,
    /// Who made the meter and what, as the first line of a text says; others may say the same.
    pub head: Option<String>,
    /// Keys of numbers that stand there, but are none.
    unreadable: Vec<&'static str>,
    /// Meters behind the meter.
    pub behind: Vec<Behind>,
    /// The meter's own time.
    pub at: Option<Timestamp>,
    /// By how many seconds the meter's clock is ahead, if it goes by summer time and if it does not;
    /// only while that makes a difference.
    pub drifts: Option<[i64; 2]>,
}

/// A value that is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    pub key: &'static str,
    /// As it came.
    value: String,
    pub why: Why,
}

/// Why a value is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// No home has as much.
    Beyond,
    /// The unit is not one of this quantity, or there are more digits than any meter has.
    Unit,
    /// Nothing says what it is worth.
    NoScale,
    /// The power in the same telegram needs much more current.
    TooLittleForThePower,
    /// Another value in the same telegram says otherwise.
    Contradiction,
}

impl Why {
    /// In words that go on after "is left out:" and do not change while the trouble lasts.
    pub const fn words(self) -> Sentence {
        match self {
            Self::Beyond => say!("beyond what a home can have"),
            Self::Unit => say!("in a unit that does not fit"),
            Self::NoScale => say!("nothing says in which unit"),
            Self::TooLittleForThePower => say!("far too little for the power"),
            Self::Contradiction => say!("the telegram contradicts itself"),
        }
    }

    /// What to do about it.
    pub const fn advice(self) -> Sentence {
        match self {
            Self::Beyond => {
                say!("If it is right, raise max_power, or correct its scale in a profile.")
            }
            Self::NoScale => {
                say!("Say the unit in a profile of your own, and please report the meter.")
            }
            Self::TooLittleForThePower => {
                say!(
                    "Correct the scale of the currents in a profile of your own; for a Landis+Gyr E570 \
                 set profile = \"push-list-e570\"."
                )
            }
            Self::Unit | Self::Contradiction => {
                say!(
                    "Make a recording with `wattbridge record smart-meter PORT --mask` and report it."
                )
            }
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, value, why } = self;
        write!(f, "{key} = {value} is left out: {}", why.words())
    }
}

impl Values {
    /// The values that a telegram carries.
    pub fn of(telegram: &Telegram, bounds: &Bounds) -> Self {
        let mut values = Self::default();
        let mut others = String::new();
        let standard = bounds.standard_time.unwrap_or(telegram.standard_time);
        // Where the head and a value differ, the head has the clock.
        values.time(telegram.at.as_ref(), bounds, standard);
        if telegram.layout == Layout::Text {
            values.text(&telegram.items, bounds, standard, &mut others);
        } else {
            for item in &telegram.items {
                match item.obis.and_then(metrics::of) {
                    Some(metric) => values.take(metric, item, bounds, standard, &mut others),
                    None => describe(item, &mut others),
                }
            }
        }
        values.sums();
        values.flows();
        values.phases_net();
        let scaled_by_profile = |item: &&Item| {
            let quantity = item.value.as_quantity();
            quantity.is_some_and(|number| number.scaling == Scaling::Profile)
        };
        if telegram.items.iter().any(|item| scaled_by_profile(&item)) {
            values.doubt_currents();
        }
        if !others.is_empty() {
            let text: String = others.chars().take(LONGEST_TEXT).collect();
            values.put("other_values", text);
        }
        values
    }

    /// Whether a number stands there that does not count.
    fn is_spoilt(&self, key: &str) -> bool {
        let is_refused = self.refused.iter().any(|refused| refused.key == key);
        is_refused || self.unreadable.contains(&key)
    }

    /// Adds whether the telegram is genuine, where it can be.
    pub fn authenticated(mut self, authentication: Authentication) -> Self {
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
    pub fn get(&self, key: &str) -> Option<&Value> {
        let found = self.known.iter().find(|(known, _)| *known == key);
        found.map(|(_, value)| value)
    }

    /// The number printed on the meter, or else its logical name.
    pub fn number(&self) -> Option<&str> {
        let found = self
            .get("meter_number")
            .or_else(|| self.get("logical_name"));
        match found {
            Some(Value::Text(number)) => Some(number.as_ref()),
            _ => None,
        }
        .filter(|number| is_number(number))
    }

    /// Keys of what the meter itself has a place for.
    pub fn carried(&self) -> impl Iterator<Item = &'static str> {
        let keys = self.known.iter().map(|(key, _)| *key);
        keys.filter(|key| !self.implied.contains(key))
    }

    /// How many tariffs of a total there are.
    pub fn tariffs(&self, total: &str) -> usize {
        tariffs(total, self.known.iter().map(|(key, _)| *key))
    }

    fn put(&mut self, key: &'static str, value: impl Into<Value>) {
        if self.get(key).is_none() {
            self.known.push((key, value.into()));
        }
    }

    pub fn number_of(&self, key: &str) -> Option<Decimal> {
        self.get(key).and_then(Value::as_number)
    }

    /// Leaves out a value that was believed so far.
    fn refuse(&mut self, key: &'static str, why: Why) {
        if let Some(index) = self.known.iter().position(|(known, _)| *known == key) {
            let (_, value) = self.known.remove(index);
            let value = value.to_json().to_string();
            self.refused.push(Refused { key, value, why });
        }
    }

    fn take(
        &mut self,
        metric: &'static Metric,
        item: &Item,
        bounds: &Bounds,
        standard: bool,
        others: &mut String,
    ) {
        let key: &'static str = match &metric.key {
            std::borrow::Cow::Borrowed(key) => key,
            std::borrow::Cow::Owned(_) => return,
        };
        match (&item.value, metric.quantity) {
            (ItemValue::Quantity(number), Some(quantity)) => {
                let value = number
                    .value()
                    .and_then(|value| in_unit(value, number.unit, quantity));
                let value = match number.scaling {
                    // Only a table of ours can be wrong by a power of ten.
                    Scaling::Profile if quantity == Quantity::Voltage => value.map(in_volts),
                    _ => value,
                };
                let why = match value {
                    // What nobody has said the scale of may be anything.
                    _ if number.scaling == Scaling::Unknown => Why::NoScale,
                    None => Why::Unit,
                    Some(value)
                        if quantity == Quantity::Angle && value == Decimal::integer(NO_ANGLE) =>
                    {
                        return self.put(key, Value::Unknown);
                    }
                    Some(value) if is_possible(value, quantity, bounds.max_power) => {
                        return self.put(key, value);
                    }
                    Some(_) => Why::Beyond,
                };
                if why != Why::Beyond {
                    describe(item, others);
                }
                let value = number.to_string();
                self.refused.push(Refused { key, value, why });
            }
            (ItemValue::Text(text), None) if !text.trim().is_empty() => {
                let text: String = text.trim().chars().take(LONGEST_TEXT).collect();
                self.put(key, text);
            }
            (ItemValue::Quantity(number), None) => self.put(key, number.raw.to_string()),
            (ItemValue::Moment(time), None) => self.time(Some(time), bounds, standard),
            (ItemValue::Text(_), None) => {}
            _ => describe(item, others),
        }
    }

    fn time(&mut self, time: Option<&MeterTime>, bounds: &Bounds, standard: bool) {
        let near = bounds.now.unwrap_or(Timestamp::UNIX_EPOCH);
        let Some(civil) = time.and_then(|time| time.to_timestamp(&bounds.zone, near)) else {
            return;
        };
        let all_year = time.and_then(|time| time.in_standard_time(&bounds.zone));
        let at = all_year.filter(|_| standard).unwrap_or(civil);
        self.at.get_or_insert(at);
        self.put("meter_time", at);
        if let Some(now) = bounds.now {
            let ahead = |at: Timestamp| at.as_second().saturating_sub(now.as_second());
            self.put("clock_drift", Decimal::integer(ahead(at)));
            let differing = all_year.filter(|all_year| *all_year != civil);
            let drifts = differing.map(|all_year| [ahead(civil), ahead(all_year)]);
            self.drifts = self.drifts.or(drifts);
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
            if tariffs.iter().any(|key| self.is_spoilt(key)) {
                continue;
            }
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
}

/// How many of the keys are tariffs of a total.
pub fn tariffs<'a>(total: &str, keys: impl Iterator<Item = &'a str>) -> usize {
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
        // Nothing of something is nothing in any unit.
        (Quantity::Power | Quantity::Energy | Quantity::ReactiveEnergy, Unit::NONE)
            if value.is_zero() =>
        {
            Some(value)
        }
        (Quantity::Power, Unit::WATT)
        | (Quantity::ApparentPower, Unit::VOLT_AMPERE)
        | (Quantity::ReactivePower, Unit::VAR)
        | (Quantity::Voltage, Unit::VOLT)
        | (Quantity::Current, Unit::AMPERE)
        | (Quantity::Frequency, Unit::HERTZ)
        | (Quantity::Angle, Unit::DEGREE)
        | (Quantity::PowerFactor | Quantity::Count, Unit::NONE) => Some(value),
        (Quantity::Energy, Unit::WATT_HOUR) | (Quantity::ReactiveEnergy, Unit::VAR_HOUR) => {
            Some(thousandth(value))
        }
        _ => None,
    }
}

/// A voltage that no home has is certain to be of tenths or hundredths, if that makes one that homes
/// have.
fn in_volts(value: Decimal) -> Decimal {
    if value <= Decimal::integer(SURELY_PARTS) {
        return value;
    }
    let part = |places| Decimal::new(value.mantissa(), value.scale().saturating_add(places));
    let mut parts = [part(1), part(2)].into_iter();
    parts
        .find(|part| *part <= Decimal::integer(MOST_VOLTS) && *part >= Decimal::integer(100))
        .unwrap_or(value)
}

fn is_possible(value: Decimal, quantity: Quantity, max_power: u32) -> bool {
    let within =
        |least: i64, most: i64| value >= Decimal::integer(least) && value <= Decimal::integer(most);
    match quantity {
        // A counter counts up from nothing.
        Quantity::Energy | Quantity::ReactiveEnergy => value >= Decimal::integer(0),
        Quantity::Voltage => within(0, MOST_VOLTS),
        Quantity::Current => within(-MOST_AMPERES, MOST_AMPERES),
        Quantity::Power | Quantity::ReactivePower | Quantity::ApparentPower => {
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
