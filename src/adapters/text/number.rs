//! Numbers: as programs and sensors print them, and as the configuration file holds them.
//!
//! | printed | read as |
//! |---|---|
//! | `00.1`, `+18.50`, `-3`, `.5`, `7.` | what it says |
//! | `18,5` | 18.5: a comma is a decimal point, never between thousands |
//! | `1.5e-3` | 0.0015 |
//! | `18.399999999999999` | rounded to the decimals that are kept |
//! | `1.234.567`, `1 234`, `0x1F`, `nan` | no number |

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::model::Decimal;

/// Digits that are looked at; those behind could not be kept anyway.
const DIGITS: usize = 24;
/// Powers of ten that any sensor may shift its point by.
const MOST_SHIFT: u32 = 24;

/// The number that a text is, white space around it aside.
pub fn printed(text: &str) -> Option<Decimal> {
    let text = text.trim();
    let (is_negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (digits, shift) = match text.split_once(['e', 'E']) {
        Some((digits, shift)) => (digits, shift.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = digits.split_once(['.', ',']).unwrap_or((digits, ""));
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let is_empty = whole.is_empty() && fraction.is_empty();
    if is_empty || !all_digits(whole) || !all_digits(fraction) || shift.unsigned_abs() > MOST_SHIFT
    {
        return None;
    }
    let whole = whole.trim_start_matches('0');
    if whole.len() > DIGITS {
        return None;
    }
    let fraction = fraction.get(..DIGITS - whole.len()).unwrap_or(fraction);
    let mantissa: i128 = format!("0{whole}{fraction}").parse().ok()?;
    let mantissa = if is_negative { -mantissa } else { mantissa };
    // Both are small, as checked above.
    let scale = i32::try_from(fraction.len()).ok()? - shift;
    match u8::try_from(scale) {
        Ok(scale) => Decimal::fitting(mantissa, scale.min(2 * DIGITS as u8)),
        Err(_) => {
            let factor = 10_i128.checked_pow(scale.unsigned_abs())?;
            Decimal::fitting(mantissa.checked_mul(factor)?, 0)
        }
    }
}

/// An exact number of the configuration file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Number(pub Decimal);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.to_json().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = Number;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number")
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Number, E> {
                Ok(Number(Decimal::integer(number)))
            }

            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Number, E> {
                // The shortest decimal form is what stands in the file.
                let exact = number.to_string().parse().map(Number);
                exact.map_err(|_| {
                    E::custom(format!(
                        "{number} has too many digits; write at most {} decimals",
                        Decimal::MAX_SCALE
                    ))
                })
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for Number {
    fn schema_name() -> Cow<'static, str> {
        "Number".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_printed_is_read() {
        for (text, number) in [
            ("00.1", "0.1"),
            ("+18.50", "18.5"),
            (" -3\t", "-3"),
            ("-0", "0"),
            (".5", "0.5"),
            ("7.", "7"),
            ("18,5", "18.5"),
            ("1.5e-3", "0.0015"),
            ("2E+3", "2000"),
            ("18.399999999999999", "18.4"),
            ("0.000000000000000000000000001", "0"),
            ("000000000000000000000000000042", "42"),
            ("9223372036854775807", "9223372036854775807"),
        ] {
            let read = printed(text).map(|number| number.to_string());
            assert_eq!(read.as_deref(), Some(number), "{text}");
        }
    }

    #[test]
    fn what_is_no_number_is_not_made_one() {
        for text in [
            "",
            ".",
            "-",
            "+-1",
            "1.2.3",
            "1 234",
            "0x1F",
            "nan",
            "inf",
            "e5",
            "1e",
            "1e99",
            "1e-2147483648",
            "9223372036854775808",
            "١٢",
            "-1e24",
        ] {
            assert_eq!(printed(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_of_the_file_are_exact() {
        let read = |text: &str| serde_json::from_str::<Number>(text).unwrap();
        assert_eq!(read("0.1"), Number(Decimal::new(1, 1)));
        assert_eq!(read("-230"), Number(Decimal::integer(-230)));
        assert_eq!(serde_json::to_string(&read("0.1")).unwrap(), "0.1");
        for text in ["1e-20", "1e30", "\"1\"", "true"] {
            assert!(serde_json::from_str::<Number>(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".{0,60}") {
            let _ = printed(&text);
        }

        #[test]
        fn every_decimal_is_read_back(mantissa: i64, scale in 0_u8..=12) {
            let number = Decimal::new(mantissa, scale);
            prop_assert_eq!(printed(&number.to_string()), Some(number));
        }
    }
}
