//! One value of a telegram, with what is known of it.

use std::fmt;

use super::axdr::Data;
use super::obis::Obis;
use super::time::MeterTime;
use super::units::Scale;
use super::units::Unit;
use crate::model::{Decimal, pasted};

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// What it is, if the telegram or a profile says so.
    pub obis: Option<Obis>,
    /// Where it stands in the outermost list, from 0; in a text telegram the line.
    pub position: usize,
    /// When it was read or reached, where the telegram has a time of its own in front of it.
    pub at: Option<MeterTime>,
    /// The value.
    pub value: ItemValue,
}

/// What a value is.
#[derive(Debug, Clone, PartialEq)]
pub enum ItemValue {
    /// A number.
    Quantity(Quantity),
    /// Characters, without control characters.
    Text(String),
    /// A moment.
    Moment(MeterTime),
    /// What several pairs of brackets of one line of text hold, as they are.
    Groups(Vec<String>),
    /// Anything else, as it came.
    Other(Data),
}

/// A number and what it is worth: `raw * 10^exponent` of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quantity {
    /// The number as it came.
    pub raw: i128,
    /// The data type it came with; 0 in a text telegram.
    pub tag: u8,
    /// Power of ten.
    pub exponent: i8,
    /// Of what.
    pub unit: Unit,
    /// Who says so.
    pub scaling: Scaling,
}

/// Where exponent and unit come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scaling {
    /// The telegram.
    Meter,
    /// A profile.
    Profile,
    /// Nobody: exponent 0 and no unit are assumed, and may be wrong.
    Unknown,
}

impl Quantity {
    pub(crate) const fn unscaled(raw: i128, tag: u8) -> Self {
        Self {
            raw,
            tag,
            exponent: 0,
            unit: Unit::NONE,
            scaling: Scaling::Unknown,
        }
    }

    #[must_use]
    pub(crate) const fn scaled(self, scale: Scale, scaling: Scaling) -> Self {
        Self {
            exponent: scale.exponent,
            unit: scale.unit,
            scaling,
            ..self
        }
    }

    /// The exact value in its unit; `None` if it has more digits than any meter.
    pub fn value(&self) -> Option<Decimal> {
        if self.raw == 0 {
            return Some(Decimal::integer(0));
        }
        let size = self.exponent.unsigned_abs();
        if self.exponent >= 0 {
            let factor = 10_i128.checked_pow(size.into())?;
            let whole = self.raw.checked_mul(factor)?;
            return i64::try_from(whole).ok().map(Decimal::integer);
        }
        let mantissa = i64::try_from(self.raw).ok()?;
        (size <= Decimal::MAX_SCALE).then(|| Decimal::new(mantissa, size))
    }
}

impl ItemValue {
    /// The number, if it is one.
    pub const fn as_quantity(&self) -> Option<&Quantity> {
        match self {
            Self::Quantity(quantity) => Some(quantity),
            _ => None,
        }
    }

    /// The characters, if it is text.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// What a piece of data means, with what its code tells.
    pub fn of(data: &Data, code: Option<Obis>) -> Self {
        match data {
            Data::Number { tag, value } => Self::Quantity(Quantity::unscaled(*value, *tag)),
            Data::DateTime(bytes) => Self::Moment(MeterTime::from_bytes(*bytes)),
            Data::Text(text) => Self::Text(clean(text.chars())),
            Data::Octets(bytes) => Self::of_octets(bytes, code),
            other => Self::Other(other.clone()),
        }
    }

    fn of_octets(bytes: &[u8], code: Option<Obis>) -> Self {
        if let Some(moment) = moment(bytes) {
            return Self::Moment(moment);
        }
        if is_characters(bytes) || code.is_some_and(Obis::is_identity) {
            Self::Text(text(bytes))
        } else {
            Self::Other(Data::Octets(bytes.to_vec()))
        }
    }
}

/// Whether all bytes are characters. Zeros fill up names that are shorter than their place.
pub fn is_characters(bytes: &[u8]) -> bool {
    let trimmed = without_padding(bytes);
    trimmed.iter().all(|byte| !byte.is_ascii_control())
}

/// The bytes without zeros at the end.
fn without_padding(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().rev().take_while(|byte| **byte == 0).count();
    bytes.get(..bytes.len() - zeros).unwrap_or_default()
}

/// A moment written as an octet string; no text looks like one.
pub fn moment(bytes: &[u8]) -> Option<MeterTime> {
    let time = MeterTime::from_bytes(bytes.try_into().ok()?);
    (time.is_plausible() && time.local().is_some()).then_some(time)
}

/// Characters of an octet string: UTF-8, or Latin-1 if it is not that.
pub fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => clean(text.chars()),
        Err(_) => clean(bytes.iter().map(|byte| char::from(*byte))),
    }
}

/// Characters that can be published: none that nobody sees or that turn others round, no blanks around.
fn clean(characters: impl Iterator<Item = char>) -> String {
    let is_seen = |c: &char| !c.is_control() && !pasted::is_invisible(*c);
    let text: String = characters.filter(is_seen).collect();
    text.trim().to_owned()
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.value() {
            Some(value) => write!(f, "{value}")?,
            None => write!(f, "{}e{}", self.raw, self.exponent)?,
        }
        match (self.scaling, self.unit) {
            (Scaling::Unknown, _) => f.write_str(" (scale unknown)"),
            (_, Unit::NONE) => Ok(()),
            (_, unit) => write!(f, " {unit}"),
        }
    }
}

impl fmt::Display for ItemValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Quantity(quantity) => quantity.fmt(f),
            Self::Text(text) => write!(f, "\"{text}\""),
            Self::Moment(time) => time.fmt(f),
            Self::Groups(groups) => groups.iter().try_for_each(|group| write!(f, "({group})")),
            Self::Other(data) => data.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn quantity(raw: i128, exponent: i8) -> Quantity {
        let unit = Unit::WATT_HOUR;
        Quantity::unscaled(raw, 6).scaled(Scale { exponent, unit }, Scaling::Meter)
    }

    #[test]
    fn values_are_exact_or_none() {
        let shown = |raw, exponent| {
            quantity(raw, exponent)
                .value()
                .map(|v| v.to_json().to_string())
        };
        assert_eq!(shown(2337, -1).as_deref(), Some("233.7"));
        assert_eq!(shown(4_294_967_295, -3).as_deref(), Some("4294967.295"));
        assert_eq!(shown(630_749, 1).as_deref(), Some("6307490"));
        assert_eq!(shown(-309, -3).as_deref(), Some("-0.309"));
        assert_eq!(shown(0, -128).as_deref(), Some("0"));
        assert_eq!(shown(1, -128), None);
        assert_eq!(shown(1, 127), None);
        assert_eq!(shown(u64::MAX.into(), 0), None);
        assert_eq!(quantity(1, 127).to_string(), "1e127 Wh");
    }

    #[test]
    fn texts_lose_their_control_characters_only() {
        let of = |bytes: &[u8], code| ItemValue::of(&Data::Octets(bytes.to_vec()), code);
        let number = Some(Obis::METER_NUMBER);
        assert_eq!(
            of(b"12\x0134\0\0", number),
            ItemValue::Text("1234".to_owned())
        );
        assert_eq!(of(b"1234\0", None), ItemValue::Text("1234".to_owned()));
        assert_eq!(of(b"M\xfcller", None), ItemValue::Text("Müller".to_owned()));
        assert_eq!(of(b"", None), ItemValue::Text(String::new()));
        let bytes = Data::Octets(vec![0x0e, 0x37, 0x21, 0]);
        assert_eq!(ItemValue::of(&bytes, None), ItemValue::Other(bytes));
    }

    proptest! {
        #[test]
        fn no_number_panics(raw: i64, exponent: i8) {
            let quantity = quantity(raw.into(), exponent);
            let _ = (quantity.value(), quantity.to_string());
        }

        #[test]
        fn no_text_has_control_characters(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            if let ItemValue::Text(text) = ItemValue::of(&Data::Octets(bytes), None) {
                prop_assert!(!text.chars().any(char::is_control));
            }
        }
    }
}
