//! The history: against the examples beside the project, killed at any moment, in the way of nobody.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

mod disk;
mod kills;
mod vectors;
mod year;

use std::path::Path;
use std::time::Duration;

use jiff::tz::TimeZone;
use wattbridge::history::{History, HistorySettings};
use wattbridge::model::Metric;

/// The longest that is waited for what comes at once.
const SOON: Duration = Duration::from_secs(600);

fn vienna() -> TimeZone {
    TimeZone::get("Europe/Vienna").unwrap()
}

/// One whose time passes in steps.
fn stepped(path: &Path, zone: TimeZone) -> History {
    History::open_stepped(path, &HistorySettings::default(), zone)
}

/// The same metric under another key.
fn named(key: String, metric: Metric) -> Metric {
    Metric {
        key: key.into(),
        ..metric
    }
}
