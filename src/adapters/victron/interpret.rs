//! From what the wire says to values of metrics.

use super::metrics::{of_label, of_register};
use super::wire::bounds;
use super::wire::families::Family;
use super::wire::hex;
use super::wire::labels::{Label, LabelReading};
use super::wire::registers::{self, Register};
use super::wire::words::{ALARM, BLUETOOTH, LOAD_OFF_REASON, OFF_REASON, Words};
use crate::model::{Behavior, Decimal, Value};

/// What is told while no bit is set.
pub const NO_BITS: &str = "none";

/// Longest text of words that is joined.
const LONGEST: usize = 200;

/// What a label or a register says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The metric and its value, where there is a metric for it.
    pub value: Option<(&'static str, Value)>,
    /// Whether there is more to it than the value: a label or a word that nobody knows.
    pub is_odd: bool,
}

impl Told {
    const fn plain(key: &'static str, value: Value) -> Self {
        Self {
            value: Some((key, value)),
            is_odd: false,
        }
    }

    const NOTHING: Self = Self {
        value: None,
        is_odd: false,
    };

    const ODD: Self = Self {
        value: None,
        is_odd: true,
    };
}

/// What a label of the text says. Seconds since the battery was full stay seconds.
pub fn of_text(name: &[u8], text: &[u8]) -> Told {
    let Some(label) = Label::of(name) else {
        return Told::ODD;
    };
    let Some(row) = of_label(name) else {
        // Who the device is, which is told elsewhere; but for a number nobody knows the meaning of.
        return if name == b"HC#" {
            Told::ODD
        } else {
            Told::NOTHING
        };
    };
    let key = row.key();
    match label.read(text) {
        LabelReading::Unknown | LabelReading::Infinite => Told::plain(key, Value::Unknown),
        LabelReading::Number(number) => Told::plain(key, signed(key, number).into()),
        LabelReading::Switch(on) => Told::plain(key, on.into()),
        LabelReading::Word(words, number) => word(key, words, number),
        LabelReading::Bits(words, mask) => Told::plain(key, bits(words, mask)),
        LabelReading::Text(_) => Told::NOTHING,
        LabelReading::Malformed(_) => Told::ODD,
    }
}

/// What a register says on a family of devices; `None` if there is no metric for it, or if the
/// device has no such register.
pub fn of_hex(value: &hex::Value<'_>, family: Option<Family>) -> Option<Told> {
    if !value.flags.is_ok() {
        return None;
    }
    let row = of_register(value.register, family)?;
    let key = row.key();
    let register = Register::of(value.register)?;
    let number = match register.decode(value.bytes) {
        registers::RegisterReading::Number(number) if bounds::are_kept(register.unit, number) => {
            number
        }
        registers::RegisterReading::Number(_) => return Some(Told::ODD),
        registers::RegisterReading::Unavailable => return Some(Told::plain(key, Value::Unknown)),
        _ => return None,
    };
    Some(match (&row.metric.behavior, register.words) {
        (Behavior::OnOff(_), _) => Told::plain(key, (!number.is_zero()).into()),
        (_, Some(words)) if register.bits => {
            let mask = u32::try_from(number.mantissa()).unwrap_or_default();
            Told::plain(key, bits(words, mask))
        }
        (_, Some(words)) => word(key, words, register.number_of_word(number)),
        (_, None) => Told::plain(key, signed(key, number).into()),
    })
}

/// The charge drawn in all counts downwards on the device.
fn signed(key: &str, number: Decimal) -> Decimal {
    if key == "charge_drawn" {
        Decimal::new(number.mantissa().saturating_neg(), number.scale())
    } else {
        number
    }
}

fn word(key: &'static str, words: &Words, number: i64) -> Told {
    Told {
        value: Some((key, Value::Text(words.say(number)))),
        is_odd: words.word(number).is_none(),
    }
}

/// Every word that [`bits`] makes a text of.
pub fn words() -> Vec<&'static str> {
    let tables = [&ALARM, &OFF_REASON, &LOAD_OFF_REASON, &BLUETOOTH];
    let words = tables.into_iter().flat_map(|table| table.list);
    let words = words.map(|(_, word)| *word);
    words.chain([NO_BITS, "bit {n}"]).collect()
}

/// Words for bits, one after the other; a bit without a word by its number.
fn bits(words: &Words, mask: u32) -> Value {
    if mask == 0 {
        return NO_BITS.into();
    }
    let mut text = String::new();
    for word in words.bits(mask) {
        let word = word.map_or_else(|bit| format!("bit {bit}"), str::to_owned);
        if text.len() + word.len() > LONGEST {
            break;
        }
        if !text.is_empty() {
            text.push_str(", ");
        }
        text.push_str(&word);
    }
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::victron::wire::hex::Flags;

    fn text(name: &str, text: &str) -> Told {
        of_text(name.as_bytes(), text.as_bytes())
    }

    fn hex(register: u16, bytes: &[u8], family: Family) -> Option<Told> {
        of_hex(&hex::Value::new(register, bytes), Some(family))
    }

    #[test]
    fn what_a_device_does_not_know_is_unknown_and_never_a_number() {
        for (label, value, key) in [
            ("SOC", "---", "state_of_charge"),
            ("CE", "---", "consumed_charge"),
            ("TTG", "-1", "time_to_go"),
            ("TTG", "---", "time_to_go"),
            ("T", "---", "battery_temperature"),
            ("H1", "---", "deepest_discharge"),
        ] {
            assert_eq!(text(label, value), Told::plain(key, Value::Unknown));
        }
        for (register, bytes) in [
            (0x0fff, [0xff, 0xff]),
            (0xed7d, [0xff, 0x7f]),
            (0xedec, [0xff, 0xff]),
        ] {
            let told = hex(register, &bytes, Family::Shunt).unwrap();
            assert_eq!(told.value.unwrap().1, Value::Unknown, "{register:#06x}");
        }
    }

    #[test]
    fn numbers_are_exact() {
        let number = |told: Told| told.value.unwrap().1.as_number().unwrap().to_string();
        assert_eq!(number(text("V", "12067")), "12.067");
        assert_eq!(number(text("DM", "-7")), "-0.7");
        assert_eq!(number(text("H6", "-14932200")), "14932.200");
        assert_eq!(
            number(hex(0x0305, &(-149_322_i32).to_le_bytes(), Family::Shunt).unwrap()),
            "14932.2"
        );
        assert_eq!(
            number(hex(0xedbc, &86_069_u32.to_le_bytes(), Family::Mppt).unwrap()),
            "860.69"
        );
    }

    #[test]
    fn a_number_without_a_word_is_told_as_other_and_kept() {
        assert_eq!(text("CS", "3"), Told::plain("state", "bulk".into()));
        let told = text("CS", "99");
        assert_eq!(
            told,
            Told {
                value: Some(("state", "other (99)".into())),
                is_odd: true
            }
        );
        assert_eq!(text("NEW", "1"), Told::ODD);
        assert_eq!(text("HC#", "57825"), Told::ODD);
        assert_eq!(text("V", "abc"), Told::ODD);
        assert_eq!(text("SER#", "HQ1"), Told::NOTHING);
    }

    #[test]
    fn several_reasons_are_told_together() {
        assert_eq!(
            text("OR", "0x00000009"),
            Told::plain(
                "off_reason",
                "no input power, remote input".to_owned().into()
            )
        );
        assert_eq!(
            text("OR", "0x00000000"),
            Told::plain("off_reason", "none".into())
        );
        assert_eq!(
            text("AR", "16384"),
            Told::plain("alarm_reason", "bit 14".to_owned().into())
        );
    }

    #[test]
    fn switches_of_registers_are_on_or_off() {
        assert_eq!(
            hex(0xeda8, &[1], Family::Mppt),
            Some(Told::plain("load_output", true.into()))
        );
        assert_eq!(
            hex(0xedab, &[0x84], Family::Mppt),
            Some(Told::plain("load_control", "on".into()))
        );
        let other = hex(0xedab, &[0x13], Family::Mppt).unwrap();
        assert_eq!(other.value, Some(("load_control", "other (3)".into())));
        assert_eq!(hex(0x1050, &[1], Family::Mppt), None);
        let mut absent = hex::Value::new(0xeda8, &[]);
        absent.flags = Flags::UNKNOWN_ID;
        assert_eq!(of_hex(&absent, Some(Family::Mppt)), None);
    }
}
