//! The labels of the text protocol: what they mean and how their values are written, as data.
//!
//! A label that is not in the table is kept and passed on as text. `---` is the value of what a
//! device does not know; it never becomes a number, and a label that shows it is still there.

use super::bounds;
use super::words::{self, Words};
use crate::model::Decimal;

/// The value of what a device does not know.
pub const UNKNOWN: &[u8] = b"---";

/// How the value of a label is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A decimal number, divided by 10 to the power of the first, in the unit of the second.
    Number(u8, &'static str),
    /// Minutes; -1 stands for "never", which is no number.
    Minutes,
    /// `ON` or `OFF`; old firmware writes `On` and `Off`.
    Switch,
    /// A decimal number that stands for a word.
    Word(&'static Words),
    /// A number whose bits stand for words: decimal, or hex after `0x`.
    Bits(&'static Words),
    /// Text.
    Text,
}

/// A label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Label {
    /// As it is on the wire; case matters.
    pub name: &'static str,
    /// How its value is written.
    pub format: Format,
    /// What it is.
    pub meaning: &'static str,
}

/// What the value of a label says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum LabelReading<'a> {
    /// The device does not know.
    Unknown,
    /// It never comes to that: time to go while the battery is not discharged.
    Infinite,
    /// A number in the unit of the label.
    Number(Decimal),
    /// Switched on or off.
    Switch(bool),
    /// The number of a word; [`Words::word`] has it, if it is known.
    Word(&'static Words, i64),
    /// Bits; [`Words::bits`] has their words.
    Bits(&'static Words, u32),
    /// Text.
    Text(&'a [u8]),
    /// Not written as this label should be.
    Malformed(&'a [u8]),
}

impl Label {
    /// What is known of a label.
    #[must_use]
    pub fn of(name: &[u8]) -> Option<&'static Self> {
        LABELS.iter().find(|label| label.name.as_bytes() == name)
    }

    /// Reads a value.
    #[must_use]
    pub fn read<'a>(&self, value: &'a [u8]) -> LabelReading<'a> {
        if value == UNKNOWN {
            return LabelReading::Unknown;
        }
        let number = || decimal(value);
        let reading = match self.format {
            Format::Text => Some(LabelReading::Text(value)),
            Format::Number(decimals, unit) => number()
                .map(|raw| Decimal::new(raw, decimals))
                .filter(|number| bounds::are_kept(unit, *number))
                .map(LabelReading::Number),
            Format::Minutes => number().map(|raw| match raw {
                -1 => LabelReading::Infinite,
                _ => LabelReading::Number(Decimal::integer(raw)),
            }),
            Format::Switch if value.eq_ignore_ascii_case(b"on") => Some(LabelReading::Switch(true)),
            Format::Switch if value.eq_ignore_ascii_case(b"off") => {
                Some(LabelReading::Switch(false))
            }
            Format::Switch => None,
            Format::Word(words) => number().map(|raw| LabelReading::Word(words, raw)),
            Format::Bits(words) => bits(value).map(|mask| LabelReading::Bits(words, mask)),
        };
        reading.unwrap_or(LabelReading::Malformed(value))
    }
}

fn decimal(value: &[u8]) -> Option<i64> {
    std::str::from_utf8(value).ok()?.parse().ok()
}

fn bits(value: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(value).ok()?;
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

const fn row(name: &'static str, format: Format, meaning: &'static str) -> Label {
    Label {
        name,
        format,
        meaning,
    }
}

use Format::{Bits, Minutes, Number, Switch, Text, Word};

const MILLIVOLT: Format = Number(3, "V");
const MILLIAMPERE: Format = Number(3, "A");
const WATT: Format = Number(0, "W");
const PER_MILLE: Format = Number(1, "%");
const MILLIAMPERE_HOUR: Format = Number(3, "Ah");
const ENERGY: Format = Number(2, "kWh");
const COUNT: Format = Number(0, "");

/// The labels.
#[rustfmt::skip]
pub static LABELS: &[Label] = &[
    row("V", MILLIVOLT, "battery voltage"),
    row("V2", MILLIVOLT, "battery voltage of output 2"),
    row("V3", MILLIVOLT, "battery voltage of output 3"),
    row("VS", MILLIVOLT, "starter battery voltage"),
    row("VM", MILLIVOLT, "mid-point voltage"),
    row("DM", PER_MILLE, "mid-point deviation"),
    row("VPV", MILLIVOLT, "panel voltage"),
    row("PPV", WATT, "panel power"),
    row("I", MILLIAMPERE, "battery current, positive while charging"),
    row("I2", MILLIAMPERE, "battery current of output 2"),
    row("I3", MILLIAMPERE, "battery current of output 3"),
    row("IL", MILLIAMPERE, "load current"),
    row("LOAD", Switch, "load output"),
    row("T", Number(0, "°C"), "battery temperature"),
    row("P", WATT, "battery power"),
    row("CE", MILLIAMPERE_HOUR, "charge taken since the battery was full, negative"),
    row("SOC", PER_MILLE, "state of charge"),
    row("TTG", Minutes, "time to go"),
    row("Alarm", Switch, "alarm"),
    row("Relay", Switch, "relay"),
    row("AR", Bits(&words::ALARM), "alarm reason"),
    row("WARN", Bits(&words::ALARM), "warning"),
    row("OR", Bits(&words::OFF_REASON), "off reason"),
    row("CAP_BLE", Bits(&words::BLUETOOTH), "what can be done over Bluetooth"),
    row("H1", MILLIAMPERE_HOUR, "deepest discharge"),
    row("H2", MILLIAMPERE_HOUR, "last discharge"),
    row("H3", MILLIAMPERE_HOUR, "average discharge"),
    row("H4", COUNT, "charge cycles"),
    row("H5", COUNT, "full discharges"),
    row("H6", MILLIAMPERE_HOUR, "charge drawn ever, negative"),
    row("H7", MILLIVOLT, "lowest battery voltage"),
    row("H8", MILLIVOLT, "highest battery voltage"),
    row("H9", Number(0, "s"), "time since the battery was full"),
    row("H10", COUNT, "automatic synchronisations"),
    row("H11", COUNT, "alarms of low voltage"),
    row("H12", COUNT, "alarms of high voltage"),
    row("H13", COUNT, "alarms of low auxiliary voltage"),
    row("H14", COUNT, "alarms of high auxiliary voltage"),
    row("H15", MILLIVOLT, "lowest auxiliary voltage"),
    row("H16", MILLIVOLT, "highest auxiliary voltage"),
    row("H17", ENERGY, "discharged energy; produced energy of an energy meter"),
    row("H18", ENERGY, "charged energy; consumed energy of an energy meter"),
    row("H19", ENERGY, "yield since the user's reset"),
    row("H20", ENERGY, "yield today"),
    row("H21", WATT, "highest power today"),
    row("H22", ENERGY, "yield yesterday"),
    row("H23", WATT, "highest power yesterday"),
    row("HSDS", COUNT, "number of the day, 0 to 364"),
    row("ERR", Word(&words::ERROR), "error"),
    row("CS", Word(&words::STATE), "state"),
    row("MODE", Word(&words::MODE), "mode"),
    row("MPPT", Word(&words::TRACKER), "tracker"),
    row("MON", Word(&words::MONITOR), "monitor mode"),
    row("AC_OUT_V", Number(2, "V"), "AC output voltage"),
    row("AC_OUT_I", Number(1, "A"), "AC output current"),
    row("AC_OUT_S", Number(0, "VA"), "AC output apparent power"),
    row("DC_IN_V", Number(2, "V"), "input voltage"),
    row("DC_IN_I", Number(1, "A"), "input current"),
    row("DC_IN_P", WATT, "input power"),
    row("BMV", Text, "model"),
    row("FW", Text, "firmware"),
    row("FWE", Text, "firmware"),
    row("PID", Text, "product id"),
    row("SER#", Text, "serial number"),
    row("HC#", Text, "a number of unknown meaning, constant for a device"),
];

/// The version in `FW` (16 bits) or `FWE` (24 bits), as it is printed elsewhere: 3.08, 2.08-candidate-C,
/// 3.16-beta-02.
#[must_use]
pub fn firmware(label: &[u8], value: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(value).ok()?;
    let sound = (1..=6).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let number = u32::from_str_radix(text, 16).ok().filter(|_| sound)?;
    match label {
        b"FW" if number <= 0xffff => {
            let candidate = match number >> 12 {
                0 => String::new(),
                letter => format!("-candidate-{letter:X}"),
            };
            Some(format!(
                "{:x}.{:02x}{candidate}",
                number >> 8 & 0xf,
                number & 0xff
            ))
        }
        b"FWE" => {
            let beta = match number & 0xff {
                0xff => String::new(),
                beta => format!("-beta-{beta:02x}"),
            };
            Some(format!(
                "{:x}.{:02x}{beta}",
                number >> 16,
                number >> 8 & 0xff
            ))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<'a>(label: &str, value: &'a str) -> LabelReading<'a> {
        Label::of(label.as_bytes()).unwrap().read(value.as_bytes())
    }

    #[test]
    fn labels_are_there_once() {
        for label in LABELS {
            assert_eq!(Label::of(label.name.as_bytes()), Some(label));
        }
    }

    #[test]
    fn values_come_in_their_unit() {
        assert_eq!(
            read("V", "12065"),
            LabelReading::Number(Decimal::new(12_065, 3))
        );
        assert_eq!(
            read("CE", "-65473"),
            LabelReading::Number(Decimal::new(-65_473, 3))
        );
        assert_eq!(
            read("DC_IN_V", "1262"),
            LabelReading::Number(Decimal::new(1262, 2))
        );
        assert_eq!(read("Relay", "On"), LabelReading::Switch(true));
        assert_eq!(
            read("OR", "0x00000009"),
            LabelReading::Bits(&words::OFF_REASON, 9)
        );
        assert_eq!(read("AR", "12"), LabelReading::Bits(&words::ALARM, 12));
        assert_eq!(read("MON", "-9"), LabelReading::Word(&words::MONITOR, -9));
        assert_eq!(read("CS", "99"), LabelReading::Word(&words::STATE, 99));
    }

    #[test]
    fn what_is_not_known_is_no_number() {
        for label in LABELS {
            assert_eq!(label.read(UNKNOWN), LabelReading::Unknown, "{}", label.name);
        }
        assert_eq!(read("TTG", "-1"), LabelReading::Infinite);
        assert_eq!(read("SOC", ""), LabelReading::Malformed(b""));
        let absurd = "4294967295";
        assert_eq!(
            read("H19", absurd),
            LabelReading::Malformed(absurd.as_bytes())
        );
        assert_eq!(read("LOAD", "?"), LabelReading::Malformed(b"?"));
    }

    #[test]
    fn firmware_is_read_in_both_ways_of_writing_it() {
        let version = |label: &str, value: &str| firmware(label.as_bytes(), value.as_bytes());
        assert_eq!(version("FW", "0308").as_deref(), Some("3.08"));
        assert_eq!(version("FW", "159").as_deref(), Some("1.59"));
        assert_eq!(version("FW", "C208").as_deref(), Some("2.08-candidate-C"));
        assert_eq!(version("FWE", "0208FF").as_deref(), Some("2.08"));
        assert_eq!(version("FWE", "316FF").as_deref(), Some("3.16"));
        assert_eq!(version("FWE", "31602").as_deref(), Some("3.16-beta-02"));
        assert_eq!(version("FW", "hello"), None);
        assert_eq!(version("FW", ""), None);
    }
}
