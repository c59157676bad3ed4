//! One value of a foreign file, and why a line gives none.

use jiff::Timestamp;
use jiff::civil::Date;

use crate::model::Decimal;

/// One value as a file has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignRow {
    /// The line, counted from 1.
    pub line: u64,
    /// The id of the device, `[a-z0-9_]`.
    pub device: String,
    /// The key of the value, the same.
    pub key: String,
    /// When it was.
    pub time: ForeignTime,
    /// The value.
    pub value: Decimal,
    /// Its unit, if the file says it.
    pub unit: Option<String>,
    /// How it behaves, if the file says it: `measurement`, `lifetime`, `daily`.
    pub kind: Option<String>,
}

/// When a value was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ForeignTime {
    /// At a moment, as it was reported.
    Moment(Timestamp),
    /// A whole day: the energy of it, or its mean.
    Day(Date),
}

/// A line that gives nothing, or not all that it could.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedLine {
    /// The line, counted from 1.
    pub line: u64,
    /// Why.
    pub why: RowRefusal,
}

/// Why a line gives nothing. What is quoted of it is short, and nothing in it is obeyed by a terminal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RowRefusal {
    /// No line of such a file is so long.
    #[error("the line has more than {0} bytes")]
    TooLong(usize),
    /// It holds what no text does.
    #[error("the line is no text in UTF-8, or holds control characters")]
    NoText,
    /// There are too few columns.
    #[error("the line has {found} columns, and needs {needed}")]
    TooShort {
        /// How many it has.
        found: usize,
        /// How many it needs.
        needed: usize,
    },
    /// It is no id.
    #[error("\"{0}\" is no id of a device: small letters, digits and _, as in its MQTT topic")]
    NoDevice(String),
    /// It is no key.
    #[error("\"{0}\" is no key of a value: small letters, digits and _")]
    NoKey(String),
    /// It is no time.
    #[error(
        "\"{0}\" is no time: write 2026-06-14 for a whole day, or 2026-06-14T10:05:00+02:00 for a moment"
    )]
    NoTime(String),
    /// It is no number.
    #[error("\"{0}\" is no number that can be believed")]
    NoNumber(String),
    /// It is not JSON, or not of this kind.
    #[error("the line is not what `wattbridge ... history --json` prints")]
    NotTold,
    /// A month cannot be cut into days.
    #[error("it is a whole month, which cannot be cut into days; ask the device for days")]
    Month,
}

/// The most of a line that is quoted.
const QUOTED: usize = 40;

/// A piece of a line as it may be shown.
pub fn quoted(text: &str) -> String {
    let mut shown: String = text
        .chars()
        .take(QUOTED)
        .flat_map(char::escape_debug)
        .collect();
    if text.chars().nth(QUOTED).is_some() {
        shown.push('…');
    }
    shown
}
