//! What outlives a restart.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

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
