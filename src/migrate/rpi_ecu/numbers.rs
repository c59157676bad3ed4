//! The numbers of inverters and networks, as other programs write them down.

use std::fmt;

/// The serial number of an inverter: 12 digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PrintedSerial(u64);

impl PrintedSerial {
    /// From its digits, with spaces and dashes or without.
    pub fn read(text: &str) -> Option<Self> {
        let digits: String = text.chars().filter(|c| !matches!(c, ' ' | '-')).collect();
        let is_one = digits.len() == 12 && digits.bytes().all(|digit| digit.is_ascii_digit());
        is_one.then(|| digits.parse().ok().map(Self))?
    }

    /// Its first two digits, which tell what is built alike.
    pub const fn series(self) -> u64 {
        self.0 / 10_000_000_000
    }

    /// How many inputs it has; the most there can be, where that is not known.
    pub const fn inputs(self) -> usize {
        match self.series() {
            40 | 70 => 2,
            _ => 4,
        }
    }
}

impl fmt::Display for PrintedSerial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:012}", self.0)
    }
}

/// The id of an ECU, which names its network: 12 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct NamedNetwork(u64);

impl NamedNetwork {
    /// What RPI-ECU has before anybody has set one.
    pub const NEVER_SET: Self = Self(0x9999_9999_9999);

    /// From its digits, also behind `0x`; `None` if it is none that a network can have.
    pub fn read(text: &str) -> Option<Self> {
        let digits = hexadecimal(text);
        let is_one = digits.len() == 12 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        let id = is_one.then(|| u64::from_str_radix(digits, 16).ok().map(Self))??;
        (!matches!(id.own_address(), 0 | 0xffff)).then_some(id)
    }

    /// With its last byte first, as payloads have it.
    pub const fn reversed(self) -> Self {
        Self(self.0.swap_bytes() >> 16)
    }

    /// What the first four digits are as an address.
    pub const fn own_address(self) -> u16 {
        (self.0 >> 32) as u16
    }
}

impl fmt::Display for NamedNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:012X}", self.0)
    }
}

/// How a program writes the two bytes of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByteOrder {
    /// As a number behind `0x`; without it as they are sent, the low byte first.
    ByPrefix,
    /// As a number.
    Number,
}

/// The address that an inverter got when it was paired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PairedAddress {
    /// This one.
    At(u16),
    /// None: it is not paired.
    NotPaired,
    /// Nothing is said about it.
    #[default]
    NotSaid,
    /// It is no address.
    Unreadable,
}

/// Addresses from here on are nobody's own.
const FIRST_OF_ALL: u16 = 0xfff8;

impl PairedAddress {
    /// From what a program calls the id of an inverter.
    pub fn read(text: &str, order: ByteOrder) -> Self {
        let text = text.trim();
        // With 1111 these programs mark one that has to be paired.
        if ["", "unpaired", "1x1111"]
            .iter()
            .any(|none| text.eq_ignore_ascii_case(none))
        {
            return Self::NotPaired;
        }
        let digits = hexadecimal(text);
        if digits.len() != 4 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Self::Unreadable;
        }
        let Ok(number) = u16::from_str_radix(digits, 16) else {
            return Self::Unreadable;
        };
        let is_as_sent = order == ByteOrder::ByPrefix && digits.len() == text.len();
        let address = if is_as_sent {
            number.swap_bytes()
        } else {
            number
        };
        match address {
            0 | 0x1111 | FIRST_OF_ALL.. => Self::NotPaired,
            address => Self::At(address),
        }
    }
}

/// The digits behind `0x`.
fn hexadecimal(text: &str) -> &str {
    let text = text.trim();
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    digits.unwrap_or(text)
}
