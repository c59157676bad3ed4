//! Registers of the HEX protocol that are worth knowing, as data.
//!
//! A register means the same on every device that has it. All numbers are little endian. "Not
//! available" is all ones where a number is unsigned, and the largest positive number where it is
//! signed; neither ever becomes a value.

mod table;
#[cfg(test)]
mod tests;

use super::hex::Request;
use super::words::Words;
use crate::model::Decimal;

pub use table::REGISTERS;

/// The serial number.
pub const SERIAL: u16 = 0x010a;
/// The name that the user gave the device.
pub const CUSTOM_NAME: u16 = 0x010c;
/// What the relay of a battery monitor follows.
pub const RELAY_MODE: u16 = 0x034f;

/// What a shunt measures.
pub const MONITOR_MODE: u16 = 0xeeb8;

/// The serial number that a device tells. Battery monitors tell two, separated by a comma: that of
/// their board, and that of the product it was built into, which is the one printed on it.
#[must_use]
pub fn serial_of(told: &str) -> Option<&str> {
    let serial = told.rsplit(',').next()?.trim();
    let sound = |c: char| c.is_ascii_alphanumeric();
    ((4..=32).contains(&serial.len()) && serial.chars().all(sound)).then_some(serial)
}

/// 0 °C in hundredths of a kelvin.
const ZERO_CELSIUS: i64 = 27_315;

/// How the bytes of a register are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RegisterKind {
    /// An unsigned number of so many bytes. Some firmware sends more or fewer; that is read too.
    Unsigned(u8),
    /// A signed number of so many bytes.
    Signed(u8),
    /// Hundredths of a kelvin in two bytes; read as °C.
    Kelvin,
    /// Text, padded with zeros.
    Text,
    /// Bytes with a layout of their own.
    Raw,
    /// It is written without a value, which starts something.
    Start,
}

/// What writing to a register does to a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Access {
    /// It is only read.
    Read,
    /// It is kept in memory: it can be written as often as needed, and is gone after a restart.
    Memory,
    /// It is kept in flash, which wears: write it when a person asks for it, never in a loop.
    Flash,
    /// It starts something that cannot be taken back: only when a person asks for it.
    Once,
    /// It can lock the device, or wipe what it remembers: never written. The one exception is
    /// [`NETWORK_CONTROLLED`].
    Locks,
}

/// How a charger is told that it is controlled from afar.
pub const NETWORK_MODE: u16 = 0x200e;

/// The one value that is ever written to it: part of a network (bit 0) and controlled from outside
/// (bit 2), which the charge current limit needs. Bit 3 would tell the charger for good that there is
/// a battery management system, without which it then refuses to charge.
pub const NETWORK_CONTROLLED: u8 = 0x05;

/// Whether this may be sent to a device: questions, and what can be taken back.
#[must_use]
pub fn may_be_sent(request: &Request) -> bool {
    match request {
        Request::Ping | Request::Version | Request::Product | Request::Get(_) => true,
        Request::Restart => false,
        Request::Set(NETWORK_MODE, bytes) => *bytes == [NETWORK_CONTROLLED],
        Request::Set(register, _) => Register::of(*register)
            .is_some_and(|it| matches!(it.access, Access::Memory | Access::Flash)),
    }
}

/// A register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Register {
    /// Its number.
    pub id: u16,
    /// Our name for it, `snake_case`.
    pub name: &'static str,
    /// How its bytes are read.
    pub kind: RegisterKind,
    /// The number on the wire is divided by 10 to the power of this.
    pub decimals: u8,
    /// Unit of the result; empty where there is none.
    pub unit: &'static str,
    /// Words for its numbers.
    pub words: Option<&'static Words>,
    /// Its bits have the words, not its numbers.
    pub bits: bool,
    /// Only its lower half stands for a word; the upper one has flags.
    pub nibble: bool,
    /// What writing to it does.
    pub access: Access,
}

/// What a register says.
#[derive(Debug, Clone, PartialEq)]
pub enum RegisterReading {
    /// The device has no value for it.
    Unavailable,
    /// A number in the unit of the register.
    Number(Decimal),
    /// A text.
    Text(String),
    /// Bytes that are no number or text, or of a length that does not fit.
    Raw(Vec<u8>),
}

impl RegisterReading {
    /// The number, if it is one.
    #[must_use]
    pub fn number(&self) -> Option<Decimal> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }
}

impl Register {
    /// The register with this number, if we know it.
    #[must_use]
    pub fn of(id: u16) -> Option<&'static Self> {
        let at = REGISTERS.binary_search_by_key(&id, |register| register.id);
        REGISTERS.get(at.ok()?)
    }

    /// What of its number stands for one of its words.
    #[must_use]
    pub fn number_of_word(&self, number: Decimal) -> i64 {
        let number = number.mantissa();
        if self.nibble { number & 0xf } else { number }
    }

    /// Reads its bytes.
    #[must_use]
    pub fn decode(&self, bytes: &[u8]) -> RegisterReading {
        let number = match self.kind {
            RegisterKind::Text => return text(bytes),
            RegisterKind::Raw | RegisterKind::Start => None,
            RegisterKind::Unsigned(_) | RegisterKind::Kelvin => unsigned(bytes),
            RegisterKind::Signed(_) => signed(bytes),
        };
        match (number, self.kind) {
            (None, _) => RegisterReading::Raw(bytes.to_vec()),
            (Some(None), _) => RegisterReading::Unavailable,
            (Some(Some(raw)), RegisterKind::Kelvin) => {
                RegisterReading::Number(Decimal::new(raw - ZERO_CELSIUS, 2))
            }
            (Some(Some(raw)), _) => RegisterReading::Number(Decimal::new(raw, self.decimals)),
        }
    }

    /// The bytes to write for a number in its unit; `None` if it cannot be one, or would mean "not
    /// available".
    #[must_use]
    pub fn encode(&self, number: Decimal) -> Option<Vec<u8>> {
        let (raw, length) = match self.kind {
            RegisterKind::Unsigned(length) | RegisterKind::Signed(length) => {
                (number.with_scale(self.decimals).mantissa(), length)
            }
            RegisterKind::Kelvin => (
                number.with_scale(2).mantissa().saturating_add(ZERO_CELSIUS),
                2,
            ),
            RegisterKind::Text | RegisterKind::Raw | RegisterKind::Start => return None,
        };
        let bits = u32::from(length) * 8;
        let range = match self.kind {
            RegisterKind::Signed(_) => -(1_i128 << (bits - 1))..(1_i128 << (bits - 1)) - 1,
            _ => 0..(1_i128 << bits) - 1,
        };
        // The largest number, which the range ends before, means "not available".
        if !range.contains(&i128::from(raw)) {
            return None;
        }
        let bytes = raw.to_le_bytes();
        bytes.get(..usize::from(length)).map(<[u8]>::to_vec)
    }
}

/// An unsigned number; `Some(None)` if it is not available, `None` if these bytes are no number.
pub fn unsigned(bytes: &[u8]) -> Option<Option<i64>> {
    let raw = little_endian(bytes)?;
    let all_ones = bytes.iter().all(|byte| *byte == 0xff);
    Some((!all_ones).then_some(raw))
}

/// A signed number, in the same way.
pub fn signed(bytes: &[u8]) -> Option<Option<i64>> {
    let raw = little_endian(bytes)?;
    let half = 1_i64 << (bytes.len() * 8 - 1);
    let number = if raw >= half { raw - 2 * half } else { raw };
    Some((number != half - 1).then_some(number))
}

/// Numbers have one to four bytes.
fn little_endian(bytes: &[u8]) -> Option<i64> {
    if bytes.is_empty() || bytes.len() > 4 {
        return None;
    }
    let shifted = |sum: i64, byte: &u8| sum << 8 | i64::from(*byte);
    Some(bytes.iter().rev().fold(0, shifted))
}

fn text(bytes: &[u8]) -> RegisterReading {
    let end = bytes.iter().position(|byte| matches!(byte, 0 | 0xff));
    let bytes = bytes.get(..end.unwrap_or(bytes.len())).unwrap_or_default();
    let text = String::from_utf8_lossy(bytes).trim().to_owned();
    if text.is_empty() {
        RegisterReading::Unavailable
    } else {
        RegisterReading::Text(text)
    }
}
