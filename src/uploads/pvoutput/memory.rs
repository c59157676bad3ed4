//! What outlives a restart.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::rows::Row;

/// What is remembered of PVOutput and of what it got.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PvOutputMemory {
    /// The row that was sent last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<SentRow>,
    /// The one that was sent last of those that are sent once more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub again: Option<SentRow>,
    /// Minutes between two statuses, if PVOutput has said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<i64>,
    /// Whether the owner has donated, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub donor: Option<bool>,
    /// The time zone of the system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// The requests that are left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<RateLeft>,
}

/// A row that was sent, and what it left behind for the next of its date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentRow {
    /// Its local date.
    pub date: Date,
    /// Its local time, in minutes since midnight.
    pub minute: i64,
    /// The end of its last slot, in seconds since 1970.
    pub end: i64,
    /// The last energy generated that was sent for the date, in Wh.
    #[serde(default)]
    pub generated: i64,
    /// The power that was sent last, in W.
    #[serde(default)]
    pub power: i64,
    /// The last energy consumed that was sent for the date, in Wh.
    #[serde(default)]
    pub consumed: i64,
}

/// What the head of an answer tells of the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateLeft {
    /// How many requests.
    pub remaining: i64,
    /// Until this moment, in seconds since 1970.
    pub reset: i64,
}

impl SentRow {
    /// What a row leaves behind, after another one that counts if it is of the same date.
    pub fn after(before: Option<&Self>, row: &Row) -> Self {
        let before = before.filter(|before| before.date == row.date);
        let (mut generated, mut power) = before.map_or((0, 0), |it| (it.generated, it.power));
        if let Some((wh, watts)) = row.generation {
            generated = wh.unwrap_or(generated);
            power = watts.unwrap_or(0);
        }
        let consumed = before.map_or(0, |it| it.consumed);
        Self {
            date: row.date,
            minute: row.minute,
            end: row.end,
            generated,
            power,
            consumed: row.consumption.0.unwrap_or(consumed),
        }
    }
}
