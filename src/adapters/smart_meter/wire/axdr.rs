//! A-XDR: how DLMS writes typed values (IEC 62056-6-2, IEC 61334-6).
//!
//! | Tag | Type | Body |
//! |---|---|---|
//! | 00 | null | none |
//! | 01, 02 | array, structure | BER count, items |
//! | 03 | boolean | 1 byte |
//! | 04 | bit string | BER count of bits, bytes |
//! | 05, 06 | double-long, unsigned | 4 bytes |
//! | 09, 0A, 0C | octet, visible, UTF-8 string | BER length, bytes |
//! | 0D | bcd | 1 byte |
//! | 0F, 11 | integer, unsigned | 1 byte |
//! | 10, 12 | long, unsigned | 2 bytes |
//! | 14, 15 | long64, unsigned | 8 bytes |
//! | 16 | enumeration | 1 byte |
//! | 17, 18 | float32, float64 | 4, 8 bytes |
//! | 19, 1A, 1B | date-time, date, time | 12, 5, 4 bytes |
//! | FF | don't care | none |
//!
//! Numbers are big-endian. Compact arrays (13) are refused: no meter sends them on this interface.

use std::fmt;

use super::ber;
use super::number;

/// Values inside of values at most.
const MAX_DEPTH: usize = 8;
/// Items of one array or structure at most.
const MAX_ITEMS: usize = 256;

/// Tags of the types that have a meaning of their own for the caller.
pub mod tag {
    /// Signed, one byte: the exponent of a scaler.
    pub const INTEGER: u8 = 0x0f;
    /// Enumeration: the unit of a scaler.
    pub const ENUMERATION: u8 = 0x16;
}

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub enum Data {
    /// No value.
    Null,
    /// Values of one type.
    Array(Vec<Data>),
    /// Values of any types.
    Structure(Vec<Data>),
    /// True or false.
    Boolean(bool),
    /// Bits, the first one in the highest bit of the first byte.
    Bits {
        /// How many count.
        count: usize,
        /// The bytes they are in.
        bytes: Vec<u8>,
    },
    /// A whole number of any width, with the tag it came with.
    Number {
        /// Its type.
        tag: u8,
        /// Its value.
        value: i128,
    },
    /// A number with a binary point.
    Float(f64),
    /// Bytes: a code, a moment, or characters.
    Octets(Vec<u8>),
    /// Characters, as they came; control characters and all.
    Text(String),
    /// A moment: see [`super::time`].
    DateTime([u8; 12]),
    /// A day.
    Date([u8; 5]),
    /// A time of day.
    Time([u8; 4]),
    /// Whatever the receiver likes.
    DontCare,
}

/// The bytes are no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("at byte {offset} of the data: {problem}")]
pub struct AxdrError {
    /// Where, from the start of the bytes given.
    pub offset: usize,
    /// What.
    pub problem: Problem,
}

/// What is wrong with a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// More bytes may complete it.
    #[error("the data ends too early")]
    Incomplete,
    /// The type does not exist or is not supported.
    #[error("there is no data type {0:02x}")]
    UnknownTag(u8),
    /// Nested or long beyond any meter's need.
    #[error("the data is nested too deeply or too long")]
    TooLarge,
}

impl Data {
    /// Reads one value from the front of the bytes, and returns it with the bytes it took.
    pub fn decode(bytes: &[u8]) -> Result<(Self, usize), AxdrError> {
        let mut reader = Reader { bytes, at: 0 };
        let data = reader.value(0)?;
        Ok((data, reader.at))
    }

    /// Appends the value as it is written on the wire.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Null => out.push(0x00),
            Self::Array(items) => encode_items(0x01, items, out),
            Self::Structure(items) => encode_items(0x02, items, out),
            Self::Boolean(value) => out.extend([0x03, u8::from(*value)]),
            Self::Bits { count, bytes } => {
                out.push(0x04);
                ber::encode(*count, out);
                out.extend(bytes);
            }
            Self::Number { tag, value } => {
                let width = width(*tag).unwrap_or(0);
                out.push(*tag);
                let bytes = value.to_be_bytes();
                out.extend(bytes.iter().skip(bytes.len() - width));
            }
            Self::Float(value) => {
                out.push(0x18);
                out.extend(value.to_be_bytes());
            }
            Self::Octets(bytes) => encode_bytes(0x09, bytes, out),
            Self::Text(text) => encode_bytes(0x0a, text.as_bytes(), out),
            Self::DateTime(bytes) => {
                out.push(0x19);
                out.extend(bytes);
            }
            Self::Date(bytes) => {
                out.push(0x1a);
                out.extend(bytes);
            }
            Self::Time(bytes) => {
                out.push(0x1b);
                out.extend(bytes);
            }
            Self::DontCare => out.push(0xff),
        }
    }

    /// An unsigned number of two bytes.
    pub const fn u16(value: u16) -> Self {
        Self::Number {
            tag: 0x12,
            value: value as i128,
        }
    }

    /// An unsigned number of four bytes.
    pub const fn u32(value: u32) -> Self {
        Self::Number {
            tag: 0x06,
            value: value as i128,
        }
    }

    /// The number, if it is a whole one.
    pub const fn as_number(&self) -> Option<i128> {
        match self {
            Self::Number { value, .. } => Some(*value),
            _ => None,
        }
    }

    /// The bytes, if it is an octet string.
    pub fn as_octets(&self) -> Option<&[u8]> {
        match self {
            Self::Octets(bytes) => Some(bytes),
            _ => None,
        }
    }
}

impl Data {
    /// What kind of value it is, in a word or a few: `u32`, `octets of 8`.
    pub fn kind(&self) -> String {
        let name = match self {
            Self::Number { tag, .. } => number::word(*tag).unwrap_or("number"),
            Self::Octets(bytes) => return format!("octets of {}", bytes.len()),
            Self::Text(text) => return format!("text of {}", text.len()),
            Self::Structure(values) => return format!("structure of {}", values.len()),
            Self::Array(values) => return format!("array of {}", values.len()),
            Self::Null => "null",
            Self::DontCare => "don't care",
            Self::Boolean(_) => "boolean",
            Self::Bits { .. } => "bits",
            Self::Float(_) => "float",
            Self::DateTime(_) => "date-time",
            Self::Date(_) => "date",
            Self::Time(_) => "time",
        };
        name.to_owned()
    }
}

impl fmt::Display for Data {
    /// For people: what can be shown in a few characters is, of the rest its kind.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null | Self::DontCare => f.write_str("no value"),
            Self::Boolean(true) => f.write_str("yes"),
            Self::Boolean(false) => f.write_str("no"),
            Self::Number { value, .. } => write!(f, "{value}"),
            Self::Float(value) => write!(f, "{value}"),
            Self::Octets(bytes) => write!(f, "{} bytes", bytes.len()),
            Self::Bits { count, .. } => write!(f, "{count} bits"),
            Self::Date([high, low, month, day, _]) => {
                let year = u16::from_be_bytes([*high, *low]);
                write!(f, "{year}-{month:02}-{day:02}")
            }
            Self::Time([hour, minute, second, _]) => {
                write!(f, "{hour:02}:{minute:02}:{second:02}")
            }
            other => f.write_str(&other.kind()),
        }
    }
}

fn encode_items(tag: u8, items: &[Data], out: &mut Vec<u8>) {
    out.push(tag);
    ber::encode(items.len(), out);
    for item in items {
        item.encode(out);
    }
}

fn encode_bytes(tag: u8, bytes: &[u8], out: &mut Vec<u8>) {
    out.push(tag);
    ber::encode(bytes.len(), out);
    out.extend(bytes);
}

/// Bytes of a whole number.
const fn width(tag: u8) -> Option<usize> {
    match tag {
        0x0d | 0x0f | 0x11 | 0x16 => Some(1),
        0x10 | 0x12 => Some(2),
        0x05 | 0x06 => Some(4),
        0x14 | 0x15 => Some(8),
        _ => None,
    }
}

const fn is_signed(tag: u8) -> bool {
    matches!(tag, 0x05 | 0x0f | 0x10 | 0x14)
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn value(&mut self, depth: usize) -> Result<Data, AxdrError> {
        let begun = self.at;
        let fail = |problem| AxdrError {
            offset: begun,
            problem,
        };
        if depth > MAX_DEPTH {
            return Err(fail(Problem::TooLarge));
        }
        let [tag] = self.array()?;
        if let Some(width) = width(tag) {
            let value = number(self.take(width)?, is_signed(tag));
            return Ok(Data::Number { tag, value });
        }
        Ok(match tag {
            0x00 => Data::Null,
            0x01 => Data::Array(self.items(depth)?),
            0x02 => Data::Structure(self.items(depth)?),
            0x03 => Data::Boolean(self.array::<1>()? != [0]),
            0x04 => {
                let count = self.length()?;
                let bytes = self.take(count.div_ceil(8))?.to_vec();
                Data::Bits { count, bytes }
            }
            0x09 => Data::Octets(self.string()?.to_vec()),
            0x0a | 0x0c => Data::Text(String::from_utf8_lossy(self.string()?).into_owned()),
            0x17 => Data::Float(f32::from_be_bytes(self.array()?).into()),
            0x18 => Data::Float(f64::from_be_bytes(self.array()?)),
            0x19 => Data::DateTime(self.array()?),
            0x1a => Data::Date(self.array()?),
            0x1b => Data::Time(self.array()?),
            0xff => Data::DontCare,
            unknown => return Err(fail(Problem::UnknownTag(unknown))),
        })
    }

    fn items(&mut self, depth: usize) -> Result<Vec<Data>, AxdrError> {
        let begun = self.at;
        let count = self.length()?;
        if count > MAX_ITEMS {
            return Err(AxdrError {
                offset: begun,
                problem: Problem::TooLarge,
            });
        }
        (0..count).map(|_| self.value(depth + 1)).collect()
    }

    fn string(&mut self) -> Result<&'a [u8], AxdrError> {
        let length = self.length()?;
        self.take(length)
    }

    fn length(&mut self) -> Result<usize, AxdrError> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let (length, took) = ber::decode(rest).map_err(|error| AxdrError {
            offset: self.at,
            problem: match error {
                ber::BerError::Incomplete => Problem::Incomplete,
                ber::BerError::TooLong => Problem::TooLarge,
            },
        })?;
        self.at += took;
        Ok(length)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], AxdrError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], AxdrError> {
        let end = self.at.saturating_add(count);
        let taken = self.bytes.get(self.at..end).ok_or(AxdrError {
            offset: self.at,
            problem: Problem::Incomplete,
        })?;
        self.at = end;
        Ok(taken)
    }
}

/// A whole number of at most eight bytes.
fn number(bytes: &[u8], is_signed: bool) -> i128 {
    let negative = is_signed && bytes.first().is_some_and(|first| first & 0x80 != 0);
    let start = if negative { -1 } else { 0 };
    bytes
        .iter()
        .fold(start, |value, byte| (value << 8) | i128::from(*byte))
}

#[cfg(test)]
mod tests;
