//! One line of a profile: what a value is, and how it is scaled.
//!
//! | Written | Means |
//! |---|---|
//! | `1.0.31.7.0 0.01 A` | a number: code, what one step of it is worth, unit |
//! | `1.0.13.7.0 0.001` | a number without a unit |
//! | `1.0.1.8.0 1 Wh u32` | a number of this type only; `u32\|u64` for one of several |
//! | `0.0.96.1.0 text` | characters |
//! | `0.0.96.1.7 text MA3` | characters that begin so |
//! | `0.0.1.0.0 time` | a moment of twelve bytes |
//! | `0.6.25.9.0 code` | this very code stands there, without a value |
//! | `octets` | some octets without a meaning here |
//! | `-` | any value without a meaning here |
//! | `...` | any number of those that are no numbers |

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::axdr::Data;
use super::item;
use super::number::NumberTypes;
use super::obis::Obis;
use super::time;
use super::units::{Scale, Unit};

/// A value of a telegram whose values are told by their order.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "Cow<'_, str>", into = "String")]
pub enum Field {
    /// Nothing that is known.
    Unnamed,
    /// Octets of which nothing is known.
    Octets,
    /// Any number of values that are no numbers; once in a list.
    Any,
    /// A code that stands there by itself.
    Code(Obis),
    /// Characters that begin with these.
    Text(Obis, String),
    /// A moment.
    Time(Obis),
    /// A number of one of these types.
    Number(Obis, Scale, NumberTypes),
}

/// How values with a code but without a unit are scaled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "Cow<'_, str>", into = "String")]
pub struct CodeScale {
    /// The code's groups; `None` is any.
    pub groups: [Option<u8>; 6],
    /// What one step is worth.
    pub scale: Scale,
    /// The types that such a number may have.
    pub types: NumberTypes,
}

/// A line of a profile makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\": {problem}; write a line like {}", problem.example())]
pub struct FieldError {
    /// The line.
    pub text: String,
    /// What is wrong.
    pub problem: FieldProblem,
}

/// What is wrong with a line of a profile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FieldProblem {
    /// The first word is no code.
    #[error("it does not begin with an OBIS code")]
    Code,
    /// Nothing behind the code.
    #[error("it does not say what the value is")]
    Nothing,
    /// The second word is neither a kind nor a power of ten.
    #[error("\"{0}\" is neither a power of ten (1, 0.1, 0.01, 10, ...) nor text, time or code")]
    Factor(String),
    /// The third word is no unit.
    #[error("the unit \"{0}\" is not known (V, A, W, Wh, kWh, var, varh, VA, Hz, ...)")]
    Unit(String),
    /// The last word is no type.
    #[error("the type \"{0}\" is not known (u8, u16, u32, u64, i8, i16, i32, i64)")]
    Type(String),
    /// Too many words.
    #[error("it has more than a code, a factor, a unit and a type")]
    TooMuch,
    /// A kind of line that `codes` does not have.
    #[error("only numbers need a scale")]
    NotANumber,
}

impl FieldProblem {
    const fn example(&self) -> &'static str {
        match self {
            Self::NotANumber => "\"1.0.31.7.0 0.01 A\" or \"1.0.1.8.* 1 Wh\"",
            _ => "\"1.0.31.7.0 0.01 A\", \"0.0.96.1.0 text\", \"0.0.1.0.0 time\" or \"-\"",
        }
    }
}

impl Field {
    /// Whether a value of a telegram is of this kind.
    pub fn fits(&self, data: &Data) -> bool {
        match self {
            Self::Unnamed => true,
            // One number more or less would move all that follow.
            Self::Any => !matches!(data, Data::Number { .. } | Data::Float(_)),
            Self::Octets => data.as_octets().is_some(),
            Self::Code(code) => data.as_octets().and_then(Obis::from_octets) == Some(*code),
            Self::Text(_, begin) => match data {
                Data::Octets(bytes) => {
                    item::is_characters(bytes) && bytes.starts_with(begin.as_bytes())
                }
                Data::Text(text) => text.starts_with(begin),
                _ => false,
            },
            Self::Time(_) => {
                let is_moment = |bytes: &[u8]| bytes.len() == time::LENGTH;
                matches!(data, Data::DateTime(_)) || data.as_octets().is_some_and(is_moment)
            }
            Self::Number(.., types) => matches!(data, Data::Number { tag, .. } if types.has(*tag)),
        }
    }
}

impl FromStr for Field {
    type Err = FieldError;

    fn from_str(text: &str) -> Result<Self, FieldError> {
        read_field(text).map_err(|problem| FieldError {
            text: text.to_owned(),
            problem,
        })
    }
}

fn read_field(text: &str) -> Result<Field, FieldProblem> {
    let mut words = text.split_whitespace();
    let code = match words.next() {
        Some("-") => return end(words, Field::Unnamed),
        Some("...") => return end(words, Field::Any),
        Some("octets") => return end(words, Field::Octets),
        Some(code) => code.parse().map_err(|_| FieldProblem::Code)?,
        None => return Err(FieldProblem::Code),
    };
    match words.next() {
        None => Err(FieldProblem::Nothing),
        Some("text") => {
            let begin = words.next().unwrap_or_default().to_owned();
            end(words, Field::Text(code, begin))
        }
        Some("time") => end(words, Field::Time(code)),
        Some("code") => end(words, Field::Code(code)),
        Some(factor) => {
            let (scale, types) = read_number(factor, &mut words)?;
            end(words, Field::Number(code, scale, types))
        }
    }
}

/// What is behind the code of a number: factor, unit and types, of which the last two may be
/// missing.
fn read_number<'a>(
    factor: &str,
    words: &mut impl Iterator<Item = &'a str>,
) -> Result<(Scale, NumberTypes), FieldProblem> {
    let (unit, types) = match (words.next(), words.next()) {
        // Numbers without a unit have their type in its place.
        (Some(word), None) => match NumberTypes::parse(word) {
            Some(types) => (None, types),
            None => (Some(word), NumberTypes::ANY),
        },
        (unit, Some(word)) => {
            let unknown = || FieldProblem::Type(word.to_owned());
            (unit, NumberTypes::parse(word).ok_or_else(unknown)?)
        }
        (None, None) => (None, NumberTypes::ANY),
    };
    Ok((read_scale(factor, unit)?, types))
}

fn end<'a, T>(mut words: impl Iterator<Item = &'a str>, value: T) -> Result<T, FieldProblem> {
    match words.next() {
        None => Ok(value),
        Some(_) => Err(FieldProblem::TooMuch),
    }
}

fn read_scale(factor: &str, unit: Option<&str>) -> Result<Scale, FieldProblem> {
    let wrong = || FieldProblem::Factor(factor.to_owned());
    let exponent = power_of_ten(factor).ok_or_else(wrong)?;
    let (unit, prefix) = match unit {
        None => (Unit::NONE, 0),
        Some(unit) => Unit::parse(unit).ok_or_else(|| FieldProblem::Unit(unit.to_owned()))?,
    };
    Ok(Scale {
        exponent: exponent + prefix,
        unit,
    })
}

/// The exponent of `1`, `10`, `0.01` and so on; at most nine places.
fn power_of_ten(text: &str) -> Option<i8> {
    let zeros = |text: &str| text.bytes().all(|byte| byte == b'0') && text.len() < 10;
    if let Some(places) = text.strip_prefix("0.") {
        let before = places.strip_suffix('1')?;
        return zeros(before).then_some(-(before.len() as i8) - 1);
    }
    let after = text.strip_prefix('1')?;
    zeros(after).then_some(after.len() as i8)
}

impl CodeScale {
    /// Whether it is for this code.
    pub fn fits(&self, code: Obis) -> bool {
        let mut groups = self.groups.iter().zip(code.0);
        groups.all(|(group, number)| group.is_none_or(|group| group == number))
    }
}

impl FromStr for CodeScale {
    type Err = FieldError;

    fn from_str(text: &str) -> Result<Self, FieldError> {
        read_code_scale(text).map_err(|problem| FieldError {
            text: text.to_owned(),
            problem,
        })
    }
}

fn read_code_scale(text: &str) -> Result<CodeScale, FieldProblem> {
    let mut words = text.split_whitespace();
    let code = words.next().ok_or(FieldProblem::Code)?;
    let mut groups = [None; 6];
    let mut count = 0;
    for part in code.split(['.', '-', ':']) {
        let group = groups.get_mut(count).ok_or(FieldProblem::Code)?;
        if part != "*" {
            *group = Some(part.parse().map_err(|_| FieldProblem::Code)?);
        }
        count += 1;
    }
    // Without the storage: any. Shorter ones could mean several things.
    if count < 5 {
        return Err(FieldProblem::Code);
    }
    match words.next() {
        None => Err(FieldProblem::Nothing),
        Some("text" | "time" | "code") => Err(FieldProblem::NotANumber),
        Some(factor) => {
            let (scale, types) = read_number(factor, &mut words)?;
            let line = CodeScale {
                groups,
                scale,
                types,
            };
            end(words, line)
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unnamed => f.write_str("-"),
            Self::Any => f.write_str("..."),
            Self::Octets => f.write_str("octets"),
            Self::Code(code) => write!(f, "{code} code"),
            Self::Text(code, begin) if begin.is_empty() => write!(f, "{code} text"),
            Self::Text(code, begin) => write!(f, "{code} text {begin}"),
            Self::Time(code) => write!(f, "{code} time"),
            Self::Number(code, scale, types) if *types == NumberTypes::ANY => {
                write!(f, "{code} {scale}")
            }
            Self::Number(code, scale, types) => write!(f, "{code} {scale} {types}"),
        }
    }
}

impl fmt::Display for CodeScale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, group) in self.groups.iter().enumerate() {
            let dot = if index == 0 { "" } else { "." };
            match group {
                Some(number) => write!(f, "{dot}{number}")?,
                None => write!(f, "{dot}*")?,
            }
        }
        write!(f, " {}", self.scale)?;
        if self.types == NumberTypes::ANY {
            Ok(())
        } else {
            write!(f, " {}", self.types)
        }
    }
}

/// Both are texts in a file and in its schema.
macro_rules! written_as_text {
    ($type:ident) => {
        impl TryFrom<Cow<'_, str>> for $type {
            type Error = FieldError;

            fn try_from(text: Cow<'_, str>) -> Result<Self, FieldError> {
                text.parse()
            }
        }

        impl From<$type> for String {
            fn from(line: $type) -> Self {
                line.to_string()
            }
        }

        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string" })
            }
        }
    };
}

written_as_text!(Field);
written_as_text!(CodeScale);

#[cfg(test)]
mod tests;
