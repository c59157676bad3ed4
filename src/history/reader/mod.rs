//! Looking at the history: each question runs on a thread of its own and on a connection that only reads.

mod answers;
mod curves;
mod desk;
mod energies;
mod health;
mod house_energy;
mod lists;
mod statistics;
mod stretches;

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::HistoryError;
use super::calendar::Calendar;
use super::day::DayFlags;
use super::place::HistoryPlace;
use super::series::SeriesKey;
use crate::model::DeviceId;

pub use answers::*;
pub use desk::Desk;

/// Questions that are answered at once.
const TURNS: usize = 3;

/// Asks the history. Cheap to clone; nothing here is ever waited for by the bridge.
#[derive(Debug, Clone)]
pub struct HistoryReader {
    desk: Arc<Desk>,
    calendar: Calendar,
    /// Who asks waits for a turn, so that many at once take no more memory than some.
    turns: Arc<Semaphore>,
}

impl HistoryReader {
    /// At a desk, with the calendar of the house.
    pub(super) fn new(desk: Arc<Desk>, calendar: Calendar) -> Self {
        Self {
            desk,
            calendar,
            turns: Arc::new(Semaphore::new(TURNS)),
        }
    }

    /// From another program than the one that writes, with days by the midnights of a zone.
    pub fn open(path: &Path, zone: TimeZone) -> Self {
        let place = HistoryPlace::Disk(path.to_owned());
        Self::new(Arc::new(Desk::beside(place)), Calendar::new(zone))
    }

    /// Where there is none.
    pub(super) fn off() -> Self {
        Self::new(Arc::new(Desk::none()), Calendar::new(TimeZone::UTC))
    }

    /// Asks on a thread that may wait.
    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Connection, &Calendar) -> Result<T, HistoryError> + Send + 'static,
    ) -> Result<T, HistoryError> {
        let _turn = self.turns.acquire().await;
        let (desk, calendar) = (Arc::clone(&self.desk), self.calendar.clone());
        let asked = move || desk.ask(|file| question(file, &calendar));
        let answer = tokio::task::spawn_blocking(asked).await;
        answer.unwrap_or(Err(HistoryError::Stopping))
    }

    /// The calendar by which days are counted.
    pub const fn calendar(&self) -> &Calendar {
        &self.calendar
    }

    /// All series that are kept.
    pub async fn series(&self) -> Result<Vec<SeriesInfo>, HistoryError> {
        self.ask(|file, _| lists::series(file)).await
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
        self.ask(move |file, calendar| curves::power(file, calendar, &series, (from, to), step))
            .await
    }

    /// What is usual for each five minutes of a day, from the 14 days before.
    pub async fn usual(&self, series: SeriesKey, day: Date) -> Result<Usual, HistoryError> {
        self.ask(move |file, calendar| curves::usual(file, calendar, &series, day))
            .await
    }

    /// Energies from one date to another, which is not part of it.
    pub async fn energy(
        &self,
        by: By,
        from: Date,
        to: Date,
        of: EnergyOf,
    ) -> Result<EnergyTable, HistoryError> {
        self.ask(move |file, _| energies::energy(file, by, (from, to), of))
            .await
    }

    /// Sums of the house, of each device and of each panel from one date to another, which is not part of it.
    pub async fn statistics(
        &self,
        from: Date,
        to: Date,
    ) -> Result<Vec<StatisticsRow>, HistoryError> {
        self.ask(move |file, calendar| statistics::statistics(file, calendar, (from, to)))
            .await
    }

    /// How a device was in the last so many days.
    pub async fn health(
        &self,
        device: DeviceId,
        days: u16,
        now: Timestamp,
    ) -> Result<HealthRecord, HistoryError> {
        self.ask(move |file, calendar| health::health(file, calendar, &device, days, now))
            .await
    }

    /// Slots of some series, or of all if none is named, from one date to another, which is not part of it. Ask day by
    /// day: a day of 40 series has 11,520.
    pub async fn slots(
        &self,
        series: Vec<SeriesKey>,
        from: Date,
        to: Date,
    ) -> Result<Exported<SlotOfSeries>, HistoryError> {
        self.ask(move |file, calendar| lists::slots(file, calendar, &series, (from, to)))
            .await
    }

    /// Days of some series, or of all if none is named, from one date to another, which is not part of it.
    pub async fn days(
        &self,
        series: Vec<SeriesKey>,
        from: Date,
        to: Date,
    ) -> Result<Exported<DayOfSeries>, HistoryError> {
        self.ask(move |file, _| lists::days(file, &series, (from, to)))
            .await
    }

    /// The slots in `(after, through]`, in seconds since 1970, the oldest first, and at most `most` of those that
    /// have anything.
    pub async fn stretch(
        &self,
        wanted: Wanted,
        (after, through): (i64, i64),
        most: usize,
    ) -> Result<Stretch, HistoryError> {
        self.ask(move |file, calendar| {
            stretches::stretch(file, calendar, &wanted, (after, through), most)
        })
        .await
    }

    /// Days from one date to another, which is not part of it, on which values of a series are missing
    /// in part. Days of which nothing is kept have no flag: see [`Self::statistics`].
    pub async fn gap_days(
        &self,
        series: SeriesKey,
        from: Date,
        to: Date,
    ) -> Result<Vec<Date>, HistoryError> {
        let days = self.days(vec![series], from, to).await?;
        let gaps = days
            .rows
            .iter()
            .filter(|day| day.row.flags.has(DayFlags::GAP));
        Ok(gaps.map(|day| day.date).collect())
    }

    /// How large it is.
    pub async fn size(&self) -> Result<HistorySize, HistoryError> {
        self.ask(|file, _| lists::size(file)).await
    }
}
