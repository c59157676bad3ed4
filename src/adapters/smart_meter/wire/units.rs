//! Units as DLMS numbers them (IEC 62056-6-2), and the words for them in text telegrams and
//! profiles.

use std::fmt;

/// A unit by its number.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Unit(pub u8);

/// Number and symbol. Where a symbol occurs twice, the first is meant when reading.
const UNITS: &[(u8, &str)] = &[
    (1, "a"),
    (2, "month"),
    (3, "week"),
    (4, "d"),
    (5, "h"),
    (6, "min"),
    (7, "s"),
    (8, "°"),
    (9, "°C"),
    (10, "currency"),
    (11, "m"),
    (12, "m/s"),
    (13, "m³"),
    (14, "m³"),
    (19, "l"),
    (20, "kg"),
    (23, "Pa"),
    (24, "bar"),
    (25, "J"),
    (26, "J/h"),
    (27, "W"),
    (28, "VA"),
    (29, "var"),
    (30, "Wh"),
    (31, "VAh"),
    (32, "varh"),
    (33, "A"),
    (34, "C"),
    (35, "V"),
    (38, "Ω"),
    (44, "Hz"),
    (45, "1/Wh"),
    (46, "1/varh"),
    (47, "1/VAh"),
    (48, "V²h"),
    (49, "A²h"),
    (52, "K"),
    (56, "%"),
    (57, "Ah"),
    (70, "dBm"),
    (71, "dBµV"),
    (72, "dB"),
    (254, "other"),
    (255, ""),
];

/// Other spellings of symbols.
const SPELLINGS: &[(&str, u8)] = &[("deg", 8), ("degC", 9), ("m3", 13), ("ohm", 38)];

/// Units of text telegrams, in any spelling.
const METERED: &[(&str, u8)] = &[
    ("Wh", 30),
    ("varh", 32),
    ("VAh", 31),
    ("W", 27),
    ("var", 29),
    ("VA", 28),
    ("V", 35),
    ("A", 33),
    ("Hz", 44),
    ("m3", 13),
    ("m³", 13),
    ("dm3", 19),
    ("dm³", 19),
    ("l", 19),
    ("J", 25),
    ("s", 7),
    ("min", 6),
];

impl Unit {
    /// Active power.
    pub const WATT: Self = Self(27);
    /// Active energy.
    pub const WATT_HOUR: Self = Self(30);
    /// Current.
    pub const AMPERE: Self = Self(33);
    /// Voltage.
    pub const VOLT: Self = Self(35);
    /// Reactive power.
    pub const VAR: Self = Self(29);
    /// Reactive energy.
    pub const VAR_HOUR: Self = Self(32);
    /// Apparent power.
    pub const VOLT_AMPERE: Self = Self(28);
    /// Volume.
    pub const CUBIC_METRE: Self = Self(13);
    /// The same, converted to standard conditions by the meter.
    pub const CORRECTED_CUBIC_METRE: Self = Self(14);
    /// Volume.
    pub const LITRE: Self = Self(19);
    /// Heat.
    pub const JOULE: Self = Self(25);
    /// Time.
    pub const SECOND: Self = Self(7);
    /// Angle.
    pub const DEGREE: Self = Self(8);
    /// Frequency.
    pub const HERTZ: Self = Self(44);
    /// A count or ratio.
    pub const NONE: Self = Self(255);

    /// The symbol: empty for counts and ratios, `None` for numbers that mean nothing known.
    pub fn symbol(self) -> Option<&'static str> {
        let found = UNITS.iter().find(|(number, _)| *number == self.0);
        found.map(|(_, symbol)| *symbol)
    }

    /// The unit and power of ten of a symbol: `kWh` is `Wh` and 3.
    pub fn parse(symbol: &str) -> Option<(Self, i8)> {
        let plain = |symbol: &str| {
            let spelled = SPELLINGS.iter().find(|(text, _)| *text == symbol);
            let listed = UNITS.iter().find(|(_, text)| *text == symbol);
            let spelled = spelled.map(|(_, number)| *number);
            spelled.or(listed.map(|(number, _)| *number)).map(Self)
        };
        if let Some(unit) = plain(symbol) {
            return Some((unit, 0));
        }
        let (prefix, exponent) = [("k", 3), ("M", 6), ("m", -3)]
            .into_iter()
            .find(|(prefix, _)| symbol.starts_with(prefix))?;
        // Only units of electricity and energy have prefixes: "month" is not mega-onth.
        let unit = plain(symbol.strip_prefix(prefix)?)?;
        matches!(unit.0, 25 | 27..=35).then_some((unit, exponent))
    }

    /// The same of a symbol as meters write it, with any mixture of small and capital letters; only of `m` and
    /// `M` in front the case counts.
    pub fn parse_loosely(symbol: &str) -> Option<(Self, i8)> {
        if let Some(found) = Self::parse(symbol) {
            return Some(found);
        }
        let plain = |symbol: &str| {
            let mut known = METERED.iter();
            let found = known.find(|(text, _)| text.eq_ignore_ascii_case(symbol));
            found.map(|(_, number)| Self(*number))
        };
        if let Some(unit) = plain(symbol) {
            return Some((unit, 0));
        }
        let mut characters = symbol.chars();
        let exponent = match characters.next()? {
            'k' | 'K' => 3,
            'M' => 6,
            'm' => -3,
            'g' | 'G' => 9,
            _ => return None,
        };
        let unit = plain(characters.as_str())?;
        matches!(unit.0, 25 | 27..=35 | 44).then_some((unit, exponent))
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.symbol() {
            Some(symbol) => f.write_str(symbol),
            None => write!(f, "unit {}", self.0),
        }
    }
}

impl fmt::Debug for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Unit({} {self})", self.0)
    }
}

/// What a number is worth: `raw * 10^exponent` of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scale {
    /// Power of ten.
    pub exponent: i8,
    /// Of what.
    pub unit: Unit,
}

impl fmt::Display for Scale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let zeros = usize::from(self.exponent.unsigned_abs());
        match self.exponent {
            0.. => write!(f, "1{:0>zeros$}", "")?,
            _ => write!(f, "0.{:0>zeros$}", 1)?,
        }
        match self.unit {
            Unit::NONE => Ok(()),
            unit => write!(f, " {unit}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_symbol_leads_back_to_its_unit() {
        for (number, symbol) in UNITS {
            let (unit, exponent) = Unit::parse(symbol).unwrap();
            assert_eq!((unit.symbol(), exponent), (Some(*symbol), 0), "{number}");
        }
        assert_eq!(Unit(123).symbol(), None);
        assert_eq!(Unit(123).to_string(), "unit 123");
    }

    #[test]
    fn prefixes_are_powers_of_ten() {
        assert_eq!(Unit::parse("kWh"), Some((Unit::WATT_HOUR, 3)));
        assert_eq!(Unit::parse("MWh"), Some((Unit::WATT_HOUR, 6)));
        assert_eq!(Unit::parse("mA"), Some((Unit::AMPERE, -3)));
        assert_eq!(Unit::parse("kvarh"), Some((Unit(32), 3)));
        assert_eq!(Unit::parse("min"), Some((Unit(6), 0)));
        for wrong in ["kwh", "kk", "k", "mmonth", "Wh ", "k%"] {
            assert_eq!(Unit::parse(wrong), None, "{wrong}");
        }
    }
}
