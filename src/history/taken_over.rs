//! What others have kept, and what people correct.

use jiff::Timestamp;
use jiff::civil::Date;

use super::HistoryError;
use super::series::SeriesKey;
use crate::model::{Decimal, Device, Metric};

/// Values of a device that another program, or the device itself, has kept.
#[derive(Debug, Clone)]
pub struct Imported {
    /// Whose they are. It need not be known yet.
    pub device: Device,
    /// The metric; it need not be among those of the device.
    pub metric: Metric,
    /// Whole days: of a counter the energy, else the mean. They never replace what was measured wholly.
    pub days: Vec<(Date, Decimal)>,
    /// Values of moments, as they were reported. They fill slots that have none.
    pub values: Vec<(Timestamp, Decimal)>,
}

/// A day cannot be corrected.
#[derive(Debug, thiserror::Error)]
pub enum CorrectionError {
    /// There is no such series.
    #[error("nothing is kept of {0}")]
    NoSeries(SeriesKey),
    /// The file cannot be written.
    #[error(transparent)]
    History(#[from] HistoryError),
}
