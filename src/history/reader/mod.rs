//! Looking at the history: each question runs on a thread of its own and on a connection that only reads.

mod answers;

use jiff::Timestamp;
use jiff::civil::Date;

use super::HistoryError;
use super::calendar::Calendar;
use super::series::SeriesKey;
use crate::model::DeviceId;

pub use answers::*;

/// Asks the history. Cheap to clone; nothing here is ever waited for by the bridge.
#[derive(Debug, Clone)]
pub struct HistoryReader {
    calendar: Calendar,
}

impl HistoryReader {
    /// Where there is none.
    pub fn off() -> Self {
        Self {
            calendar: Calendar::new(jiff::tz::TimeZone::UTC),
        }
    }

    /// The calendar by which days are counted.
    pub const fn calendar(&self) -> &Calendar {
        &self.calendar
    }

    /// All series that are kept.
    pub async fn series(&self) -> Result<Vec<SeriesInfo>, HistoryError> {
        Err(HistoryError::Off)
    }

    /// The means of several series from one date to another, which is not part of it, in steps of 300 or 3600
    /// seconds. For [`HOUSE`](super::HOUSE): `sun`, `house`, `grid` (above 0 is taken), `battery` (above 0 is
    /// charged) in W, `battery_level` in %, and who fed whom in Wh of each slot.
    pub async fn power(
        &self,
        series: Vec<SeriesKey>,
        from: Date,
        to: Date,
        step: i64,
    ) -> Result<PowerCurves, HistoryError> {
        let _ = (series, from, to, step);
        Err(HistoryError::Off)
    }

    /// What is usual for each five minutes of a day, from the 14 days before.
    pub async fn usual(&self, series: SeriesKey, day: Date) -> Result<Usual, HistoryError> {
        let _ = (series, day);
        Err(HistoryError::Off)
    }

    /// Energies from one date to another, which is not part of it.
    pub async fn energy(
        &self,
        by: By,
        from: Date,
        to: Date,
        of: EnergyOf,
    ) -> Result<EnergyTable, HistoryError> {
        let _ = (by, from, to, of);
        Err(HistoryError::Off)
    }

    /// Sums of the house, of each device and of each panel from one date to another, which is not part of it.
    pub async fn statistics(
        &self,
        from: Date,
        to: Date,
    ) -> Result<Vec<StatisticsRow>, HistoryError> {
        let _ = (from, to);
        Err(HistoryError::Off)
    }

    /// How a device was in the last so many days.
    pub async fn health(
        &self,
        device: DeviceId,
        days: u16,
        now: Timestamp,
    ) -> Result<HealthRecord, HistoryError> {
        let _ = (device, days, now);
        Err(HistoryError::Off)
    }

    /// Slots of some series, or of all if none is named, from one date to another, which is not part of it. Ask day by
    /// day: a day of 40 series has 11,520.
    pub async fn slots(
        &self,
        series: Vec<SeriesKey>,
        from: Date,
        to: Date,
    ) -> Result<Exported<SlotOfSeries>, HistoryError> {
        let _ = (series, from, to);
        Err(HistoryError::Off)
    }

    /// Days of some series, or of all if none is named, from one date to another, which is not part of it.
    pub async fn days(
        &self,
        series: Vec<SeriesKey>,
        from: Date,
        to: Date,
    ) -> Result<Exported<DayOfSeries>, HistoryError> {
        let _ = (series, from, to);
        Err(HistoryError::Off)
    }

    /// Days from one date to another, which is not part of it, on which values of a series are missing.
    pub async fn gap_days(
        &self,
        series: SeriesKey,
        from: Date,
        to: Date,
    ) -> Result<Vec<Date>, HistoryError> {
        let _ = (series, from, to);
        Err(HistoryError::Off)
    }

    /// How large it is.
    pub async fn size(&self) -> Result<HistorySize, HistoryError> {
        Err(HistoryError::Off)
    }
}
