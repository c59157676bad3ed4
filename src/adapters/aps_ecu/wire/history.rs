//! Answers 0003 (power over one day) and 0004 (energy of past days).
//!
//! | Answer | Offset | Size | Kind | Meaning |
//! |---|---|---|---|---|
//! | both | 13 | 2 | ASCII | status `00` |
//! | 0003 | 15 + 4n | 2 | BCD | time `hhmm` |
//! | 0003 | 17 + 4n | 2 | u16 | power, W |
//! | 0004 | 15 | 2 | ASCII | period, as asked |
//! | 0004 | 17 + 6n or 8n | 4 | BCD | date; of a month, its first day |
//! | 0004 | 21 + 6n or 8n | 2 or 4 | u16 or u32 | energy, hundredths of kWh |
//!
//! Group 12 has 8 bytes an entry, group 11 mostly 6: the size is the one at which every date is one.

use jiff::civil;

use super::bcd;
use super::error::{DecodeError, Shortage};
use super::frame::{Group, seal};

pub const DAY_COMMAND: u16 = 3;
pub const ENERGY_COMMAND: u16 = 4;
pub const POINT: usize = 4;
const NARROW: usize = 6;
const WIDE: usize = 8;

/// Span of an energy history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Period {
    /// Days of the last week.
    Week,
    /// Days of the last month.
    Month,
    /// Months of the last year.
    Year,
}

impl Period {
    /// Its two characters on the wire.
    #[must_use]
    pub fn code(self) -> [u8; 2] {
        match self {
            Self::Week => *b"00",
            Self::Month => *b"01",
            Self::Year => *b"02",
        }
    }

    /// What it is of, in words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Week => "days of the last week",
            Self::Month => "days of the last month",
            Self::Year => "months of the last year",
        }
    }

    /// The period behind two characters.
    #[must_use]
    pub fn from_code(code: [u8; 2]) -> Option<Self> {
        match &code {
            b"00" => Some(Self::Week),
            b"01" => Some(Self::Month),
            b"02" => Some(Self::Year),
            _ => None,
        }
    }
}

/// Power over one day; empty if the gateway has nothing of that day.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DayCurve {
    /// Time of day (whole minutes) and power in W. A point without a valid time is left out.
    pub points: Vec<(civil::Time, u16)>,
}

impl DayCurve {
    pub(crate) fn decode(points: &[u8]) -> Self {
        Self {
            points: points.chunks_exact(POINT).filter_map(point).collect(),
        }
    }

    /// The frame.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut body = b"00".to_vec();
        for (time, power) in &self.points {
            body.extend_from_slice(&bcd::hour_minute_bytes(*time));
            body.extend_from_slice(&power.to_be_bytes());
        }
        seal(Group::G11, DAY_COMMAND, &body)
    }
}

pub fn point(bytes: &[u8]) -> Option<(civil::Time, u16)> {
    let (time, power) = bytes.split_first_chunk::<2>()?;
    let time = bcd::hour_minute(time)?;
    Some((time, u16::from_be_bytes(power.try_into().ok()?)))
}

/// Energy of past days, or of past months if a year was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnergyHistory {
    /// The period asked for.
    pub period: Period,
    /// Date and energy in Wh, in steps of 10. An entry without a valid date is left out.
    pub days: Vec<(civil::Date, u64)>,
    /// The energies are modulo 655.36 kWh (entries of 6 bytes).
    pub wraps: bool,
    /// Group the answer came in.
    pub group: Group,
}

impl EnergyHistory {
    pub(crate) fn decode(group: Group, body: &[u8]) -> Result<Self, DecodeError> {
        let (code, entries) = body
            .split_first_chunk::<2>()
            .ok_or(Shortage::new(ENERGY_COMMAND, body))?;
        let period =
            Period::from_code(*code).ok_or_else(|| DecodeError::field(2, "period", code))?;
        let size = entry_size(group, entries);
        Ok(Self {
            period,
            days: entries.chunks_exact(size).filter_map(day).collect(),
            wraps: size == NARROW,
            group,
        })
    }

    /// The frame. Energies are rounded down to steps of 10 Wh and wrap as the gateway's do, if they
    /// do.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut body = b"00".to_vec();
        body.extend_from_slice(&self.period.code());
        for (date, energy) in &self.days {
            body.extend_from_slice(&bcd::date_bytes(*date));
            let steps = energy / 10;
            if self.wraps {
                let wrapped = u16::try_from(steps % 0x1_0000).unwrap_or_default();
                body.extend_from_slice(&wrapped.to_be_bytes());
            } else {
                let clamped = u32::try_from(steps).unwrap_or(u32::MAX);
                body.extend_from_slice(&clamped.to_be_bytes());
            }
        }
        seal(self.group, ENERGY_COMMAND, &body)
    }
}

/// The size at which every entry has a date; where that leaves a choice, the group tells.
pub fn entry_size(group: Group, entries: &[u8]) -> usize {
    let (usual, other) = match group {
        Group::G11 => (NARROW, WIDE),
        Group::G12 => (WIDE, NARROW),
    };
    let fits = |size: usize| {
        let dated = |entry| day(entry).is_some();
        entries.len().is_multiple_of(size) && entries.chunks_exact(size).all(dated)
    };
    if !fits(usual) && fits(other) {
        other
    } else {
        usual
    }
}

pub fn day(bytes: &[u8]) -> Option<(civil::Date, u64)> {
    let (date, energy) = bytes.split_first_chunk::<4>()?;
    let date = bcd::date(date)?;
    let steps = energy
        .iter()
        .fold(0, |sum, byte| (sum << 8) | u64::from(*byte));
    Some((date, steps * 10))
}
